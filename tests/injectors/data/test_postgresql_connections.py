"""data.postgresql-connections on a real primary."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from data_contract import DataContract, lease_for
from data_rig import PASSWORD, PRIMARY, DataRig
from observers import DOCKER, until

from injectors.data.postgresql_connections import PostgresqlConnections

pytestmark = pytest.mark.engine
URL = f"postgresql://app:{PASSWORD}@127.0.0.1/app"
APP_SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"


@contextmanager
def open_session(rig: DataRig) -> Iterator[None]:
    """A session of the product's that stays, as long as nobody ends it."""
    command = [DOCKER, "exec", "-i", rig.container(PRIMARY), "psql", "-Xqw", URL]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL):
        assert until(lambda: rig.sql(PRIMARY, APP_SESSIONS) == "1")
        yield


class TestPostgresqlConnections(DataContract):
    injector = PostgresqlConnections()
    bad = ({"cut": "yes"}, {"cut": 1})

    @staticmethod
    def there(rig: DataRig) -> bool:
        return "remaining connection slots are reserved" in rig.as_app(PRIMARY, "SELECT 1")

    def test_the_superusers_reserve_stays(self, rig: DataRig) -> None:
        self.injector.apply(self.planned(rig), rig.stack)
        assert rig.sql(PRIMARY, "SELECT 1") == "1"
        assert rig.sessions() >= 50

    def test_sessions_that_are_open_go_on(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        with open_session(rig):
            self.injector.apply(lease, rig.stack)
            assert self.there(rig)
            assert rig.sql(PRIMARY, APP_SESSIONS) == "1"

    def test_those_are_cut_if_wanted_and_do_not_come_back(self, rig: DataRig) -> None:
        lease = lease_for(self.injector, rig.stack, PRIMARY, {"cut": True})
        with open_session(rig):
            self.injector.apply(lease, rig.stack)
            assert rig.sql(PRIMARY, APP_SESSIONS) == "0"
            assert self.there(rig)
            assert self.injector.active(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert self.injector.undone(lease, rig.stack)
        assert rig.as_app(PRIMARY, "SELECT 1") == "1"

    def test_what_becomes_free_is_taken_too(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        with open_session(rig):
            self.injector.apply(lease, rig.stack)
            rig.sql(PRIMARY, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
            assert until(lambda: self.there(rig))
            assert rig.sql(PRIMARY, APP_SESSIONS) == "0"

    def test_a_responder_who_ends_the_sessions_has_ended_it(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        rig.sql(PRIMARY, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE state = 'idle'")
        assert until(lambda: not self.there(rig))
        assert not self.injector.active(lease, rig.stack)
        self.injector.undo(lease, rig.stack)
        assert rig.processes() == []

    def test_past_its_time_it_ends_by_itself(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        lease.params["bound_s"] = 8  # type: ignore[index]  # as if its duration were that short
        self.injector.apply(lease, rig.stack)
        assert until(lambda: rig.sessions() == 0 and rig.processes() == [], 30)
        assert not self.there(rig)
