"""Have a service killed for lack of memory, by the kernel's own out-of-memory killer."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from types import MappingProxyType

from drill.errors import ActionFailed, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import Stack
from injectors.container.limit import by_hand as limits_by_hand
from injectors.container.limit import by_number, held, kept, lowered, release, value_of
from injectors.container.lives import comes_back, ended_since, lives
from injectors.container.replicas import each, spanning
from injectors.container.target import Down, before, blueprint, by_hand, check_params, over, running_target
from injectors.container.usage import memory_in_use

_ROOM = 64 << 20
"""Above what is in use: less, and the engine's own steps into the container would be killed first."""
_PAGE = 4096
_SETTLE_S = 8.0
_NOT_FIRST = 33
"""The exit code of what fills the memory, when it was not let."""
_FIRST = 1000
"""The score at which the kernel kills a process before any other."""

# The service's own process: the first one, or the first child of an init. Only what every shell has built in.
_MAIN = """
read -r name </proc/1/comm; main=1
case "$name" in docker-init|tini|dumb-init|catatonit) read -r main rest </proc/1/task/1/children ;; esac
main=${main:-1}  # an init that has started nothing yet
"""
_SCORE = _MAIN + 'read -r score </proc/$main/oom_score_adj; echo "$score"'
_PUT_BACK = (
    _MAIN + 'read -r score </proc/$main/oom_score_adj; [ "$score" != "$1" ] || echo "$2" >/proc/$main/oom_score_adj'
)
# Each of 24 shells, one waiting for the next, holds 16 bytes doubled 19 times: 192 MiB, more than the room, and an end
# where nobody is killed. One shell alone would hold more than the service, and be killed in its place.
_FILL = (
    _MAIN
    + """
fill() {
    text=0123456789abcdef; n=0
    while [ $n -lt 19 ]; do text=$text$text; n=$((n + 1)); done
    [ "$1" -le 1 ] || (fill $(($1 - 1)))
}
read -r was </proc/$main/oom_score_adj
echo "$1" >/proc/$main/oom_score_adj || exit 33
fill 24
echo "$was" >/proc/$main/oom_score_adj
"""
)


class Oom(Down):
    """Its memory is limited to a little more than it uses, the rest is filled, and the kernel kills its main process.
    The limit is back at once; the service stays down, unless its restart policy starts it: then the lease is momentary.
    """

    kind = "container.oom"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"containers"})
    params: Mapping[str, str] = MappingProxyType({})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a parameter, a target that does not run, or one without a shell."""
        check_params(fault, self.params)
        state = running_target(fault, stack)
        limits, limit = by_number(stack, fault.target), memory_in_use(fault, stack) + _ROOM
        limit -= limit % _PAGE
        while any(value_of(one, "memory") == limit for one in limits.values()):
            limit -= _PAGE  # a limit of the fault's own is known by its value
        were = kept(limits, "memory")
        scores = {f"score_{number}": _score(view, fault.target) for number, view in each(stack, fault.target).items()}
        lease = replace(
            draft,
            instance=state.instance,
            reversibility=comes_back(stack, fault.target),
            before={**before(state, stack), **lives(stack, fault.target), **were, **scores},
            sealed=blueprint(fault, stack),
            params={"memory": limit},
            settle_s=_SETTLE_S,
        )
        return replace(lease, manual=by_hand(lease, state, *limits_by_hand("memory", were, state)))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Limit it, fill its memory, see its main process end, and put the limit back."""
        limit = int(lease.params["memory"])
        try:
            return spanning([_kill(lease, view, limit) for view in each(stack, lease.service).values()])
        finally:
            release(lease, stack, "memory", limit)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether each replica has ended since the plan, by the engine's word for lack of memory, and (without a
        restart policy) none runs."""
        ended = ended_since(lease, stack)
        killed = ended is not None and all(one.oom_killed for one in ended)
        return killed and (lease.reversibility == "momentary" or super().active(lease, stack))

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Put limits and the kernel's scores back where the fault's still hold, and start what is down."""
        release(lease, stack, "memory", int(lease.params["memory"]))
        for number, view in _marked(lease, stack).items():
            was = str(lease.before[f"score_{number}"])
            view.exec(lease.service, ["sh", "-c", _PUT_BACK, "sh", str(_FIRST), was])
        super().undo(lease, stack)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether every replica runs (or is fenced), and neither the limit nor a score of the fault's is left."""
        left = held(lease, stack, "memory", int(lease.params["memory"])) or _marked(lease, stack)
        return not left and over(lease, stack)


def _kill(lease: Lease, stack: Stack, limit: int) -> Moment:
    """One replica. A limit that is lower already stays."""
    (now,) = by_number(stack, lease.service).values()
    if not 0 < now.memory < limit:
        stack.containers().set_limits(lease.service, lowered(now, "memory", limit))
    try:
        return stack.containers().ending(lease.service, partial(_fill, lease, stack))
    except ActionFailed as error:
        raise ActionFailed(
            f"{lease.service}: its memory was filled, but the kernel did not kill its main process ({error}); has the "
            "host swap?"
        ) from error


def _fill(lease: Lease, stack: Stack) -> None:
    """Whatever it ends with, the container's end is what counts, and that is watched; but for one that cannot come."""
    code = 0
    with suppress(ActionFailed):
        code = stack.exec(lease.service, ["sh", "-c", _FILL, "sh", str(_FIRST)]).code
    if code == _NOT_FIRST:
        raise ActionFailed("it may not be made the first to be killed")


def _score(stack: Stack, service: str) -> ParamValue:
    """The score of its main process. Raises StackError when it does not tell."""
    said = stack.exec(service, ["sh", "-c", _SCORE]).output.strip()
    if not said.lstrip("-").isdigit():
        raise StackError(f"{service} does not tell how ready the kernel is to kill it: {said[:80]!r}")
    return int(said)


def _marked(lease: Lease, stack: Stack) -> dict[int, Stack]:
    """The replicas that run with the fault's score, and had another one."""
    state = stack.services().get(lease.service)
    if state is None or state.any_paused:
        return {}
    lines = zip(each(stack, lease.service).items(), stack.containers().lifelines(lease.service), strict=False)
    running = {number: view for (number, view), line in lines if line.running}
    wanted = {number: view for number, view in running.items() if lease.before.get(f"score_{number}", _FIRST) != _FIRST}
    return {number: view for number, view in wanted.items() if _score(view, lease.service) == _FIRST}
