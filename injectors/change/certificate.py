"""A TLS certificate that nobody renewed: whoever checks it turns away, and the service itself works."""

from __future__ import annotations

import re
import shlex
import socket
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import ActionFailed, InvalidInput, Refused, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import ServiceState, Stack
from injectors.container.replicas import each, spanning
from injectors.container.target import blueprint, check_params, present, running_target

_SETTLE_S = 3.0
_ANSWER_S = 2.0
_TAKEN_S = 5.0
_STEADY_S = 0.3
"""Old workers of a server may take connections for a moment beside the new ones."""
_LOOK_S = 0.02
_SIGNALS = ("HUP", "USR1", "USR2")
_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----\n?", re.DOTALL)
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_VALID, _EXPIRED = 0, 10
"""Of OpenSSL's verify codes."""
# Writes nothing: the certificate in $1, of the same names and the same key, $2, but over since yesterday, comes out.
_MAKE = """
command -v openssl >/dev/null || { echo "it has no openssl to make an expired one with"; exit 1; }
[ -w "$1" ] || { echo "$1 cannot be written there"; exit 1; }
key=$(openssl pkey -in "$2" -passin pass: -pubout 2>/dev/null) || { echo "$2 is no key without a password"; exit 1; }
[ "$key" = "$(openssl x509 -in "$1" -noout -pubkey)" ] || { echo "$2 is not the key of $1"; exit 1; }
exec openssl x509 -in "$1" -signkey "$2" -days -1
"""
_RELOAD = 'kill -s "$1" 1'


class Certificate:
    """An expired certificate of the same key takes the place of the one in force, in every replica, and the server
    reloads; undo puts the good one back, unless somebody put another one there."""

    kind = "change.certificate"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "path": "Certificate file (PEM, without the key) in the container; required. The container needs openssl.",
            "key": "File with its private key in the container; required. It is never read out.",
            "port": "Port in drill.yaml that serves it, on which the fault is seen; `https` if left out.",
            "reload": f"Signal to the main process so that it takes the file: {', '.join(_SIGNALS)}; HUP if left out.",
        }
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a target that does not run, or a certificate that is not served or
        not valid now; Refused for a file that holds a private key."""
        check_params(fault, self.params)
        state = running_target(fault, stack)
        draft = replace(draft, instance=state.instance, settle_s=_SETTLE_S, params=_params(fault))
        sealed = dict(blueprint(fault, stack))
        for number, view in each(stack, fault.target).items():
            good = _in_force(draft, view)
            sealed[f"certificate_{number}"] = good
            sealed[f"expired_{number}"] = good.replace(_PEM.findall(good)[0], _made(draft, view), 1)
        return replace(draft, sealed=sealed, before={"replicas": len(state.replicas)}, manual=_by_hand(draft, state))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Write it and reload; the moment is from before that until a handshake shows it.

        Raises ActionFailed when the server does not take it within 5 s.
        """
        moments = [_apply(lease, number, view) for number, view in _planned(lease, stack).items()]
        if not moments:
            raise ActionFailed(f"{lease.service} has none of the replicas any more that it had before the drill")
        return spanning(moments)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether a handshake with a replica that runs shows the fault's certificate, and that it has expired."""
        views = _planned(lease, stack)
        return any(_shows(lease, number, view) for number, view in views.items() if _runs(lease, view))

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Put back what was there where the file is the fault's, and reload where that is served."""
        present(lease, stack)
        for number, view in _planned(lease, stack).items():
            ours = _holds(lease, number, view)
            if ours:
                content = str(lease.sealed[f"certificate_{number}"]).encode()
                view.containers().write_file(lease.service, str(lease.params["path"]), content)
            if _runs(lease, view) and (ours or _shows(lease, number, view)):
                _reload(lease, number, view, shows=False)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether no replica has the fault's certificate, in the file or in a handshake; one that does not run serves
        none."""
        if lease.service not in stack.services():
            return False
        return not any(
            _holds(lease, number, view) or (_runs(lease, view) and _shows(lease, number, view))
            for number, view in _planned(lease, stack).items()
        )


def _params(fault: FaultSpec) -> dict[str, ParamValue]:
    found: dict[str, ParamValue] = {"port": "https", "reload": "HUP", **fault.params}
    for name in ("path", "key"):
        if not re.fullmatch(r"/[^\0`\n]+", str(found.get(name))):
            raise InvalidInput(
                f"fault {fault.id}: {name} {found.get(name)!r} is no absolute path; name a file in {fault.target}"
            )
    if found["reload"] not in _SIGNALS:
        raise InvalidInput(
            f"fault {fault.id}: reload {found['reload']!r} is no such signal; write {', '.join(_SIGNALS)}"
        )
    return {name: str(value) for name, value in found.items()}


def _in_force(lease: Lease, view: Stack) -> str:
    """The certificate file, of which the first certificate is served and valid now."""
    where = f"fault {lease.fault_id}: {lease.params['path']} of {lease.service}"
    content = view.containers().read_file(lease.service, str(lease.params["path"]))
    if content is None:
        raise InvalidInput(f"{where} is not there; name the certificate file that it serves (PEM)")
    text = content.decode("utf-8", errors="replace")
    if "PRIVATE KEY" in text:
        raise Refused(f"{where} holds a private key too, which is never copied; keep the key in a file of its own")
    found = _PEM.search(text)
    if found is None or text.encode() != content:
        raise InvalidInput(f"{where} is no certificate (PEM); name the file that it serves")
    code, said = _handshake(lease, _address(lease, view), found[0])
    if code != _VALID:
        port = lease.params["port"]
        raise InvalidInput(f"{where} is not what its port {port} serves, or is not valid now ({said}); mend that first")
    return text


def _made(lease: Lease, view: Stack) -> str:
    """The expired certificate. Raises InvalidInput when it cannot be made, with what the container says."""
    argv = ["sh", "-c", _MAKE, "sh", str(lease.params["path"]), str(lease.params["key"])]
    done = view.containers().run_inside(lease.service, argv)[0]
    found = _PEM.search(done.output)
    if done.code or found is None:
        said = " ".join(done.output.split())[-200:] or f"exit code {done.code}"
        raise InvalidInput(f"fault {lease.fault_id}: the certificate of {lease.service} cannot be made over: {said}")
    return found[0]


def _planned(lease: Lease, stack: Stack) -> Mapping[int, Stack]:
    """The replicas that the plan knew and that are there, each by itself."""
    views = each(stack, lease.service) if lease.service in stack.services() else {}
    return {number: view for number, view in views.items() if f"expired_{number}" in lease.sealed}


def _apply(lease: Lease, number: int, view: Stack) -> Moment:
    began_ns = time.clock_gettime_ns(_CLOCK)
    content = str(lease.sealed[f"expired_{number}"]).encode()
    view.containers().write_file(lease.service, str(lease.params["path"]), content)
    width = _reload(lease, number, view, shows=True) - began_ns
    return Moment(at_ns=began_ns + width // 2, uncertainty_ns=width // 2 + 1, source="handshake")


def _reload(lease: Lease, number: int, view: Stack, *, shows: bool) -> int:
    """Back when handshakes steadily show the fault's certificate, or another one; boot clock, ns, of the first."""
    view.containers().act_inside(lease.service, ["sh", "-c", _RELOAD, "sh", str(lease.params["reload"])])
    address = _address(lease, view)
    seen_ns = _steadily(lambda: _presents(lease, number, address) == shows)
    if not seen_ns:
        raise ActionFailed(
            f"{lease.service} did not take {lease.params['path']} within {_TAKEN_S:g} s of {lease.params['reload']}; "
            f"look at its log"
        )
    return seen_ns


