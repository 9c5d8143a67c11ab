"""A fault of your own: a command inside the container, another that tells whether it works, and one that undoes it."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import ActionFailed, InvalidInput, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.model.units import parse_seconds
from drill.ports import Stack
from injectors.container.replicas import each, spanning
from injectors.container.target import blueprint, check_params, present, running_target

_DEFAULT_S = 10.0
_LONGEST_S = 60.0
_NO_PROGRAM = (126, 127)
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


class Exec:
    """`apply` runs in every replica, without a shell; `active` must then end with 0 and, after `undo`, with another
    code. `undo` may run more than once, and in a container in which `apply` never ran: it must bear both."""

    kind = "container.exec"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "apply": 'Command that brings the fault, a JSON list in quotes: \'["touch", "/tmp/x"]\'; required.',
            "active": "Command that ends with 0 while the fault is there and with another code while it is not; a JSON "
            "list; required.",
            "undo": "Command that takes the fault away, and does nothing where there is none; a JSON list; required.",
            "timeout": f"Seconds, or a duration, that each command may take; {_DEFAULT_S:g} if left out.",
        }
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a target that does not run, and an `active` that succeeds already
        or cannot run."""
        check_params(fault, self.params)
        commands: dict[str, ParamValue] = {name: _command(fault, name) for name in ("apply", "active", "undo")}
        limit = _seconds(fault)
        state = running_target(fault, stack)
        undo = shlex.join(json.loads(str(commands["undo"])))
        lease = replace(
            draft,
            instance=state.instance,
            params={**commands, "timeout": limit},
            before={"replicas": len(state.replicas)},
            sealed=blueprint(fault, stack),
            settle_s=limit + 1,
            manual=tuple(f"Undo it inside: `docker exec {one[:12]} {undo}`" for one in state.replicas),
        )
        if _anywhere(lease, stack):
            raise InvalidInput(f"fault {fault.id}: active succeeds before apply has run, so it would prove nothing")
        return lease

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Run it in every replica. Raises ActionFailed when it ends with another code than 0."""
        return spanning([_apply(lease, view) for view in each(stack, lease.service).values()])

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether `active` ends with 0 in a replica that runs. Raises StackError when it cannot be run."""
        return _anywhere(lease, stack)

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Run it in every replica. Raises StackError, with the manual steps, where one does not run."""
        present(lease, stack)
        for view in each(stack, lease.service).values():
            state = view.services()[lease.service]
            if not state.running or state.any_paused:
                raise StackError(
                    f"{lease.service} does not run, so nothing can be undone inside; start it, then: "
                    f"{'; '.join(lease.manual)}"
                )
            _run(lease, view, "undo")

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether every replica runs and `active` ends with another code than 0 in each."""
        state = stack.services().get(lease.service)
        return state is not None and state.running and not state.any_paused and not _anywhere(lease, stack)


def _anywhere(lease: Lease, stack: Stack) -> bool:
    if lease.service not in stack.services():
        return False
    views = each(stack, lease.service).values()
    return any(_run(lease, view, "active") == 0 for view in views if _works(lease, view))


def _works(lease: Lease, stack: Stack) -> bool:
    state = stack.services().get(lease.service)
    return state is not None and state.running and not state.any_paused


def _apply(lease: Lease, stack: Stack) -> Moment:
    began = time.clock_gettime_ns(_CLOCK)
    _run(lease, stack, "apply")
    width = time.clock_gettime_ns(_CLOCK) - began
    return Moment(at_ns=began + width // 2, uncertainty_ns=width // 2 + 1, source="call")


def _run(lease: Lease, stack: Stack, name: str) -> int:
    """Exit code. Raises StackError when it cannot be run, ActionFailed when it had to succeed and did not."""
    argv = json.loads(str(lease.params[name]))
    done = stack.exec(lease.service, argv, timeout_s=float(lease.params["timeout"]))
    said = " ".join(done.output.split())[-200:] or "nothing"
    if done.code in _NO_PROGRAM:
        raise StackError(f"{lease.service}: {name} of container.exec cannot be run ({argv[0]}): {said}")
    if done.code != 0 and name != "active":
        raise ActionFailed(f"{lease.service}: {name} of container.exec ended with code {done.code}: {said}")
    return done.code


def _command(fault: FaultSpec, name: str) -> str:
    """The parameter, in one form of JSON."""
    written = fault.params.get(name)
    try:
        argv = json.loads(written) if isinstance(written, str) else None
    except ValueError:
        argv = None
    if not isinstance(argv, list) or not argv or not all(isinstance(item, str) for item in argv) or not argv[0]:
        example = '\'["touch", "/tmp/x"]\''
        raise InvalidInput(f"fault {fault.id}: {name} {written!r} is no command; write a list in quotes: {example}")
    return json.dumps(argv)


def _seconds(fault: FaultSpec) -> float:
    value = fault.params.get("timeout", _DEFAULT_S)
    try:
        seconds = parse_seconds(value) if isinstance(value, str) else float(value)
    except ValueError as error:
        raise InvalidInput(f"fault {fault.id}: timeout: {error}") from error
    if isinstance(value, bool) or not 0 < seconds <= _LONGEST_S:
        raise InvalidInput(f"fault {fault.id}: timeout {value!r} is not between 0 and {_LONGEST_S:g} s")
    return seconds
