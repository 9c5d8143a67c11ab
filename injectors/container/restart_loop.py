"""A service that exits again and again, soon after each start: a crash loop."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import ActionFailed, InvalidInput
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from drill.ports.containers import Remake
from injectors.change.remade import Remade, planned
from injectors.container.target import check_params, running_target

_LONGEST_S = 10
_LOOK_S = 0.05
_SLACK_S = 2.0
# Past its time it is the service again, even if nobody of ours lives to undo it.
_LOOP = """
until=$1 after=$2; shift 2
[ "$(date +%s)" -lt "$until" ] || exec "$@"
[ "$after" = 0 ] || { "$@" & sleep "$after"; kill -9 "$!"; }
exit 1
"""


class RestartLoop(Remade):
    """The service is recreated with a command that ends soon, and a policy that restarts it; undo recreates it."""

    kind = "container.restart-loop"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str] = MappingProxyType(
        {"after": f"Whole seconds, 0 to {_LONGEST_S}, that the service runs before each exit; 0 if left out."}
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, or a target that does not run or has no shell."""
        check_params(fault, self.params)
        after = fault.params.get("after", 0)
        if isinstance(after, bool) or not isinstance(after, int) or not 0 <= after <= _LONGEST_S:
            raise InvalidInput(f"fault {fault.id}: after {after!r} is no whole number from 0 to {_LONGEST_S}")
        running_target(fault, stack)
        commands = {one.command for one in stack.containers().made(fault.target)}
        if len(commands) > 1:
            raise InvalidInput(f"fault {fault.id}: replicas of {fault.target} run different commands; deploy one first")
        _now_s(fault.target, stack)
        lease = planned(fault, stack, draft, {"after": after, "bound_s": int(fault.max_duration) + 1})
        return replace(lease, sealed={**lease.sealed, "command": "\0".join(commands.pop() or ())})

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Recreate it so: the moment spans the change-over, after which every start ends."""
        until = _now_s(lease.service, stack) + int(lease.params["bound_s"])
        own = str(lease.sealed["command"]).split("\0")
        command = ("sh", "-c", _LOOP, _mark(lease), str(until), str(lease.params["after"]), *own)
        return stack.containers().remake(lease.service, Remake(command=command, restart="always"))

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether it is seen to end: restarted by its policy, or not running. Waits for the next exit if it must."""
        give_up = time.monotonic() + float(lease.params["after"]) + _SLACK_S
        while self._marked(lease, stack):
            lines = stack.containers().lifelines(lease.service)
            if any(line.restarts or not line.running for line in lines):
                return True
            if time.monotonic() > give_up:
                return False
            time.sleep(_LOOK_S)  # nothing tells of an exit that is to come
        return False

    def _marks(self, lease: Lease, made: Remake) -> bool:
        return _mark(lease) in (made.command or ())


def _mark(lease: Lease) -> str:
    return f"drill-{lease.id}"


def _now_s(service: str, stack: Stack) -> int:
    """The container's own wall clock: its command goes by it. Raises ActionFailed."""
    answer = stack.exec(service, ["sh", "-c", "date +%s"])
    if answer.code or not answer.output.strip().isdigit():
        raise ActionFailed(f"{service} has no shell that says the time; it cannot be made to loop")
    return int(answer.output)
