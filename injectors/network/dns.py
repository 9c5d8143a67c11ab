"""Break name resolution in the target: it fails, takes for ever, or gives a wrong address."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.network.target import Kept, require
from injectors.proxy.params import choice, word

_MODES = ("fail", "time-out", "wrong")
_NAME = re.compile(r"(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,62})(?:\.[A-Za-z0-9_-]{1,63})*")


class Dns(Kept):
    """Questions to any name server, Docker's own among them, are refused, dropped, or answered wrongly.

    A name that is in the target's /etc/hosts is not asked for. With a name, only questions for it are hit; ``wrong``
    hits those over UDP.
    """

    kind = "network.dns"
    params = MappingProxyType(
        {
            "mode": "fail: at once; time-out: no answer comes; wrong: another address is given.",
            "name": "Only questions for this host name; all if left out, but wrong needs one.",
            "address": "The IP address that is given, for mode wrong.",
        }
    )
    mechanisms = ("rules", "reject", "conntrack")

    def read(self, fault: FaultSpec, stack: Stack) -> dict[str, ParamValue]:  # noqa: ARG002 - nothing of the stack matters
        """Raises InvalidInput for parameters that do not belong together."""
        mode, name, address = choice(fault, "mode", _MODES), word(fault, "name"), word(fault, "address")
        if "mode" not in fault.params:
            raise InvalidInput(f"fault {fault.id}: mode is missing; write one of {', '.join(_MODES)}")
        if name and not _NAME.fullmatch(name):
            raise InvalidInput(f"fault {fault.id}: name {name!r} is no host name")
        if (mode == "wrong") != bool(address) or (mode == "wrong" and not name):
            raise InvalidInput(f"fault {fault.id}: mode wrong needs a name and an address, and no other mode has one")
        if address:
            _check_address(fault, address)
        return {"mode": mode, "name": name, "address": address}

    def choose(self, fault: FaultSpec, params: Mapping[str, ParamValue], found: Mapping[str, bool]) -> str:
        """Rules, with what the mode needs of them."""
        more = (*(["string"] if params["name"] else []), *(["nat"] if params["mode"] == "wrong" else []))
        require(fault, found, *self.mechanisms, *more)
        return self.back_end

    def order(self, lease: Lease, peers: Sequence[str]) -> dict[str, Any]:  # noqa: ARG002 - there is no peer
        """Questions are known by where they went at first: Docker sends those for its own server elsewhere."""
        name, mode = str(lease.params["name"]), lease.params["mode"]
        text = ["-m", "string", "--algo", "bm", "--icase", "--hex-string", encoded(name)] if name else []
        if mode == "wrong":
            away = ["-p", "udp", "--dport", "53", *text, "-j", "DNAT", "--to-destination", "127.0.0.1:{port}"]
            nat = {"family": 4, "table": "nat", "chain": "OUTPUT", "args": away}
            return {"address": lease.params["address"], "rules": [nat]}
        if mode == "fail":
            return {"rules": [_question(protocol, text, "OUTPUT", how) for protocol, how in _REFUSALS.items()]}
        # Dropped on the way out, a sender would be told: a local server's questions are dropped where they arrive, a
        # distant one's answers.
        ways = (("ORIGINAL", ["-i", "lo"]), ("REPLY", ["!", "-i", "lo"]))
        return {
            "rules": [
                _question(protocol, [*device, "--ctdir", direction, *text], "INPUT", ["DROP"])
                for direction, device in ways
                for protocol in _REFUSALS
            ]
        }


_REFUSALS = {"udp": ["REJECT"], "tcp": ["REJECT", "--reject-with", "tcp-reset"]}


def encoded(name: str) -> str:
    """A host name as it stands in a question, for iptables: the length of each label before it, 0 at the end."""
    return "".join(f"|{len(label):02x}|{label}" for label in name.rstrip(".").split(".")) + "|00|"


def _question(protocol: str, match: list[str], chain: str, decision: list[str]) -> dict[str, Any]:
    question = ["-p", protocol, "-m", "conntrack", "--ctorigdstport", "53", *match]
    return {"family": 0, "table": "filter", "chain": chain, "args": [*question, "-j", *decision]}


def _check_address(fault: FaultSpec, address: str) -> None:
    try:
        ipaddress.ip_address(address)
    except ValueError as error:
        raise InvalidInput(f"fault {fault.id}: address {address!r} is no IP address") from error
