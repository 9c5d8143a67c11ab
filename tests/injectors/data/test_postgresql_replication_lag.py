"""data.postgresql-replication-lag on a real pair."""

from __future__ import annotations

import time
from types import MappingProxyType

import pytest
from data_rig import DataRig
from observers import until
from replication_contract import ReplicationContract, is_there, written

from injectors.data.postgresql_replication_lag import PostgresqlReplicationLag

pytestmark = pytest.mark.engine


class TestPostgresqlReplicationLag(ReplicationContract):
    injector = PostgresqlReplicationLag()
    params = MappingProxyType({"lag": "4s"})
    bad = ({}, {"lag": 0}, {"lag": "soon"})
    survives_restart = True

    def test_a_commit_is_seen_that_much_later(self, rig: DataRig) -> None:
        self.injector.apply(self.planned(rig), rig.stack)
        row, began = written(rig), time.monotonic()
        assert until(lambda: is_there(rig, row), 20)
        assert time.monotonic() - began >= 3.0
