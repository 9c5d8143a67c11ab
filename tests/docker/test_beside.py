"""Helpers in name spaces of a target's: seen by the plain Docker command line, which shares no code with them."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from compose_rig import BASE, Rig, docker, inspect, rig
from observers import DOCKER, until

from drill.errors import ActionFailed, StackError
from drill.model.config import ServiceSpec
from drill.ports.containers import Containers, Shared
from drill.stacks.helper import helpers, sweep
from drill.stacks.project import Project

pytestmark = pytest.mark.engine

TARGET = """
version: "2.4"
services:
  web:
    image: {image}
    scale: 2
    init: true
    restart: "no"
    stop_grace_period: 1s
    labels: {{ drill.staging: "true" }}
    command: ["sleep", "600"]
  hosted:
    image: {image}
    network_mode: host
    init: true
    labels: {{ drill.staging: "true" }}
    command: ["sleep", "600"]
"""
NETWORK: frozenset[Shared] = frozenset({"network"})
PID: frozenset[Shared] = frozenset({"pid"})
NOTHING: frozenset[Shared] = frozenset()
STAY = ["sh", "-c", "echo ready; sleep 60"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    services = (ServiceSpec(name="web"), ServiceSpec(name="hosted"))
    with rig(tmp_path_factory.mktemp("beside"), TARGET.format(image=BASE), services) as made:
        yield made


@pytest.fixture
def rigged(project: Rig) -> Iterator[Rig]:
    """Both replicas run, nothing stands beside them; afterwards again."""
    yield project
    for helper in left(project):
        # One that removes itself may be faster.
        subprocess.run([DOCKER, "rm", "-f", helper], capture_output=True, check=False, timeout=30)
    if not all(service.running for service in project.stack.services().values()):
        project.stack.up(lambda _: None)


def left(rigged: Rig) -> list[str]:
    """Every helper container of the project, by the engine's word."""
    return docker("ps", "-aq", "--no-trunc", "--filter", f"label=drill.helper.project={rigged.project}").split()


def operations(rigged: Rig) -> Containers:
    return rigged.stack.containers()


def test_a_command_runs_in_the_network_of_each_replica_and_leaves_nothing(rigged: Rig) -> None:
    outcomes = operations(rigged).run_beside("web", ["sh", "-c", "hostname -I; echo no >&2; exit 3"], share=NETWORK)
    shown = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    addresses = [docker("inspect", "--format", shown, one) for one in rigged.stack.services()["web"].replicas]
    assert [outcome.output.split() for outcome in outcomes] == [[address, "no"] for address in addresses]
    assert [outcome.code for outcome in outcomes] == [3, 3]
    assert left(rigged) == []


def test_a_command_sees_the_processes_of_one_replica_alone(rigged: Rig) -> None:
    look = ["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"]
    (outcome,) = rigged.stack.replica("web", 2).containers().run_beside("web", look, share=PID)
    assert outcome.output.count("sleep 600") == 2  # the init's own command line names it too


def test_with_nothing_shared_it_is_alone_and_runs_once(rigged: Rig) -> None:
    (outcome,) = operations(rigged).run_beside("web", ["ip", "-json", "link"], share=NOTHING)
    assert [link["ifname"] for link in json.loads(outcome.output)] == ["lo"]


def test_arguments_are_never_read_by_a_shell(rigged: Rig) -> None:
    (outcome,) = operations(rigged).run_beside("web", ["echo", "$(id)", ";", "a b"], share=NOTHING)
    assert outcome.output == "$(id) ; a b\n"


def test_a_command_that_does_not_end_is_ended(rigged: Rig) -> None:
    began = time.monotonic()
    with pytest.raises(ActionFailed, match=r"sleep did not end within 0\.5 s"):
        operations(rigged).run_beside("web", ["sleep", "600"], share=NOTHING, timeout_s=0.5)
    assert time.monotonic() - began < 10
    assert left(rigged) == []


def test_a_helper_stays_until_it_is_removed(rigged: Rig) -> None:
    containers = operations(rigged)
    containers.start_beside("web", "drill-L1", STAY, share=NETWORK)
    assert containers.beside("drill-L1") == 2
    found = [inspect(one) for one in left(rigged)]
    targets = {f"container:{one}" for one in rigged.stack.services()["web"].replicas}
    assert {one["HostConfig"]["NetworkMode"] for one in found} == targets
    assert containers.beside("drill-L2") == 0
    for _ in range(2):
        containers.stop_beside("drill-L1")
        assert left(rigged) == []


def test_a_helper_may_do_little_and_is_no_service(rigged: Rig) -> None:
    operations(rigged).start_beside("web", "drill-L1", STAY, share=NETWORK)
    for one in (inspect(name) for name in left(rigged)):
        host = one["HostConfig"]
        assert one["Config"]["Labels"]["drill.helper"] == "drill-L1"
        assert not [label for label in one["Config"]["Labels"] if label.startswith("com.docker.compose")]
        assert sorted(host["CapAdd"]) == ["NET_ADMIN", "NET_RAW"]
        assert (host["CapDrop"], host["ReadonlyRootfs"], host["AutoRemove"]) == (["ALL"], True, True)
        assert (host["RestartPolicy"]["Name"] in ("", "no"), host["PortBindings"]) == (True, None)
        assert one["Name"].startswith("/drill-helper-")
    assert len(rigged.stack.services()["web"].replicas) == 2


