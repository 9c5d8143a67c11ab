"""data.postgresql-replication-stopped on a real pair."""

from __future__ import annotations

import pytest
from data_rig import DataRig
from replication_contract import ReplicationContract

from drill.errors import InvalidInput
from injectors.data.postgresql_replication_stopped import PostgresqlReplicationStopped

pytestmark = pytest.mark.engine


class TestPostgresqlReplicationStopped(ReplicationContract):
    injector = PostgresqlReplicationStopped()

    def test_a_replica_that_stands_still_already_is_refused(self, rig: DataRig) -> None:
        self.injector.apply(self.planned(rig), rig.stack)
        with pytest.raises(InvalidInput, match="paused already"):
            self.planned(rig)
