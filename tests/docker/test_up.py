"""Bringing a project up: progress, refusals that say what to do, what is reached through another service, restoring."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from compose_rig import BASE, TWO_REPLICAS, docker, inspect, rig

from drill.errors import DrillError, InvalidInput, StackError
from drill.model.config import ServiceSpec
from drill.model.units import Seconds
from drill.stacks.readiness import wait_until_ready

ONE = """
version: "2.4"
services:
  one:
    image: {image}
    command: {command}
    init: true
    stop_grace_period: 1s
    healthcheck: {{ test: ["CMD-SHELL", "{check}"], interval: 1s, retries: 1 }}
    labels: {{ drill.staging: "true" }}
    volumes: ["${{DRILL_STAGING_DIR:-./staging}}/one:/configured:ro"]
"""
SPEC = (ServiceSpec(name="one"),)


def one(check: str = "true", command: str = '["sleep", "300"]') -> str:
    return ONE.format(image=BASE, check=check, command=command)


@pytest.mark.engine
def test_what_the_health_check_says_and_the_remedy_are_told(releases: dict[str, str], tmp_path: Path) -> None:
    compose = one("echo no such table; exit 7", '["sh", "-c", "echo started badly; exec sleep 300"]')
    with rig(tmp_path, compose, SPEC, up=False, ready_within=Seconds(3)) as made:
        with pytest.raises(StackError) as caught:
            made.stack.up(lambda _: None)
        told = str(caught.value)
        for part in ("one is not healthy after 3", "exit code 7: no such table", "started badly", "stack.ready_within"):
            assert part in told
        assert "\n" not in told


@pytest.mark.engine
def test_a_service_that_ended_is_not_waited_for(releases: dict[str, str], tmp_path: Path) -> None:
    compose = one(command='["sh", "-c", "echo no disk; exit 3"]')
    with rig(tmp_path, compose, SPEC, up=False, ready_within=Seconds(120)) as made:
        began = time.monotonic()
        with pytest.raises(StackError, match=r"one is not healthy .*exited with code 3.*no disk") as caught:
            made.stack.up(lambda _: None)
        assert time.monotonic() - began < 60
        assert "ready_within" not in str(caught.value)


@pytest.mark.engine
def test_compose_gets_the_shipped_configuration(
    releases: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRILL_STAGING_DIR", raising=False)
    with rig(tmp_path, one(), SPEC) as made:
        (mount,) = inspect(made.ids()[0])["Mounts"]
        assert mount["Source"] == str(tmp_path / "staging" / "one")


@pytest.mark.engine
def test_a_service_behind_another_is_reached_through_it(releases: dict[str, str], tmp_path: Path) -> None:
    compose = TWO_REPLICAS.format(image=releases["good"])
    behind = ServiceSpec(name="behind", ports={"http": 8000}, through="web")
    with rig(tmp_path, compose, (ServiceSpec(name="web", ports={"http": 80}),)) as made:
        spoken = made.open(behind)
        assert spoken.address("behind", "http") == made.stack.address("web", "http")
        with pytest.raises(DrillError, match="'web' has no port named 'smtp'"):
            spoken.address("behind", "smtp")
        spoken.close()


@pytest.mark.engine
def test_the_recipe_runs_with_project_and_folder_and_after_unfinished_deployments(
    releases: dict[str, str], tmp_path: Path
) -> None:
    recipe = ("sh", "-c", "echo restoring {project} with {shipped}; docker ps -a --format '{{.Names}}'")
    with rig(tmp_path, TWO_REPLICAS.format(image=releases["good"]), restore=recipe) as made:
        first = made.stack.services()["web"].replicas[0]
        docker("rename", first, f"{made.project}_web_1.replaced")
        said: list[str] = []
        made.stack.restore(said.append)
        assert said[0] == f"restoring {made.project} with {tmp_path}"
        assert f"{made.project}_web_1" in said
        assert f"{made.project}_web_1.replaced" not in said


@pytest.mark.engine
def test_a_recipe_that_fails_is_told_and_a_missing_one_is_invalid_input(
    releases: dict[str, str], tmp_path: Path
) -> None:
    failing = ("sh", "-c", "echo two primaries; exit 1")
    with (
        rig(tmp_path, one(), SPEC, up=False, restore=failing) as made,
        pytest.raises(StackError, match="two primaries"),
    ):
        made.stack.restore(lambda _: None)
    with rig(tmp_path, one(), SPEC, up=False) as made, pytest.raises(InvalidInput, match=r"no stack\.restore"):
        made.stack.restore(lambda _: None)


@pytest.mark.engine
def test_only_a_service_with_the_role_has_proxies(releases: dict[str, str], tmp_path: Path) -> None:
    services = (
        *SPEC,
        ServiceSpec(name="toxi", role="toxiproxy", ports={"api": 8474}),
        ServiceSpec(name="p", role="prometheus"),
    )
    with rig(tmp_path, one(), services, up=False) as made:
        assert made.stack.proxies("toxi") is not None
        with pytest.raises(InvalidInput, match=r"'one' has not the role toxiproxy.*of that role: toxi"):
            made.stack.proxies("one")
        assert {"containers", "deploy", "toxiproxy", "prometheus"} <= made.stack.capabilities()
        assert "alertmanager" not in made.stack.capabilities()


class _Waiting:
    """Healthy after so many looks; never with 0."""

    def __init__(self, looks: dict[str, int], ended: str = "") -> None:
        self._looks = looks
        self._ended = ended

    def wait_healthy(self, service: str, timeout_s: float) -> bool:
        self._looks[service] -= 1
        return self._looks[service] == 0

    def logs(self, service: str, tail: int = 200) -> str:
        return "one\n\n two"

    def trouble(self, service: str) -> tuple[str, bool]:
        return "still loading", service == self._ended


def test_each_service_is_told_when_it_is_up_whatever_the_order() -> None:
    said: list[str] = []
    wait_until_ready(_Waiting({"slow": 3, "quick": 1}), ["slow", "quick"], 30, said.append)
    assert said == ["quick is up", "slow is up"]


def test_a_slow_stack_says_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("drill.stacks.readiness._TELL_S", 0.0)
    said: list[str] = []
    wait_until_ready(_Waiting({"a": 2, "b": 1}), ["a", "b"], 30, said.append)
    assert said == ["b is up", "waiting for a: 0 s of 30 s", "a is up"]


@pytest.mark.parametrize(("ended", "within", "remedy"), [("", 0.0, True), ("a", 60.0, False)])
def test_the_refusal_is_one_line_with_cause_log_and_remedy(ended: str, within: float, remedy: bool) -> None:
    with pytest.raises(StackError) as caught:
        wait_until_ready(_Waiting({"a": 0}, ended), ["a"], within, lambda _: None)
    told = str(caught.value)
    assert "(still loading); its last log lines: one | two; see `drill stack logs a`" in told
    assert ("ready_within" in told) is remedy
    assert "\n" not in told
