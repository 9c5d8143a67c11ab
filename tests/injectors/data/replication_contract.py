"""What the faults of replication promise, on a real pair."""

from __future__ import annotations

import itertools

import pytest
from compose_rig import docker
from data_contract import DataContract, lease_for
from data_rig import PRIMARY, REPLICA, DataRig
from observers import until

from drill.errors import InvalidInput
from drill.model.lease import Lease
from drill.ports import Injector

ROWS = itertools.count(1000)
HERE_S = 1.5
"""A row is on a whole replica within this, however busy the machine is."""


def written(rig: DataRig, member: str = PRIMARY) -> int:
    """A row of its own, committed."""
    row = next(ROWS)
    assert rig.sql(member, f"INSERT INTO rows SELECT {row} RETURNING n") == str(row)
    return row


def is_there(rig: DataRig, row: int, member: str = REPLICA) -> bool:
    return rig.sql(member, f"SELECT count(*) FROM rows WHERE n = {row}") == "1"  # noqa: S608 - our own number


def is_late(rig: DataRig) -> bool:
    """Whether a row that is committed now is not on the replica a while later."""
    row = written(rig)
    return not until(lambda: is_there(rig, row), HERE_S)


class ReplicationContract(DataContract):
    target = REPLICA
    there = staticmethod(is_late)

    def test_the_primary_is_refused(self, rig: DataRig) -> None:
        with pytest.raises(InvalidInput, match="role:replica"):
            lease_for(self.injector, rig.stack, PRIMARY, self.params)

    def test_what_was_written_meanwhile_arrives_after_undo(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        row = written(rig)
        self.injector.undo(lease, rig.stack)
        assert until(lambda: is_there(rig, row))

    def test_a_promotion_in_between_loses_nothing_and_ends_clean(self, rig: DataRig) -> None:
        lease = self.planned(rig)
        self.injector.apply(lease, rig.stack)
        row = written(rig)
        sent = rig.sql(PRIMARY, "SELECT pg_current_wal_lsn()")
        assert until(lambda: rig.sql(REPLICA, f"SELECT pg_last_wal_receive_lsn() >= '{sent}'") == "t")
        docker("kill", rig.container(PRIMARY))
        assert "takes writes now" in rig.inside(REPLICA, "bash", "/srv/db/promote.sh")
        assert is_there(rig, row)
        assert not self.injector.active(lease, rig.stack)
        rig.restore()
        check_clean(rig, self.injector, lease)
        assert rig.roles() == ["f", "t"]
        assert is_there(rig, row, PRIMARY)


def check_clean(rig: DataRig, injector: Injector, lease: Lease) -> None:
    """Undone everywhere, also on a member that took the other's files."""
    injector.undo(lease, rig.stack)
    assert injector.undone(lease, rig.stack)
    assert "recovery_min_apply_delay" not in rig.own_settings(PRIMARY) + rig.own_settings(REPLICA)
    assert not is_late(rig)
