"""Limits, restart policies and life lines of real containers, seen by `docker inspect` and in the kernel's files."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from compose_rig import BASE, Rig, docker, images, inspect, rig
from observers import boot_ns, until

from drill.errors import ActionFailed, InvalidInput, StackError
from drill.model.config import ServiceSpec
from drill.ports.containers import Limits
from drill.stacks import cgroups, limits

pytestmark = pytest.mark.engine
MIB = 1 << 20
SERVICES = f"""
version: "2.4"
x-it: &it
  image: {BASE}
  init: true
  command: ["sleep", "300"]
  stop_grace_period: 1s
  labels: {{ drill.staging: "true" }}
services:
  free: {{ <<: *it, scale: 2 }}
  cores: {{ <<: *it, cpus: 0.5 }}
  quota: {{ <<: *it, cpu_quota: 25000, cpu_period: 50000 }}
  small: {{ <<: *it, mem_limit: 64m, memswap_limit: 128m, pids_limit: 50, restart: "on-failure:3" }}
"""
SPECS = tuple(ServiceSpec(name=name) for name in ("free", "cores", "quota", "small"))
FREE = Limits()
OF_CPU = ("free", "cores", "quota")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with images(), rig(tmp_path_factory.mktemp("limits"), SERVICES, SPECS) as made:
        yield made


def host_config(rigged: Rig, service: str) -> list[dict[str, Any]]:
    return [inspect(one)["HostConfig"] for one in rigged.stack.services()[service].replicas]


def kernel(rigged: Rig, service: str, controller: str, file: str) -> list[str]:
    """A control group's file of each replica, by the pid that the Docker command line tells."""
    ids = rigged.stack.services()[service].replicas
    pids = [docker("inspect", "-f", "{{.State.Pid}}", one) for one in ids]
    return [(group(pid, controller) / file).read_text().strip() for pid in pids]


def group(pid: str, controller: str) -> Path:
    lines = [line.split(":", 2) for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines()]
    for _, names, path in lines:
        if controller in names.split(","):
            return Path(f"/sys/fs/cgroup/{controller}{path}")
    return Path(f"/sys/fs/cgroup{lines[0][2]}")


needs_v1 = pytest.mark.skipif(not Path("/sys/fs/cgroup/cpu").exists(), reason="names of control group version 1")


def test_limits_that_the_compose_file_gave_are_read(project: Rig) -> None:
    read = project.stack.containers().limits
    assert list(read("free")) == [FREE, FREE]
    assert list(read("cores")) == list(read("quota")) == [Limits(cpus=0.5)]
    assert list(read("small")) == [Limits(memory=64 * MIB, pids=50)]


@needs_v1
@pytest.mark.parametrize("service", OF_CPU)
def test_a_cpu_limit_goes_into_the_kernel_and_back_whichever_way_the_container_has_it(
    project: Rig, service: str
) -> None:
    containers = project.stack.containers()
    before, files = containers.limits(service), (("cpu", "cpu.cfs_quota_us"), ("cpu", "cpu.cfs_period_us"))
    in_kernel = [kernel(project, service, *file) for file in files]
    began = boot_ns()
    moment = containers.set_limits(service, Limits(cpus=0.05))
    assert began <= moment.at_ns - moment.uncertainty_ns <= moment.at_ns + moment.uncertainty_ns <= boot_ns()
    quotas, periods = ([int(text) for text in kernel(project, service, *file)] for file in files)
    assert [quota / period for quota, period in zip(quotas, periods, strict=True)] == [0.05] * len(before)
    assert list(containers.limits(service)) == [Limits(cpus=0.05)] * len(before)
    containers.set_limits(service, before[0])
    assert [kernel(project, service, *file) for file in files] == in_kernel
    assert containers.limits(service) == before


@needs_v1
def test_without_a_limit_memory_and_processes_are_limited_and_lifted_again(project: Rig) -> None:
    containers = project.stack.containers()
    containers.set_limits("free", Limits(memory=48 * MIB, pids=20))
    assert kernel(project, "free", "memory", "memory.limit_in_bytes") == [str(48 * MIB)] * 2
    assert kernel(project, "free", "pids", "pids.max") == ["20"] * 2
    assert {(one["Memory"], one["MemorySwap"]) for one in host_config(project, "free")} == {(48 * MIB, 48 * MIB)}
    containers.set_limits("free", FREE)
    assert list(containers.limits("free")) == [FREE, FREE]
    assert kernel(project, "free", "pids", "pids.max") == ["max"] * 2
    host = int(docker("info", "-f", "{{.MemTotal}}"))
    assert all(int(text) > host - 4096 for text in kernel(project, "free", "memory", "memory.limit_in_bytes"))
    assert {one["MemorySwap"] for one in host_config(project, "free")} == {-1}


def test_the_swap_beside_a_memory_limit_comes_back_with_it(project: Rig) -> None:
    containers = project.stack.containers()
    containers.set_limits("small", Limits(memory=32 * MIB, pids=50))
    assert [(one["Memory"], one["MemorySwap"]) for one in host_config(project, "small")] == [(32 * MIB, 96 * MIB)]
    containers.set_limits("small", Limits(memory=64 * MIB, pids=50))
    assert [(one["Memory"], one["MemorySwap"]) for one in host_config(project, "small")] == [(64 * MIB, 128 * MIB)]


def test_what_is_not_changed_is_not_touched(project: Rig) -> None:
    before = host_config(project, "small")
    project.stack.containers().set_limits("small", Limits(memory=64 * MIB, pids=50))
    assert host_config(project, "small") == before


