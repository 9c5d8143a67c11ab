"""A member of the database dies, like a crash of its host; the primary stays down once another takes the writes."""

from __future__ import annotations

from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.kill import Kill
from injectors.data.members import store_of


class PostgresqlDown(Kill):
    """A kill of a service that is a PostgreSQL member; undo starts it, unless it is fenced."""

    kind = "data.postgresql-down"
    needs = frozenset({"postgresql"})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a target that does not run or is no PostgreSQL member."""
        store_of(fault, stack, "postgresql", self.params)
        return super().plan(fault, stack, draft)
