"""container.process-kill on real containers; processes are seen by `docker top`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from compose_rig import BASE, WEB, Rig, docker, images, inspect, rig
from fault_contract import lease_for
from observers import Watch, process_ended, until

from drill.errors import ActionFailed, InvalidInput
from drill.model.codec import decode, encode
from drill.model.lease import Lease, Moment
from drill.model.scenario import ParamValue
from drill.ports import Stack
from injectors.container.process_kill import ProcessKill

pytestmark = pytest.mark.engine
# The service starts two workers, and one again when it has ended.
MAIN = (
    "import subprocess; start = lambda: subprocess.Popen(['sleep', '300']); found = [start(), start()]; "
    "found[0].wait(); again = start(); found[1].wait(); again.wait()"
)
PAIR = f"""
version: "2.4"
services:
  web:
    image: {BASE}
    scale: 2
    command: ["python3", "-c", "{MAIN}"]
    init: true
    stop_grace_period: 1s
    labels: {{ drill.staging: "true" }}
"""
WORKER: Mapping[str, ParamValue] = {"process": "sleep"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with images(), rig(tmp_path_factory.mktemp("workers"), PAIR, (WEB,)) as made:
        yield made


@pytest.fixture
def pair(project: Rig) -> Iterator[Rig]:
    """Two replicas with two workers each."""
    assert until(lambda: all(len(workers(one)) == 2 for one in project.ids()))
    yield project
    if any(len(workers(one)) != 2 for one in project.ids()):
        docker("restart", "-t", "0", *project.ids())


def workers(container: str) -> list[int]:
    """Pids, on the host, of the processes in a container that are called sleep."""
    lines = [line.split() for line in docker("top", container, "-eo", "pid,comm,stat").splitlines()[1:]]
    return [int(line[0]) for line in lines if line[1] == "sleep" and "Z" not in line[2]]


def test_plan_touches_nothing_and_names_each_process_in_the_lease(pair: Rig) -> None:
    before = [workers(one) for one in pair.ids()]
    lease = lease_for(ProcessKill(), pair.stack, "web", WORKER)
    assert [workers(one) for one in pair.ids()] == before
    assert [len(str(lease.before[f"processes_{n}"]).split()) for n in (1, 2)] == [2, 2]
    assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease
    assert docker("ps", "-aq", "--filter", f"label=drill.helper.project={pair.project}") == ""


def test_the_processes_of_the_plan_end_and_the_service_goes_on(pair: Rig) -> None:
    injector, lease = ProcessKill(), lease_for(ProcessKill(), pair.stack, "web", WORKER)
    old = [pid for one in pair.ids() for pid in workers(one)]
    mains = [inspect(one)["State"]["Pid"] for one in pair.ids()]
    assert not injector.active(lease, pair.stack)
    injector.apply(lease, pair.stack)
    assert all(process_ended(pid) for pid in old)
    assert injector.active(lease, pair.stack)
    assert until(lambda: all(workers(one) for one in pair.ids()))  # the new one is another process
    assert injector.active(lease, pair.stack)
    assert [inspect(one)["State"]["Pid"] for one in pair.ids()] == mains
    for _ in range(2):
        injector.undo(lease, pair.stack)
        assert injector.undone(lease, pair.stack)


@pytest.mark.parametrize("same_kernel", [True, False])
def test_the_onset_is_true_within_its_uncertainty(pair: Rig, same_kernel: bool) -> None:
    one = pair.stack.replica("web", 1)
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip() if same_kernel else "another"
    lease = replace(lease_for(ProcessKill(), one, "web", WORKER), boot_id=boot)
    pid = workers(pair.stack.services()["web"].replicas[0])[0]
    with Watch(lambda: process_ended(pid)) as watch:
        onset = ProcessKill().apply(lease, one)
    earliest, latest = watch.span()
    assert onset.at_ns - onset.uncertainty_ns <= latest
    assert earliest <= onset.at_ns + onset.uncertainty_ns
    assert onset.source == ("helper" if same_kernel else "call")


def test_a_part_of_the_command_line_will_do(pair: Rig) -> None:
    lease = lease_for(ProcessKill(), pair.stack, "web", {"process": "sleep 30", "signal": "SIGTERM"})
    ProcessKill().apply(lease, pair.stack)
    assert ProcessKill().active(lease, pair.stack)


def test_what_ended_by_itself_before_is_no_kill_of_ours(pair: Rig) -> None:
    lease = lease_for(ProcessKill(), pair.stack, "web", WORKER)
    docker("restart", "-t", "0", *pair.ids())
    with pytest.raises(ActionFailed, match="ended by itself"):
        ProcessKill().apply(lease, pair.stack)


def test_an_apply_that_does_nothing_is_seen(pair: Rig) -> None:
    class Broken(ProcessKill):
        def apply(self, lease: Lease, stack: Stack) -> Moment:
            return Moment(at_ns=0, uncertainty_ns=0, source="call")

    lease = lease_for(Broken(), pair.stack, "web", WORKER)
    Broken().apply(lease, pair.stack)
    assert not Broken().active(lease, pair.stack)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({}, "process is missing"),
        ({"process": " "}, "process is missing"),
        ({"process": 3}, "process is missing"),
        ({"process": "no-such"}, "there are .*sleep"),
        ({"process": "python3"}, r"the whole service; .*container\.kill"),
        ({"process": "docker-init"}, "the whole service"),
        ({"process": "sleep", "signal": "SIGSTOP"}, "SIGSTOP"),
        ({"process": "sleep", "name": "x"}, "'name'"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(pair: Rig, params: dict[str, ParamValue], said: str) -> None:
    with pytest.raises(InvalidInput, match=said) as caught:
        lease_for(ProcessKill(), pair.stack, "web", params)
    assert "\n" not in str(caught.value)


def test_an_absent_or_stopped_target_is_refused(pair: Rig) -> None:
    with pytest.raises(InvalidInput, match="no service 'nobody'"):
        lease_for(ProcessKill(), pair.stack, "nobody", WORKER)
    first = pair.stack.services()["web"].replicas[0]
    docker("kill", first)
    try:
        with pytest.raises(InvalidInput, match="web is not running"):
            lease_for(ProcessKill(), pair.stack, "web", WORKER)
    finally:
        docker("start", first)
