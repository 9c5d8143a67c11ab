"""Faults that are sessions of ours in a PostgreSQL member: kept by processes in its own container, known by their name.

Each has an end of its own, in the server or by a pipe that closes, so nothing stays when all of ours is dead. A member
that is restarted, stopped or fenced has none of them any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from drill.errors import ActionFailed, InvalidInput
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec, ParamValue
from drill.ports import ServiceState, Stack
from injectors.container.target import short
from injectors.data.members import mark, name_of, table_of
from injectors.data.postgresql import SQL, act, answer, ask, runs

_SETTLE_S = 6.0
_END_S = 12.0
_START_S = 25.0
_TABLE = """SELECT EXISTS (SELECT FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace
    WHERE relkind IN ('r', 'p') AND nspname = :'schema' AND relname = :'table')"""
_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = :'name'"
TABLE_PARAMS = {
    "database": "Name of the database that holds the table.",
    "table": "Name of the table, with its schema and a dot before it unless that is public.",
}
# Start the keeper $3 (a script; $4... its arguments) detached under the name $1, and wait until the SQL $2 says t.
_START = """
name=$1 there=$2 keeper=$3; shift 3
PGAPPNAME=$name setsid sh -c "$keeper" "$name" "$@" </dev/null >/dev/null 2>&1 &
for again in $(seq 120); do
    [ "$(sql "$there" -v "name=$name")" = t ] && exit 0
    sleep 0.1
done
echo "the sessions of this fault did not get there"; exit 1
"""
# Processes of the name $1, by their environment; `processes NAME sleep` those that only keep a pipe open.
_PROCESSES = """
processes() {
    for one in $(grep -lszxF "PGAPPNAME=$1" /proc/[0-9]*/environ); do
        pid=${one#/proc/} pid=${pid%/environ}
        [ -n "$2" ] && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" != "$2" ] || echo "$pid"
    done
}
"""
# What holds the pipe open goes, then the sessions, until none is left; each parent sees its own child end.
_END = """
for again in $(seq 60); do
    for pid in $(processes "$1" sleep); do kill "$pid" 2>/dev/null; done
    left=0
    ! pg_isready -q -t 1 || left=$(sql "$2" -v "name=$1")
    [ -z "$(processes "$1" '')" ] && [ "$left" = 0 ] && exit 0
    sleep 0.05
done
echo "processes or sessions of this fault do not end"; exit 1
"""
_END_SESSIONS = """SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
    WHERE application_name = :'name'"""
_COUNT = 'processes "$1" "" | wc -l'


def relation_of(fault: FaultSpec, stack: Stack) -> dict[str, ParamValue]:
    """Database, schema and table of the fault. Raises InvalidInput when its target has no such table."""
    database, (schema, table) = name_of(fault, "database"), table_of(fault)
    found = ask(stack, fault.target, _TABLE, {"schema": schema, "table": table}, database)
    if not found.ok or found.text != "t":
        why = f"; {found.last}" if not found.ok else ""
        raise InvalidInput(
            f"fault {fault.id}: {fault.target} has no table {schema}.{table} in a database {database!r}{why}"
        )
    return {"database": database, "schema": schema, "table": table}


def relation_in(lease: Lease) -> dict[str, str]:
    """Schema and table, as psql variables."""
    return {name: str(lease.params[name]) for name in ("schema", "table")}


class Sessions:
    """Subclasses plan, say what keeps the sessions (``keeper``), and what proves the effect."""

    reversibility: Reversibility = "reversible"
    loses_data = False
    needs = frozenset({"postgresql", "containers"})
    params: Mapping[str, str] = {}
    keeper = ""
    """A shell script: $0 is the name of its sessions; its processes have it in their environment."""

    def there(self, lease: Lease) -> str:
        """SQL that says ``t`` when the sessions, of application name ``name``, do what they are for."""
        raise NotImplementedError

    def words(self, lease: Lease) -> tuple[str, ...]:
        """Arguments of the keeper."""
        raise NotImplementedError

    def effective(self, lease: Lease, stack: Stack) -> bool:
        """Whether the sessions, some of which are there, have their effect now."""
        raise NotImplementedError

    def leased(self, fault: FaultSpec, draft: Lease, state: ServiceState, params: Mapping[str, ParamValue]) -> Lease:
        """The draft with what undo needs, and how long its sessions may stay."""
        found = {**params, "bound_s": int(fault.max_duration) + 1}
        lease = replace(draft, instance=state.instance, params=found, settle_s=_SETTLE_S)
        return replace(lease, manual=_by_hand(mark(lease), short(state)))

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        """Start them, and see in the server that they do what they are for; the moment spans both."""
        words = (mark(lease), self.there(lease), self.keeper, *self.words(lease))
        return act(stack, lease.service, _START, *words, timeout_s=_START_S)

    def active(self, lease: Lease, stack: Stack) -> bool:
        """Whether there are such sessions, and they have their effect. A member that does not run has none."""
        if not runs(stack, lease.service) or ask(stack, lease.service, "SELECT 1").off:
            return False
        return answer(stack, lease.service, _SESSIONS, {"name": mark(lease)}) != ["0"] and self.effective(lease, stack)

    def undo(self, lease: Lease, stack: Stack) -> None:
        """End its processes and sessions, wherever the target has come to meanwhile."""
        if runs(stack, lease.service):
            act(stack, lease.service, _PROCESSES + _END, mark(lease), _END_SESSIONS, timeout_s=_END_S)

    def undone(self, lease: Lease, stack: Stack) -> bool:
        """Whether neither is left. One that is paused cannot be asked."""
        state = stack.services().get(lease.service)
        if state is None or not state.any_running:
            return True
        if state.any_paused:
            raise ActionFailed(f"{lease.service} is paused: whether sessions of the fault are in it is not known")
        left = stack.exec(lease.service, ["sh", "-c", SQL + _PROCESSES + _COUNT, "sh", mark(lease)]).output.strip()
        off = ask(stack, lease.service, "SELECT 1").off
        return left == "0" and (off or answer(stack, lease.service, _SESSIONS, {"name": mark(lease)}) == ["0"])


def _by_hand(name: str, container: str) -> tuple[str, ...]:
    those = f"WHERE application_name = '{name}'"
    sql = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity {those}"  # noqa: S608 - the name is our own
    found = f"$(grep -lszxF PGAPPNAME={name} /proc/[0-9]*/environ)"
    each = f"for one in {found}; do one=${{one#/proc/}}; kill ${{one%/environ}}; done"
    return (
        f'End its sessions: `docker exec {container} psql -U postgres -c "{sql}"`',
        f"End its processes: `docker exec {container} sh -c '{each}'`",
    )
