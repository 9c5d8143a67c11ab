"""Nobody works on the queue: its consumer hangs, and what comes in piles up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import InvalidInput, StackError
from drill.model.lease import Lease, Moment
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.pause import Pause
from injectors.container.target import check_params, running_target
from injectors.data.members import name_of, of_role, table_of
from injectors.data.postgresql import act, ask

# Until more wait than before: a queue that does not grow is no backlog.
_GROWN = """
for again in $(seq 150); do
    [ "$(sql "$1" -v "schema=$3" -v "table=$4" -d "$2")" -gt "$5" ] && exit 0
    sleep 0.1
done
echo "no more than $5 rows wait in $4 after 15 s: nothing comes in"; exit 1
"""
_WAITING = 'SELECT count(*) FROM :"schema".:"table"'
_GROW_S = 25.0


class QueueBacklog(Pause):
    """The consumer is frozen; the fault is there when more rows wait in the queue's table than before."""

    kind = "data.queue-backlog"
    needs = frozenset({"pause", "postgresql", "containers"})
    params: Mapping[str, str] = MappingProxyType(
        {
            "database": "Name of the database that holds the queue.",
            "table": "Table of the queue, a row for each job that waits; with its schema and a dot unless public.",
        }
    )

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a consumer that does not run, or a table that is not there."""
        check_params(fault, self.params)
        running_target(fault, stack)
        database, (schema, table) = name_of(fault, "database"), table_of(fault)
        if fault.target in of_role(stack, "postgresql"):
            raise InvalidInput(
                f"fault {fault.id}: {fault.target} is the database; name the service that takes the jobs"
            )
        queue = {"database": database, "schema": schema, "table": table}
        lease = super().plan(replace(fault, params={}), stack, draft)
        try:
            waiting = _waiting(replace(lease, params=queue), stack)
        except StackError as error:
            raise InvalidInput(f"fault {fault.id}: {error}") from error
        return replace(lease, params=queue, before={**lease.before, "waiting": waiting})

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Freeze the consumer, and see the queue grow. Raises ActionFailed when nothing comes in within 15 s."""
        moment = super().apply(lease, stack)
        words = (str(lease.params[name]) for name in ("database", "schema", "table"))
        act(stack, _primary(stack), _GROWN, _WAITING, *words, str(lease.before["waiting"]), timeout_s=_GROW_S)
        return moment

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether the consumer is frozen, and more wait than before."""
        return super().active(lease, stack) and _waiting(lease, stack) > int(lease.before["waiting"])


def _primary(stack: Stack) -> str:
    """Whoever takes the writes now. Raises StackError when not one member does."""
    found = [name for name, role in stack.data_roles().items() if role == "primary"]
    if len(found) != 1:
        raise StackError(f"{len(found)} database members take writes; how long the queue is cannot be told")
    return found[0]


def _waiting(lease: Lease, stack: Stack) -> int:
    names = {name: str(lease.params[name]) for name in ("schema", "table")}
    found = ask(stack, _primary(stack), _WAITING, names, str(lease.params["database"]))
    if not found.ok:
        raise StackError(f"{names['schema']}.{names['table']} of {lease.params['database']}: {found.last}")
    return int(found.text)
