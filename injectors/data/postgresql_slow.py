"""Queries on a table are slow: each waits a while, as behind a batch job that takes the table again and again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from drill.errors import InvalidInput, StackError
from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.data.members import member_of
from injectors.data.postgresql import ask
from injectors.data.sessions import TABLE_PARAMS, Sessions, relation_in, relation_of
from injectors.proxy.params import milliseconds

_DEFAULT_MS = 500
_LEAST_MS, _MOST_MS = 100, 5_000
_LOOKS = 4
# Prints how long a reader waited, in milliseconds.
_TIMED = """
SELECT clock_timestamp() AS began \\gset
BEGIN; LOCK TABLE :"schema".:"table" IN ACCESS SHARE MODE;
SELECT round(extract(epoch FROM clock_timestamp() - :'began'::timestamptz) * 1000); ROLLBACK;
"""


class PostgresqlSlow(Sessions):
    """One session locks the table for the wait, lets everybody through who waited, and locks it again."""

    kind = "data.postgresql-slow"
    params: Mapping[str, str] = MappingProxyType(
        {
            **TABLE_PARAMS,
            "wait": "The longest that a query on the table waits each time, from 100ms to 5s; 500ms if left out.",
        }
    )
    keeper = """
PGOPTIONS='-c statement_timeout=0 -c lock_timeout=0' timeout "$(($1 + 10))" psql -Xqw \\
    -U "${POSTGRES_USER:-postgres}" -d "$2" -v "bound=$1" -v "schema=$3" -v "table=$4" -v "wait=$5" <<'SQL'
SELECT set_config('drill.lock', format('LOCK TABLE %I.%I IN ACCESS EXCLUSIVE MODE', :'schema', :'table'), false),
    set_config('drill.bound', :'bound', false), set_config('drill.wait', :'wait', false);
DO $$
DECLARE
    ends timestamptz = clock_timestamp() + current_setting('drill.bound')::float8 * interval '1s';
BEGIN
    WHILE clock_timestamp() < ends LOOP
        EXECUTE current_setting('drill.lock');
        PERFORM pg_sleep(current_setting('drill.wait')::float8 / 1000);
        COMMIT;
        PERFORM pg_sleep(0.01);
    END LOOP;
END $$;
SQL
exit 0
"""

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a target that is no primary, and a table that is not there or is
        slow already."""
        state = member_of(fault, stack, "primary", self.params)
        wait = milliseconds(fault, "wait", _DEFAULT_MS, _MOST_MS)
        if wait < _LEAST_MS:
            raise InvalidInput(f"fault {fault.id}: wait {wait} ms is below {_LEAST_MS} ms; nobody would notice")
        lease = self.leased(fault, draft, state, {**relation_of(fault, stack), "wait": wait})
        now = _waited(lease, stack)
        if now >= wait / 4:
            raise InvalidInput(f"fault {fault.id}: queries on {lease.params['table']} wait {now:g} ms already")
        return replace(lease, before={"waited_ms": now})

    def there(self, lease: Lease) -> str:  # noqa: ARG002 - the name is enough
        """Its loop is under way."""
        return "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = :'name' AND query LIKE 'DO %')"

    def words(self, lease: Lease) -> tuple[str, ...]:
        """Seconds, database, schema, table, milliseconds."""
        return tuple(str(lease.params[name]) for name in ("bound_s", "database", "schema", "table", "wait"))

    def effective(self, lease: Lease, stack: Stack) -> bool:
        """Whether of four readers one waited for a quarter of the parameter or more: by chance all fail once in 256."""
        return any(_waited(lease, stack, looks) >= float(lease.params["wait"]) / 4 for looks in (1, 1, _LOOKS))


def _waited(lease: Lease, stack: Stack, looks: int = 1) -> float:
    """The longest wait of some readers, one after the other, in milliseconds. Raises StackError without an answer."""
    found = ask(stack, lease.service, _TIMED * looks, relation_in(lease), str(lease.params["database"]))
    if not found.ok:
        raise StackError(f"{lease.service}: no reader gets to {lease.params['table']}: {found.last}")
    return max(float(line) for line in found.text.split())
