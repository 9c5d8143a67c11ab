"""data.postgresql-down on a real pair."""

from __future__ import annotations

import pytest
from data_contract import lease_for
from data_rig import CACHE, PRIMARY, REPLICA, DataRig
from down_contract import DownContract, state
from observers import until

from injectors.data.postgresql_down import PostgresqlDown

pytestmark = pytest.mark.engine


class TestPostgresqlDown(DownContract):
    injector = PostgresqlDown()
    target = REPLICA
    other = CACHE


def test_after_a_failover_the_old_primary_stays_down_until_the_restore(rig: DataRig) -> None:
    injector = PostgresqlDown()
    lease = lease_for(injector, rig.stack, PRIMARY, {})
    injector.apply(lease, rig.stack)
    assert "takes writes now" in rig.inside(REPLICA, "bash", "/srv/db/promote.sh")
    injector.undo(lease, rig.stack)
    assert injector.undone(lease, rig.stack)
    assert state(rig, PRIMARY) == "exited 137"
    rig.restore()
    assert until(lambda: rig.roles() == ["f", "t"])
    assert injector.undone(lease, rig.stack)
