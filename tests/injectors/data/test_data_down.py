"""data.postgresql-down and data.redis-down: the kill itself is tested with container.kill."""

from __future__ import annotations

import pytest
from compose_rig import docker
from data_contract import lease_for
from data_rig import CACHE, PRIMARY, REPLICA, WORKER, DataRig
from observers import until

from drill.errors import InvalidInput
from drill.ports import Injector
from injectors.data.postgresql_down import PostgresqlDown
from injectors.data.redis_down import RedisDown

pytestmark = pytest.mark.engine
BOTH = pytest.mark.parametrize(
    ("injector", "target", "other"), [(PostgresqlDown(), REPLICA, CACHE), (RedisDown(), CACHE, PRIMARY)]
)


def state(rig: DataRig, service: str) -> str:
    return docker("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", rig.container(service))


@BOTH
def test_it_dies_and_comes_back(rig: DataRig, injector: Injector, target: str, other: str) -> None:
    lease = lease_for(injector, rig.stack, target, {})
    assert not injector.active(lease, rig.stack)
    injector.apply(lease, rig.stack)
    assert state(rig, target) == "exited 137"
    assert injector.active(lease, rig.stack)
    assert not injector.undone(lease, rig.stack)
    for _ in range(2):
        injector.undo(lease, rig.stack)
        assert injector.undone(lease, rig.stack)
        assert state(rig, target) == "running 0"
    assert state(rig, other) == "running 0"


@BOTH
def test_a_service_of_another_role_is_refused(rig: DataRig, injector: Injector, target: str, other: str) -> None:
    for name in (other, WORKER):
        with pytest.raises(InvalidInput, match=f"{name} has not the role .*; of that role: .*{target}"):
            lease_for(injector, rig.stack, name, {})
    with pytest.raises(InvalidInput, match="SIGKILL"):
        lease_for(injector, rig.stack, target, {"signal": "SIGCHLD"})


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
