"""container.disk-full on a real container, two replicas of it."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from compose_rig import BASE, WEB, Rig, docker, images, rig
from observers import DOCKER, boot_ns, until
from remade_contract import lease_for

from drill.errors import InvalidInput, Refused
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment
from drill.model.scenario import ParamValue
from drill.ports import Stack
from injectors.container.disk_full import DiskFull

pytestmark = pytest.mark.engine
PAIR = f"""
version: "2.4"
services:
  web:
    image: {BASE}
    user: "1000"
    scale: 2
    command: ["sleep", "300"]
    init: true
    stop_grace_period: 1s
    labels: {{ drill.staging: "true" }}
    tmpfs: ["/small:size=4m,mode=1777", "/endless"]
    volumes: ["data:/data"]
volumes: {{ data: {{ }} }}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with images(), rig(tmp_path_factory.mktemp("disk"), PAIR, (WEB,)) as made:
        yield made


@pytest.fixture
def target(project: Rig) -> Iterator[Rig]:
    project.stack.start("web")
    yield project
    project.stack.start("web")
    for one in project.ids():
        docker("exec", "-u", "0", one, "find", "/small", "-type", "f", "-delete")
    assert until(lambda: not any(waiting(one) for one in project.ids()))


def planned(rigged: Rig, **params: ParamValue) -> Lease:
    return lease_for(DiskFull(), rigged.stack, {"path": "/small", **params})


def can_write(container: str, size: int = 100) -> bool:
    """From outside: a real write of so many bytes, taken away again."""
    script = f"head -c {size} /dev/zero >/small/try; code=$?; rm -f /small/try; exit $code"
    done = subprocess.run(
        [DOCKER, "exec", "-u", "0", container, "sh", "-c", script], capture_output=True, check=False, timeout=20
    )
    return done.returncode == 0


def free(container: str) -> int:
    return int(docker("exec", container, "sh", "-c", "df -B1 --output=avail /small | tail -1"))


def waiting(container: str) -> bool:
    """By the engine's list of processes."""
    return "drill-" in docker("top", container, "-eo", "pid,args")


def files(container: str) -> list[str]:
    return docker("exec", container, "ls", "/small").split()


def test_plan_touches_nothing_and_the_lease_survives_json(target: Rig) -> None:
    lease = planned(target)
    assert [files(one) for one in target.ids()] == [[], []]
    assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease
    assert lease.settle_s > 0
    assert len([step for step in lease.manual if "`" in step]) == 2


def test_nothing_can_be_written_until_undo_as_seen_from_outside(target: Rig) -> None:
    lease, injector = planned(target), DiskFull()
    assert not injector.active(lease, target.stack)
    assert injector.undone(lease, target.stack)
    began = boot_ns()
    onset = injector.apply(lease, target.stack)
    assert began <= onset.at_ns - onset.uncertainty_ns <= onset.at_ns + onset.uncertainty_ns <= boot_ns()
    assert not any(can_write(one) for one in target.ids())
    assert [files(one) for one in target.ids()] == [["drill-L1"]] * 2
    assert injector.active(lease, target.stack)
    assert not injector.undone(lease, target.stack)
    injector.undo(lease, target.stack)
    assert until(lambda: injector.undone(lease, target.stack))
    assert not injector.active(lease, target.stack)
    assert all(can_write(one, 4_000_000) for one in target.ids())
    assert [files(one) for one in target.ids()] == [[], []]
    assert not any(waiting(one) for one in target.ids())


def test_as_much_as_was_asked_for_stays_free(target: Rig) -> None:
    lease = planned(target, leave=1_000_000)
    DiskFull().apply(lease, target.stack)
    assert all(0.99e6 < free(one) < 1.01e6 for one in target.ids())
    assert DiskFull().active(lease, target.stack)
    assert can_write(target.ids()[0], 900_000)
    DiskFull().undo(lease, target.stack)


