"""A hot table is locked: whoever reads or writes it waits, as behind a migration or a forgotten transaction."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.data.members import member_of
from injectors.data.postgresql import ask
from injectors.data.sessions import TABLE_PARAMS, Sessions, relation_in, relation_of

_REFUSED = "55P03"
_TRY = 'BEGIN; LOCK TABLE :"schema".:"table" IN ACCESS SHARE MODE NOWAIT; ROLLBACK;'


class PostgresqlLock(Sessions):
    """One session holds an ACCESS EXCLUSIVE lock on it, in a transaction that does nothing else."""

    kind = "data.postgresql-lock"
    params: Mapping[str, str] = MappingProxyType(TABLE_PARAMS)
    keeper = """
printf '%s\\n' 'BEGIN; LOCK TABLE :"schema".:"table" IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(:bound);' |
    PGOPTIONS='-c statement_timeout=0 -c lock_timeout=0' timeout "$(($1 + 5))" psql -Xqw \\
        -U "${POSTGRES_USER:-postgres}" -d "$2" -v "bound=$1" -v "schema=$3" -v "table=$4"
exit 0
"""

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a target that is no primary, and a table that is not there."""
        state = member_of(fault, stack, "primary", self.params)
        return self.leased(fault, draft, state, relation_of(fault, stack))

    def there(self, lease: Lease) -> str:  # noqa: ARG002 - its session has one lock of this sort
        """It is granted."""
        return """SELECT EXISTS (SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE application_name = :'name'
            AND mode = 'AccessExclusiveLock' AND locktype = 'relation' AND granted)"""

    def words(self, lease: Lease) -> tuple[str, ...]:
        """Seconds, database, schema, table."""
        return tuple(str(lease.params[name]) for name in ("bound_s", "database", "schema", "table"))

    def effective(self, lease: Lease, stack: Stack) -> bool:
        """Whether another session cannot read the table without waiting."""
        found = ask(stack, lease.service, _TRY, relation_in(lease), str(lease.params["database"]))
        return _REFUSED in found.text