def test_one_replica_alone_is_limited(project: Rig) -> None:
    second = project.stack.replica("free", 2)
    second.containers().set_limits("free", Limits(pids=9))
    assert [one.pids for one in project.stack.containers().limits("free")] == [0, 9]
    second.containers().set_limits("free", FREE)
    assert list(project.stack.containers().limits("free")) == [FREE, FREE]
    second.close()  # type: ignore[attr-defined]  # a Compose stack


def test_limits_of_a_stopped_container_are_those_on_record_and_can_be_set(project: Rig) -> None:
    containers = project.stack.containers()
    project.stack.stop("quota", 1)
    containers.set_limits("quota", Limits(cpus=0.25))
    assert list(containers.limits("quota")) == [Limits(cpus=0.25)]
    containers.set_limits("quota", Limits(cpus=0.5))
    project.stack.start("quota")
    assert list(containers.limits("quota")) == [Limits(cpus=0.5)]


def test_a_container_whose_limits_were_lifted_starts_again(project: Rig) -> None:
    containers = project.stack.containers()
    containers.set_limits("free", Limits(cpus=0.5, memory=48 * MIB, pids=20))
    containers.set_limits("free", FREE)
    project.stack.restart("free")
    assert list(containers.limits("free")) == [FREE, FREE]
    docker("update", "--cpus", "1", project.stack.services()["free"].replicas[0])
    assert [one.cpus for one in containers.limits("free")] == [1.0, 0.0]
    containers.set_limits("free", FREE)
    assert list(containers.limits("free")) == [FREE, FREE]


def test_a_limit_that_the_kernel_does_not_hold_is_not_told(project: Rig) -> None:
    """Somebody writes past the engine: what holds counts, not what is on record."""
    pid = docker("inspect", "-f", "{{.State.Pid}}", project.stack.services()["small"].replicas[0])
    file = group(pid, "pids") / "pids.max"
    file.write_text("44")
    try:
        assert [one.pids for one in project.stack.containers().limits("small")] == [44]
    finally:
        file.write_text("50")


def test_a_limit_that_does_not_arrive_is_an_error(project: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_update", lambda *_: None)
    with pytest.raises(ActionFailed, match="was to have"):
        project.stack.containers().set_limits("free", Limits(pids=7))


def test_what_the_engine_refuses_is_one_line(project: Rig) -> None:
    with pytest.raises(ActionFailed, match=r"updating .*6MB") as caught:
        project.stack.containers().set_limits("free", Limits(memory=1 * MIB))
    assert "\n" not in str(caught.value)


def test_a_service_without_containers_has_no_limits_and_takes_none(project: Rig) -> None:
    containers = project.stack.containers()
    assert list(containers.limits("nobody")) == list(containers.lifelines("nobody")) == []
    with pytest.raises(StackError, match="nobody has no container"):
        containers.set_limits("nobody", FREE)


def test_a_restart_policy_is_set_read_back_and_restored(project: Rig) -> None:
    containers = project.stack.containers()
    assert containers.restart_policy("free") == "no"
    assert containers.restart_policy("small") == "on-failure:3"
    for policy in ("always", "unless-stopped", "no", "on-failure:3"):
        containers.set_restart_policy("small", policy)
        assert containers.restart_policy("small") == policy
    assert host_config(project, "small")[0]["RestartPolicy"] == {"Name": "on-failure", "MaximumRetryCount": 3}
    for policy in ("sometimes", "always:3", "on-failure:x", ""):
        with pytest.raises(InvalidInput, match="is none of no, always"):
            containers.set_restart_policy("small", policy)


def test_a_life_line_tells_of_a_restart_by_the_policy_and_of_one_by_hand(project: Rig) -> None:
    containers = project.stack.containers()
    (before,) = containers.lifelines("small")
    state = inspect(before.instance)["State"]
    assert (before.started, before.pid, before.running) == (state["StartedAt"], state["Pid"], True)
    assert (before.restarts, before.oom_killed) == (0, False)
    docker("exec", before.instance, "sh", "-c", "kill -KILL $(cat /proc/1/task/1/children | cut -d' ' -f1)")
    assert until(lambda: inspect(before.instance)["RestartCount"] == 1)
    assert until(lambda: containers.lifelines("small")[0].running)
    (after,) = containers.lifelines("small")
    assert (after.instance, after.restarts) == (before.instance, 1)
    assert after.started > before.started
    assert after.pid != before.pid
    project.stack.stop("small", 1)
    (down,) = containers.lifelines("small")
    assert (down.running, down.pid) == (False, 0)
    project.stack.start("small")


def test_version_two_of_the_control_groups_is_read_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "ROOT", tmp_path)
    monkeypatch.setattr(cgroups, "_groups", lambda _: {"": "/system.slice/docker-x.scope"})
    assert cgroups.limits_of(1) is None
    there = tmp_path / "system.slice" / "docker-x.scope"
    there.mkdir(parents=True)
    for text, found in (("max", FREE), ("50000", Limits(cpus=0.5, memory=50000, pids=50000))):
        (there / "cpu.max").write_text(f"{text} 100000\n")
        (there / "memory.max").write_text(f"{text}\n")
        (there / "pids.max").write_text(f"{text}\n")
        assert cgroups.limits_of(1) == found


def test_reading_limits_is_cheap(project: Rig) -> None:
    began = time.monotonic()
    project.stack.containers().limits("free")
    assert time.monotonic() - began < 1
