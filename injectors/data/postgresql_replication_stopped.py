"""The replica stands still: it gets what the primary writes, and applies none of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import InvalidInput, StackError
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.target import short
from injectors.data.members import member_of
from injectors.data.postgresql import act, answer, ask, runs

_SETTLE_S = 3.0
_STATE = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() ELSE 'promoted' END"
# Asked for is not yet done: back when the replay itself says so.
_STOP = """
sql "SELECT pg_wal_replay_pause();" >/dev/null || exit 1
for again in $(seq 50); do
    [ "$(sql "$1")" = paused ] && exit 0
    sleep 0.1
done
echo "the replay does not pause"; exit 1
"""
_GO_ON = "SELECT CASE WHEN pg_is_in_recovery() THEN pg_wal_replay_resume() END"


class PostgresqlReplicationStopped:
    """The replay is paused. A restart of the replica or its promotion ends that by itself."""

    kind = "data.postgresql-replication-stopped"
    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"postgresql", "containers"})
    params: Mapping[str, str] = MappingProxyType({})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a parameter, a target that is no replica, and one that stands still already."""
        state = member_of(fault, stack, "replica", self.params)
        now = answer(stack, fault.target, _STATE)[0]
        if now != "not paused":
            raise InvalidInput(f"fault {fault.id}: the replay of {fault.target} is {now} already; let it go on first")
        step = f'Let it go on: `docker exec {short(state)} psql -U postgres -c "{_GO_ON}"`'
        return replace(draft, instance=state.instance, settle_s=_SETTLE_S, manual=(step,))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Pause it, and see it paused; the moment spans both."""
        return act(stack, lease.service, _STOP, _STATE)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether the replay says that it stands still. PostgreSQL that does not run has none."""
        return _state(lease, stack) == "paused"

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Let it go on, unless it does, or is over."""
        if not self.undone(lease, stack):
            act(stack, lease.service, 'sql "$1"', _GO_ON)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether nothing holds the replay: it goes on, or there is none."""
        return _state(lease, stack) in ("not paused", "promoted", "off")


def _state(lease: Lease, stack: Stack) -> str:
    """``off`` when no PostgreSQL runs there. Raises StackError when it runs and does not say."""
    state = stack.services().get(lease.service)
    if state is None or not state.any_running:
        return "off"
    if not runs(stack, lease.service):
        raise StackError(f"{lease.service} is paused: whether its replay stands still is not known")
    found = ask(stack, lease.service, _STATE)
    if not found.ok and not found.off:
        raise StackError(f"{lease.service}: PostgreSQL does not answer: {found.last}")
    return "off" if found.off else found.text
