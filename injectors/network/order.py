"""Orders to the helper image (``drill.helper``), and its answers."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any

from drill.errors import StackError
from drill.model.lease import Lease
from drill.ports import Stack
from drill.ports.containers import Shared

NETWORK: frozenset[Shared] = frozenset({"network"})
NOTHING: frozenset[Shared] = frozenset()
Order = Mapping[str, Any]


def mark(lease: Lease) -> str:
    """The lease's own name: of its helper, and the comment of its rules. It tells nothing of the fault."""
    return "drill-" + re.sub(r"[^A-Za-z0-9-]", "-", lease.id)


def command(order: Order) -> list[str]:
    """The helper's command for an order."""
    packed = base64.urlsafe_b64encode(json.dumps(order, separators=(",", ":")).encode()).decode()
    return ["python3", "-m", "drill.helper", packed]


def ask(stack: Stack, service: str, order: Order, share: frozenset[Shared] = NETWORK) -> list[Any]:
    """The answer beside each running replica; none when none runs. Raises StackError when one could not do it."""
    answers = []
    for outcome in stack.containers().run_beside(service, command(order), share=share):
        lines = outcome.output.strip().splitlines() or ["it said nothing"]
        if outcome.code != 0:
            raise StackError(f"the helper beside {service} could not do its work: {lines[-1]}")
        answers.append(json.loads(lines[-1]))
    return answers


def features(stack: Stack, service: str) -> Mapping[str, bool]:
    """What this machine's kernel can, tried in a name space that belongs to nobody."""
    return dict(ask(stack, service, {"do": "probe"}, NOTHING)[0])


def addresses(stack: Stack, service: str) -> list[str]:
    """Addresses of every running replica, in all its networks."""
    return [address for each in ask(stack, service, {"do": "addresses"}) for address in each]


def seen(stack: Stack, lease: Lease) -> list[str]:
    """What is there of the lease: its rules, as iptables-save prints them, and devices with its discipline."""
    answers = ask(stack, lease.service, {"do": "look", "mark": mark(lease)})
    return [thing for one in answers for thing in (*(rule["line"] for rule in one["rules"]), *one["devices"])]


def life(stack: Stack, service: str) -> str:
    """Which containers it is, each since when: another text after a restart or a recreation."""
    lines = stack.containers().lifelines(service)
    return " ".join(f"{line.instance[:12]}@{line.started}" for line in lines if line.running)