def _steadily(condition: Callable[[], bool]) -> int:
    """Since when it holds (boot clock, ns), once it has done so for 0.3 s on end; 0 after 5 s."""
    give_up, since = time.monotonic() + _TAKEN_S, 0
    while time.monotonic() < give_up:
        held, now_ns = condition(), time.clock_gettime_ns(_CLOCK)
        since = (since or now_ns) if held else 0
        if since and now_ns - since >= _STEADY_S * 1e9:
            return since
        time.sleep(_LOOK_S)  # nothing tells when a server has reloaded
    return 0


def _shows(lease: Lease, number: int, view: Stack) -> bool:
    """Whether the server presents the fault's certificate, expired. Raises StackError when it does not answer."""
    return _presents(lease, number, _address(lease, view))


def _presents(lease: Lease, number: int, address: tuple[str, int]) -> bool:
    found = _PEM.search(str(lease.sealed[f"expired_{number}"]))
    return found is not None and _handshake(lease, address, found[0])[0] == _EXPIRED


def _address(lease: Lease, view: Stack) -> tuple[str, int]:
    return view.address(lease.service, str(lease.params["port"]))


def _handshake(lease: Lease, address: tuple[str, int], trusted: str) -> tuple[int, str]:
    """What verification says to a client that trusts this one certificate: OpenSSL's code and words. Any other
    certificate than that one is neither valid nor expired to it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(cadata=trusted)
    try:
        with socket.create_connection(address, _ANSWER_S) as plain, context.wrap_socket(plain):
            return _VALID, "ok"
    except ssl.SSLCertVerificationError as error:
        return error.verify_code, error.verify_message
    except OSError as error:
        raise StackError(f"{lease.service}: no TLS handshake at its port {lease.params['port']}: {error}") from error


def _holds(lease: Lease, number: int, view: Stack) -> bool:
    """Whether the file is the fault's, or one of the two that was cut short on its way there or back."""
    content = view.containers().read_file(lease.service, str(lease.params["path"]))
    good, expired = (str(lease.sealed[f"{name}_{number}"]).encode() for name in ("certificate", "expired"))
    return content is not None and content != good and (expired.startswith(content) or good.startswith(content))


def _runs(lease: Lease, view: Stack) -> bool:
    state = view.services().get(lease.service)
    return state is not None and state.running


def _by_hand(lease: Lease, state: ServiceState) -> tuple[str, ...]:
    path, key = (shlex.quote(str(lease.params[name])) for name in ("path", "key"))
    reload = shlex.join(["sh", "-c", f"kill -s {lease.params['reload']} 1"])
    steps: list[str] = []
    for one in state.replicas:
        inside = f"docker exec -u 0 {one[:12]}"
        steps.append(f"Renew the certificate: `{inside} openssl x509 -in {path} -signkey {key} -days 30 -out {path}`")
        steps.append(f"Have it taken: `{inside} {reload}`")
    return tuple(steps)