def test_room_that_a_responder_makes_ends_it_and_other_files_stay(target: Rig) -> None:
    for one in target.ids():
        docker("exec", "-u", "0", one, "sh", "-c", "head -c 1000000 /dev/zero >/small/log; echo mine >/small/drill-L10")
    lease = planned(target)
    DiskFull().apply(lease, target.stack)
    assert DiskFull().active(lease, target.stack)
    for one in target.ids():
        docker("exec", "-u", "0", one, "rm", "/small/log")
    assert not DiskFull().active(lease, target.stack)
    assert not DiskFull().undone(lease, target.stack)
    DiskFull().undo(lease, target.stack)
    assert [files(one) for one in target.ids()] == [["drill-L10"]] * 2


def test_undo_twice_and_undo_without_apply_and_after_a_responder_removed_it(target: Rig) -> None:
    lease = planned(target)
    DiskFull().undo(lease, target.stack)
    DiskFull().apply(lease, target.stack)
    for one in target.ids():
        docker("exec", "-u", "0", one, "rm", "/small/drill-L1")
    assert not DiskFull().active(lease, target.stack)
    DiskFull().undo(lease, target.stack)
    DiskFull().undo(lease, target.stack)
    assert until(lambda: DiskFull().undone(lease, target.stack))


@pytest.mark.parametrize("act", ["restart", "stop", "one"])
def test_undo_copes_with_what_others_did_to_the_target(target: Rig, act: str) -> None:
    lease = planned(target)
    DiskFull().apply(lease, target.stack)
    for one in target.ids()[: 1 if act == "one" else 2]:
        docker("stop" if act == "one" else act, "-t", "0", one)
    DiskFull().undo(lease, target.stack)
    assert until(lambda: DiskFull().undone(lease, target.stack))
    assert not DiskFull().active(lease, target.stack)
    target.stack.start("web")
    assert [files(one) for one in target.ids()] == [[], []]


def test_it_ends_by_itself_when_its_time_is_over(target: Rig) -> None:
    """Nobody undoes it."""
    lease = planned(target)
    DiskFull().apply(replace(lease, params={**lease.params, "bound_s": 1}), target.stack)
    assert until(lambda: [files(one) for one in target.ids()] == [[], []])
    assert until(lambda: DiskFull().undone(lease, target.stack))


def test_the_manual_steps_work(target: Rig) -> None:
    lease = planned(target)
    DiskFull().apply(lease, target.stack)
    for step in lease.manual:
        subprocess.run(["sh", "-ec", step.split("`")[1]], check=True, capture_output=True, timeout=20)
    assert until(lambda: DiskFull().undone(lease, target.stack))


def test_an_apply_or_undo_that_does_nothing_is_seen(target: Rig) -> None:
    class Idle(DiskFull):
        def apply(self, lease: Lease, stack: Stack) -> Moment:
            return Moment(at_ns=0, uncertainty_ns=0, source="call")

        def undo(self, lease: Lease, stack: Stack) -> None:
            """Nothing."""

    lease = planned(target)
    Idle().apply(lease, target.stack)
    assert not Idle().active(lease, target.stack)
    DiskFull().apply(lease, target.stack)
    Idle().undo(lease, target.stack)
    assert not Idle().undone(lease, target.stack)


@pytest.mark.parametrize("path", ["/", "/tmp", "/data", "/endless", "/proc", "/no/such"])
def test_what_may_be_the_hosts_own_disk_is_refused(target: Rig, path: str) -> None:
    with pytest.raises(Refused, match="do harm") as caught:
        planned(target, path=path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"path": 3}, "no absolute path"),
        ({"path": "small"}, "no absolute path"),
        ({"leave": -1}, "number of bytes"),
        ({"leave": 4194304}, "number of bytes"),
        ({"leave": True}, "number of bytes"),
        ({"laeve": 1}, "'laeve'"),
    ],
)
def test_what_makes_no_sense_is_refused(target: Rig, params: Mapping[str, ParamValue], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        planned(target, **params)


def test_a_target_that_is_absent_or_down_is_refused(target: Rig) -> None:
    with pytest.raises(InvalidInput, match="no service 'nobody'"):
        lease_for(DiskFull(), target.stack, {"path": "/small"}, "nobody")
    target.stack.stop("web", 0)
    with pytest.raises(InvalidInput, match="not running"):
        planned(target)
