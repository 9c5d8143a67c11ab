"""data.postgresql-lock on a real primary."""

from __future__ import annotations

from types import MappingProxyType

import pytest
from compose_rig import docker
from data_contract import DataContract
from data_rig import PRIMARY, REPLICA, DataRig
from observers import until

from injectors.data.postgresql_lock import PostgresqlLock

pytestmark = pytest.mark.engine


class TestPostgresqlLock(DataContract):
    injector = PostgresqlLock()
    params = MappingProxyType({"database": "app", "table": "rows"})
    bad = (
        {},
        {"database": "app"},
        {"database": "app", "table": "rows; DROP TABLE rows"},
        {"database": "host=elsewhere", "table": "rows"},
        {"database": "app", "table": "nothing"},
        {"database": "nowhere", "table": "rows"},
    )

    @staticmethod
    def there(rig: DataRig) -> bool:
        return "lock timeout" in rig.as_app(PRIMARY, "SET lock_timeout = '300ms'; SELECT count(*) FROM rows")

    def test_a_responder_who_ends_the_session_has_ended_it(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        assert rig.sessions() == 1
        rig.sql(
            PRIMARY, "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND granted"
        )
        assert until(lambda: not self.there(rig))
        assert not self.injector.active(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert rig.processes() == []

    def test_past_its_time_it_ends_by_itself(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        lease.params["bound_s"] = 2  # type: ignore[index]  # as if its duration were that short
        self.injector.apply(lease, rig.stack)
        assert until(lambda: not self.there(rig) and rig.processes() == [], 20)
        assert self.injector.undone(lease, rig.stack)

    def test_a_failover_in_between_ends_clean(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        docker("kill", rig.container(PRIMARY))
        assert "takes writes now" in rig.inside(REPLICA, "bash", "/srv/db/promote.sh")
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert rig.as_app(REPLICA, "INSERT INTO rows VALUES (2) RETURNING n") == "2"
        rig.restore()
        assert not self.there(rig)
        assert self.injector.undone(lease, rig.stack)
