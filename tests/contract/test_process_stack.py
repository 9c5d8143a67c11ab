"""What only the process stack promises: whose process is whose, and nobody else's touched."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from observers import answers, process_ended, process_letter, processes_with, until

from drill.errors import ActionFailed, InvalidInput, Refused, StackError
from drill.model.config import Config, ServiceSpec, StackConfig
from drill.model.units import Seconds
from drill.stacks import process_state, procfs
from drill.stacks.process import ProcessStack

SERVE = ("{python}", "-m", "http.server", "--bind", "127.0.0.1", "{port:http}")
# A service whose child outlives it when only the parent is killed.
FORKS = ("sh", "-c", "sleep 300 & exec {python} -m http.server --bind 127.0.0.1 {port:http}")


def web(command: tuple[str, ...] = SERVE, **env: str) -> ServiceSpec:
    return ServiceSpec(name="web", ports={"http": 80}, health="/", command=command, env=env)


def config(*services: ServiceSpec, data: str = "keep", ready_within: float = 10) -> Config:
    stack = StackConfig(services=services, process=True, data=data, ready_within=Seconds(ready_within))
    return Config(project="test", stack=stack, probes=())


def opened(folder: Path, *services: ServiceSpec, data: str = "keep", ready_within: float = 10) -> ProcessStack:
    settings = config(*(services or (web(),)), data=data, ready_within=ready_within)
    return ProcessStack(settings, folder, folder / "state", folder)


def nonce(folder: Path) -> str:
    return str(json.loads((folder / "state" / "process-stack.json").read_text())["nonce"])


@pytest.fixture
def up(tmp_path: Path) -> Iterator[ProcessStack]:
    stack = opened(tmp_path)
    try:
        stack.up(lambda _: None)
        yield stack
    finally:
        stack.down(lambda _: None)


def test_another_object_on_the_same_state_sees_the_same_processes(up: ProcessStack, tmp_path: Path) -> None:
    other = opened(tmp_path)
    assert other.services() == up.services()
    assert other.identity() == up.identity()
    other.kill("web")
    assert not up.services()["web"].running


def test_the_nonce_is_readable_by_its_owner_only_and_never_told(up: ProcessStack, tmp_path: Path) -> None:
    file = tmp_path / "state" / "process-stack.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert nonce(tmp_path) not in repr((up.identity(), up.services(), up.staging_signs("web")))


def test_a_process_without_the_nonce_is_nobody(up: ProcessStack, tmp_path: Path) -> None:
    env = {**os.environ, "DRILL_SERVICE": "web", "DRILL_STACK_NONCE": "0" * 32}
    stranger = subprocess.Popen(
        [sys.executable, "-c", "input()"], env=env, stdin=subprocess.PIPE, start_new_session=True
    )
    try:
        up.down(lambda _: None)
        assert stranger.poll() is None
    finally:
        stranger.communicate(b"\n", timeout=10)


def test_without_a_process_there_is_no_proof_of_staging(up: ProcessStack) -> None:
    up.kill("web")
    assert [sign.verdict for sign in up.staging_signs("web")] == ["missing"]


def test_a_live_credential_in_a_process_is_seen(tmp_path: Path) -> None:
    stack = opened(tmp_path, web(STRIPE="sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc"))
    try:
        stack.up(lambda _: None)
        assert [sign.verdict for sign in stack.staging_signs("web")] == ["proof", "live-credential"]
    finally:
        stack.down(lambda _: None)


def test_the_callers_environment_does_not_reach_a_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_CALLER", "x")
    stack = opened(tmp_path, web(MINE="{data}"))
    try:
        stack.up(lambda _: None)
        env = procfs.environ(stack.services()["web"].pid or 0)
        assert "SECRET_OF_THE_CALLER" not in env
        assert env["MINE"] == str(tmp_path / "state" / "data")
    finally:
        stack.down(lambda _: None)


def test_a_service_is_seen_as_soon_as_start_returns(up: ProcessStack, tmp_path: Path) -> None:
    other = opened(tmp_path)
    for _ in range(20):
        up.kill("web")
        up.start("web")
        assert other.services()["web"].running


def test_a_killed_service_leaves_no_zombie(up: ProcessStack) -> None:
    pid = up.services()["web"].pid
    assert pid is not None
    up.kill("web")
    up.services()
    assert process_letter(pid) == ""


def test_a_killed_service_takes_its_children_with_it(tmp_path: Path) -> None:
    stack = opened(tmp_path, web(FORKS))
    try:
        stack.up(lambda _: None)
        assert len(processes_with("DRILL_STACK_NONCE", nonce(tmp_path))) == 2
        stack.kill("web")
        assert until(lambda: not processes_with("DRILL_STACK_NONCE", nonce(tmp_path)))
    finally:
        stack.down(lambda _: None)


def test_children_left_by_a_dead_service_are_ended_before_it_starts_again(tmp_path: Path) -> None:
    stack = opened(tmp_path, web(FORKS))
    try:
        stack.up(lambda _: None)
        first = stack.services()["web"].pid or 0
        (child,) = processes_with("DRILL_STACK_NONCE", nonce(tmp_path)) - {first}
        os.kill(first, signal.SIGKILL)
        assert until(lambda: process_ended(first))
        assert not process_ended(child)
        stack.start("web")
        assert process_ended(child)
        assert stack.wait_healthy("web", 10)
    finally:
        stack.down(lambda _: None)


def test_down_ends_everything_that_carries_the_nonce(tmp_path: Path) -> None:
    stack = opened(tmp_path, web(FORKS))
    stack.up(lambda _: None)
    stack.pause("web")
    stack.down(lambda _: None)
    assert processes_with("DRILL_STACK_NONCE", nonce(tmp_path)) == set()


@pytest.mark.parametrize(("data", "kept"), [("keep", True), ("disposable", False)])
def test_down_removes_data_only_when_it_is_disposable(tmp_path: Path, data: str, kept: bool) -> None:
    stack = opened(tmp_path, data=data)
    stack.up(lambda _: None)
    stack.down(lambda _: None)
    assert (tmp_path / "state" / "data").exists() is kept


def test_ports_are_kept_over_down_and_lie_below_the_kernels_own(tmp_path: Path) -> None:
    stack = opened(tmp_path)
    stack.up(lambda _: None)
    address = stack.address("web", "http")
    stack.down(lambda _: None)
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert address[1] < lowest
    try:
        stack.up(lambda _: None)
        assert stack.address("web", "http") == address
    finally:
        stack.down(lambda _: None)


def test_a_port_taken_while_the_stack_was_down_is_replaced(tmp_path: Path) -> None:
    stack = opened(tmp_path)
    stack.up(lambda _: None)
    taken = stack.address("web", "http")
    stack.down(lambda _: None)
    with subprocess.Popen(
        [sys.executable, "-m", "http.server", "--bind", *map(str, taken)], stderr=subprocess.DEVNULL
    ) as thief:
        try:
            assert until(lambda: answers(taken, "/"))
            stack.up(lambda _: None)
            assert stack.address("web", "http") != taken
        finally:
            stack.down(lambda _: None)
            thief.kill()


def test_other_services_in_the_settings_while_it_runs_are_refused(up: ProcessStack, tmp_path: Path) -> None:
    changed = opened(tmp_path, web(), ServiceSpec(name="more", ports={"http": 81}, command=SERVE))
    with pytest.raises(StackError, match="drill stack down"):
        changed.up(lambda _: None)


def test_a_service_that_dies_at_once_is_named_with_its_last_words(tmp_path: Path) -> None:
    stack = opened(tmp_path, web(("sh", "-c", "echo no such table; exit 1")), ready_within=0.3)
    with pytest.raises(StackError, match=r"web is not healthy .*no such table") as caught:
        stack.up(lambda _: None)
    assert "\n" not in str(caught.value)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ActionFailed, match=r"web: cannot start /no/such/program"):
        opened(tmp_path, web(("/no/such/program",))).up(lambda _: None)


def test_a_hole_for_a_port_that_the_service_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"\{port:smtp\}"):
        opened(tmp_path, web(("echo", "{port:smtp}"))).up(lambda _: None)


def test_before_the_first_up_there_is_nothing_and_the_remedy_is_told(tmp_path: Path) -> None:
    stack = opened(tmp_path)
    assert stack.services() == {}
    for ask in (stack.identity, lambda: stack.start("web"), lambda: stack.address("web", "http")):
        with pytest.raises(StackError, match="drill stack up"):
            ask()
    stack.down(lambda _: None)


def test_a_broken_state_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "process-stack.json").write_text("{")
    with pytest.raises(StackError, match=r"process-stack\.json"):
        opened(tmp_path).services()


def test_services_without_a_command_do_not_exist_here(tmp_path: Path) -> None:
    stack = opened(tmp_path, web(), ServiceSpec(name="db", ports={"sql": 5432}, role="postgresql"))
    assert [spec.name for spec in stack.specs()] == ["web"]
    assert stack.capabilities() == {"processes", "pause"}


def test_a_changed_environment_is_a_changed_configuration(tmp_path: Path) -> None:
    found = []
    for value in ("one", "two"):
        stack = opened(tmp_path, web(SETTING=value))
        stack.up(lambda _: None)
        found.append(stack.services()["web"].facts["configuration"])
        stack.down(lambda _: None)
    assert found[0] != found[1]
    assert "two" not in found[1]


def test_another_process_with_the_same_pid_is_never_held(up: ProcessStack) -> None:
    now = procfs.read(up.services()["web"].pid or 0)
    assert now is not None
    later = procfs.Proc(pid=now.pid, start=now.start + 1, state=now.state, group=now.group)
    assert procfs.hold_exactly(later) is None


def test_a_signal_that_ends_nothing_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drill.stacks.control._SETTLE_S", 0.2)
    serve = "h.HTTPServer(('127.0.0.1', {port:http}), h.SimpleHTTPRequestHandler).serve_forever()"
    stubborn = f"import signal, http.server as h; signal.signal(15, signal.SIG_IGN); {serve}"
    stack = opened(tmp_path, web(("{python}", "-c", stubborn)))
    try:
        stack.up(lambda _: None)
        with pytest.raises(ActionFailed, match="did not exit"):
            stack.kill("web", "SIGTERM")
        assert stack.services()["web"].running
        stack.stop("web", grace_s=0.1)
        assert not stack.services()["web"].running
    finally:
        stack.down(lambda _: None)


def test_elsewhere_than_on_linux_it_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(Refused, match="needs Linux"):
        opened(tmp_path)


def test_free_ports_are_not_given_twice(tmp_path: Path) -> None:
    services = [ServiceSpec(name=f"s{number}", ports={"a": 1, "b": 2}) for number in range(20)]
    state = process_state.prepare(tmp_path / "state.json", services, lambda _: False)
    ports = [port for named in state.ports.values() for port in named.values()]
    assert len(set(ports)) == 40


def test_a_service_whose_process_ended_is_not_waited_for(tmp_path: Path) -> None:
    stack = opened(tmp_path, web(("sh", "-c", "echo no disk; exit 3")), ready_within=120)
    with pytest.raises(StackError, match=r"web is not healthy .*its process has ended.*no disk.*drill stack logs web"):
        stack.up(lambda _: None)
    stack.down(lambda _: None)


def test_roles_count_only_where_the_service_has_a_command(tmp_path: Path) -> None:
    proxy = ServiceSpec(name="toxi", role="toxiproxy", ports={"api": 8474}, command=SERVE)
    elsewhere = ServiceSpec(name="db", role="postgresql", ports={"postgresql": 5432})
    stack = opened(tmp_path, web(), proxy, elsewhere)
    assert stack.capabilities() == {"processes", "pause", "toxiproxy"}
    assert stack.proxies("toxi") is not None
    with pytest.raises(InvalidInput, match=r"'db' has not the role toxiproxy.*: toxi"):
        stack.proxies("db")
