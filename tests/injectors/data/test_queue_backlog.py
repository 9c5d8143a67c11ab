"""data.queue-backlog with a real queue: one that fills it, and a worker that empties it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from compose_rig import docker
from data_contract import lease_for
from data_rig import CACHE, PASSWORD, PRIMARY, WORKER, DataRig
from observers import DOCKER, Watch, until

from drill.errors import InvalidInput
from drill.model.lease import Lease, Moment
from drill.model.scenario import ParamValue
from drill.ports import Stack
from injectors.data.queue_backlog import QueueBacklog

pytestmark = pytest.mark.engine
URL = f"postgresql://app:{PASSWORD}@{PRIMARY}/app?connect_timeout=2"
FILL = "INSERT INTO jobs VALUES (1)"
EMPTY = "DELETE FROM jobs"


def start_loop(rig: DataRig, service: str, statement: str) -> None:
    loop = 'while :; do psql -Xqw "$0" -c "$1"; sleep 0.1; done'
    argv = ["sh", "-c", loop, URL, statement]
    subprocess.run([DOCKER, "exec", "-d", rig.container(service), *argv], check=True, timeout=30)


class Unplugged(QueueBacklog):
    """Its apply and undo do nothing."""

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        return Moment(at_ns=0, uncertainty_ns=0, source="call")

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Nothing."""


INJECTOR = QueueBacklog()
QUEUE: dict[str, ParamValue] = {"database": "app", "table": "jobs"}


@pytest.fixture
def busy(rig: DataRig) -> Iterator[DataRig]:
    """Jobs come in, and the worker takes them."""
    rig.sql(PRIMARY, "CREATE TABLE jobs (n int)", "GRANT ALL ON jobs TO app")
    start_loop(rig, CACHE, FILL)
    start_loop(rig, WORKER, EMPTY)
    yield rig
    rig.mend()
    for service in (CACHE, WORKER):
        rig.inside(service, "sh", "-c", "kill $(grep -lsF '@db-primary/app' /proc/[0-9]*/cmdline | cut -d / -f 3)")
    rig.sql(PRIMARY, "DROP TABLE jobs")


def waiting(rig: DataRig) -> int:
    return int(rig.sql(PRIMARY, "SELECT count(*) FROM jobs"))


def planned(rig: DataRig) -> Lease:
    return lease_for(INJECTOR, rig.stack, WORKER, QUEUE)


def state(rig: DataRig) -> str:
    return docker("inspect", "-f", "{{.State.Status}}", rig.container(WORKER))


def test_the_queue_grows_until_undo(busy: DataRig) -> None:
    lease = planned(busy)
    assert state(busy) == "running"
    assert not INJECTOR.active(lease, busy.stack)
    with Watch(lambda: state(busy) == "paused") as watch:
        onset = INJECTOR.apply(lease, busy.stack)
    assert onset.at_ns - onset.uncertainty_ns <= watch.span()[1]
    assert watch.span()[0] <= onset.at_ns + onset.uncertainty_ns
    seen = waiting(busy)
    assert until(lambda: waiting(busy) > seen + 2)
    assert INJECTOR.active(lease, busy.stack)
    assert not INJECTOR.undone(lease, busy.stack)
    for _ in range(2):
        INJECTOR.undo(lease, busy.stack)
        assert INJECTOR.undone(lease, busy.stack)
        assert not INJECTOR.active(lease, busy.stack)
    assert until(lambda: waiting(busy) <= seen)


def test_a_frozen_worker_without_a_backlog_is_no_fault_and_neither_is_an_apply_or_undo_that_does_nothing(
    rig: DataRig,
) -> None:
    """Nothing comes in here."""
    rig.sql(PRIMARY, "CREATE TABLE jobs (n int)")
    try:
        lease = lease_for(Unplugged(), rig.stack, WORKER, QUEUE)
        Unplugged().apply(lease, rig.stack)
        assert not INJECTOR.active(lease, rig.stack)
        docker("pause", rig.container(WORKER))
        assert not INJECTOR.active(lease, rig.stack)
        rig.sql(PRIMARY, "INSERT INTO jobs VALUES (1)")
        assert INJECTOR.active(lease, rig.stack)
        Unplugged().undo(lease, rig.stack)
        assert not INJECTOR.undone(lease, rig.stack)
        docker("restart", "-t", "0", rig.container(WORKER))
        assert not INJECTOR.active(lease, rig.stack)
        INJECTOR.undo(lease, rig.stack)
        assert INJECTOR.undone(lease, rig.stack)
        docker("rm", "-f", rig.container(WORKER))
        assert not INJECTOR.active(lease, rig.stack)
        INJECTOR.undo(lease, rig.stack)
        assert INJECTOR.undone(lease, rig.stack)
        assert state(rig) == "running"
    finally:
        rig.sql(PRIMARY, "DROP TABLE jobs")


@pytest.mark.parametrize(
    ("target", "params"),
    [
        (WORKER, {}),
        (WORKER, {"database": "app", "table": "nothing"}),
        (WORKER, {"database": "nowhere", "table": "jobs"}),
        (WORKER, {"database": "app", "table": "jobs; SELECT 1"}),
        (WORKER, {**QUEUE, "spede": 1}),
        (PRIMARY, QUEUE),
        ("nobody", QUEUE),
    ],
)
def test_what_makes_no_sense_is_refused(rig: DataRig, target: str, params: dict[str, ParamValue]) -> None:
    with pytest.raises(InvalidInput, match="fault f1: ") as caught:
        lease_for(INJECTOR, rig.stack, target, params)
    assert "\n" not in str(caught.value)
