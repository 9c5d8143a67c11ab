"""The cache or store behind the product dies."""

from __future__ import annotations

from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.ports import Stack
from injectors.container.kill import Kill
from injectors.data.members import store_of


class RedisDown(Kill):
    """A kill of a service that is a Redis server. What it held in memory only is gone, as after any such crash."""

    kind = "data.redis-down"
    loses_data = True
    needs = frozenset({"redis"})

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        """Raises InvalidInput for a bad parameter, a target that does not run or is no Redis server."""
        store_of(fault, stack, "redis", self.params)
        return super().plan(fault, stack, draft)
