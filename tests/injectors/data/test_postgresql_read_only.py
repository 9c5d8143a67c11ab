"""data.postgresql-read-only on a real pair."""

from __future__ import annotations

import pytest
from compose_rig import docker
from data_contract import DataContract, lease_for
from data_rig import PRIMARY, REPLICA, DataRig
from observers import until

from drill.errors import InvalidInput
from injectors.data.postgresql_read_only import PostgresqlReadOnly

pytestmark = pytest.mark.engine
NAME = "default_transaction_read_only"


class TestPostgresqlReadOnly(DataContract):
    injector = PostgresqlReadOnly()
    survives_restart = True

    @staticmethod
    def there(rig: DataRig) -> bool:
        return "read-only transaction" in rig.as_app(PRIMARY, "INSERT INTO rows VALUES (1)")

    def test_reads_go_on(self, rig: DataRig) -> None:
        self.injector.apply(self.planned(rig), rig.stack)
        assert rig.as_app(PRIMARY, "SELECT count(*) >= 0 FROM rows") == "t"

    def test_what_others_set_stays_and_an_entry_from_before_comes_back(self, rig: DataRig) -> None:
        rig.sql(PRIMARY, f"ALTER SYSTEM SET {NAME} = 'off'", "ALTER SYSTEM SET work_mem = '5MB'")
        before, lease = rig.own_settings(PRIMARY), self.planned(rig)
        self.injector.apply(lease, rig.stack)
        rig.sql(PRIMARY, "ALTER SYSTEM SET temp_buffers = '9MB'")
        self.injector.undo(lease, rig.stack)
        after = rig.own_settings(PRIMARY).splitlines()
        assert sorted(after) == sorted([*before.splitlines(), "temp_buffers = '9MB'"])

    def test_a_responder_who_set_it_off_is_left_alone(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        rig.sql(PRIMARY, f"ALTER SYSTEM SET {NAME} = 'off'", "SELECT pg_reload_conf()")
        assert until(lambda: not self.there(rig))
        assert not self.injector.active(lease, rig.stack)
        before = rig.own_settings(PRIMARY)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert rig.own_settings(PRIMARY) == before

    def test_an_apply_cut_before_the_reload_is_undone(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        rig.sql(PRIMARY, f"ALTER SYSTEM SET {NAME} = 'on'")
        assert not self.injector.undone(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert NAME not in rig.own_settings(PRIMARY)

    def test_a_failover_in_between_ends_clean(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        docker("kill", rig.container(PRIMARY))
        assert "takes writes now" in rig.inside(REPLICA, "bash", "/srv/db/promote.sh")
        assert not self.injector.active(lease, rig.stack)
        assert not self.injector.undone(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert rig.as_app(REPLICA, "INSERT INTO rows VALUES (2) RETURNING n") == "2"
        rig.restore()
        assert rig.roles() == ["f", "t"]
        assert self.injector.undone(lease, rig.stack)
        assert NAME not in rig.own_settings(PRIMARY) + rig.own_settings(REPLICA)
        assert not self.there(rig)

    def test_a_member_that_was_copied_from_the_target_is_undone_too(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        rig.sql(REPLICA, f"ALTER SYSTEM SET {NAME} = 'on'", "SELECT pg_reload_conf()")
        docker("stop", rig.container(REPLICA))
        assert not self.injector.undone(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        docker("start", rig.container(REPLICA))
        assert until(lambda: rig.sql(REPLICA, f"SHOW {NAME}") == "off", 30)
        assert rig.inside(REPLICA, "stat", "-c", "%U %a", "/var/lib/postgresql/drill/data/postgresql.auto.conf") == (
            "postgres 600"
        )

    def test_a_replica_and_a_primary_that_is_read_only_are_refused(self, rig: DataRig) -> None:
        with pytest.raises(InvalidInput, match="role:primary"):
            lease_for(self.injector, rig.stack, REPLICA, {})
        self.injector.apply(self.planned(rig), rig.stack)
        with pytest.raises(InvalidInput, match="would change nothing"):
            self.planned(rig)