def test_a_helper_of_a_container_that_was_restarted_does_not_count(rigged: Rig) -> None:
    containers = operations(rigged)
    containers.start_beside("web", "drill-L1", STAY, share=NETWORK)
    docker("restart", "-t", "0", rigged.stack.services()["web"].replicas[0])
    assert containers.beside("drill-L1") == 1
    assert len(left(rigged)) == 2
    containers.stop_beside("drill-L1")
    assert left(rigged) == []


def test_a_helper_that_never_gets_ready_says_why_and_is_gone(rigged: Rig) -> None:
    with pytest.raises(ActionFailed, match="ended before it was ready; it said: it cannot be"):
        operations(rigged).start_beside("web", "drill-L1", ["sh", "-c", "echo it cannot be; exit 1"], share=NETWORK)
    assert left(rigged) == []


def test_the_moment_is_the_helpers_own_where_it_tells_one(rigged: Rig) -> None:
    script = "import time; n = time.clock_gettime_ns(7); b = open('/proc/sys/kernel/random/boot_id').read().strip()\n"
    tell = script + "print('at', b, n, n + 2000, '\\nready', flush=True); time.sleep(60)"
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    moment = operations(rigged).start_beside("hosted", "drill-L1", ["python3", "-c", tell], share=NOTHING)
    assert (moment.source, moment.uncertainty_ns) == ("helper", 1001)
    assert before < moment.at_ns < time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_a_stopped_service_has_nobody_beside_it(rigged: Rig) -> None:
    docker("kill", *rigged.stack.services()["web"].replicas)
    assert operations(rigged).run_beside("web", ["true"], share=NETWORK) == []
    with pytest.raises(StackError, match="web does not run"):
        operations(rigged).start_beside("web", "drill-L1", STAY, share=NETWORK)


def test_a_paused_one_can_be_stood_beside(rigged: Rig) -> None:
    first = rigged.stack.services()["web"].replicas[0]
    docker("pause", first)
    try:
        outcomes = operations(rigged).run_beside("web", ["true"], share=NETWORK)
    finally:
        docker("unpause", first)
    assert [outcome.code for outcome in outcomes] == [0, 0]


def test_the_hosts_network_is_never_touched(rigged: Rig) -> None:
    with pytest.raises(StackError, match="the host's network"):
        operations(rigged).run_beside("hosted", ["true"], share=NETWORK)
    assert left(rigged) == []


def test_a_missing_image_is_one_line_with_what_to_do(rigged: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRILL_HELPER_IMAGE", "no-such-image:local")
    with pytest.raises(StackError, match="no-such-image:local is not on this engine; build it with") as caught:
        operations(rigged).run_beside("web", ["true"], share=NETWORK)
    assert "\n" not in str(caught.value)


def test_a_command_ends_in_time_when_whoever_wanted_it_is_dead(rigged: Rig) -> None:
    script = (
        "from drill.stacks.beside import run_beside; from drill.stacks.project import Project; import sys\n"
        "run_beside(Project(sys.argv[1]), 'web', ['sleep', '600'], frozenset(['network']), 3)"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", script, rigged.project], cwd=root) as caller:
        assert until(lambda: len(left(rigged)) == 2)
        assert until(lambda: all(state(one) == "running" for one in left(rigged)))
        caller.kill()
        caller.wait(10)
    assert len(left(rigged)) == 2
    assert until(lambda: left(rigged) == [], within_s=20)


def test_what_a_dead_process_made_and_never_started_is_swept_away(rigged: Rig) -> None:
    script = (
        "from drill.stacks import helper; from drill.stacks.project import Project; import os, signal, sys\n"
        "project = Project(sys.argv[1])\n"
        "helper.create(project.engine(), project, 'once', ['true'], helper.NOWHERE, frozenset())\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script, rigged.project], cwd=root, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    project = Project(rigged.project)
    with contextlib.closing(project):
        assert [(one.name, one.state) for one in helpers(project)] == [("once", "created")]
        sweep(project.engine(), project)
        assert helpers(project) == []
    assert left(rigged) == []


def state(container: str) -> str:
    """Empty when it is gone."""
    command = [DOCKER, "inspect", "--format", "{{.State.Status}}", container]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=20).stdout.strip()


def test_owners_are_told_apart(rigged: Rig) -> None:
    operations(rigged).start_beside("web", "drill-L1", STAY, share=NETWORK)
    (owner,) = {inspect(one)["Config"]["Labels"]["drill.helper.owner"] for one in left(rigged)}
    assert owner.split(" ")[1].startswith(f"{os.getpid()}:")
