"""What only the Compose stack promises."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from observers import DOCKER, Outside, Watch, answers, until

from drill.errors import ActionFailed, InvalidInput, StackError
from drill.model import config as model
from drill.model.config import Config, ServiceSpec, StackConfig
from drill.model.units import Seconds
from drill.stacks import exits
from drill.stacks.compose import ComposeStack

VICTIM = "statuspage"
SICK = """
services:
  sick:
    image: {image}
    command: ["sh", "-c", "echo out of cheese; exec sleep 300"]
    init: true
    stop_grace_period: 1s
    healthcheck: {{ test: ["CMD", "false"], interval: 1s }}
    volumes: ["kept:/kept"]
volumes: {{ kept: {{}} }}
"""


def config(project: str, data: str = "keep", file: str = "compose.yml", *prepare: str) -> Config:
    compose = model.ComposeStack(file=file, project=project, prepare=prepare)
    services = (ServiceSpec(name="sick", ports={"http": 80}),)
    stack = StackConfig(services=services, compose=compose, data=data, ready_within=Seconds(0.5))
    return Config(project="test", stack=stack, probes=())


@pytest.fixture
def opened() -> Iterator[Any]:
    stacks: list[ComposeStack] = []

    def open_(settings: Config, folder: Path) -> ComposeStack:
        stacks.append(ComposeStack(settings, folder, folder))
        return stacks[-1]

    yield open_
    for stack in stacks:
        stack.close()


@pytest.fixture
def whole(compose_stack: ComposeStack) -> Iterator[ComposeStack]:
    yield compose_stack
    for name, state in compose_stack.services().items():
        if state.paused:
            compose_stack.unpause(name)
        elif not state.running:
            compose_stack.start(name)
    assert until(lambda: answers(compose_stack.address(VICTIM, "http")))


def test_no_engine_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, opened: Any) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/no.sock")
    with pytest.raises(StackError, match=r"no Docker engine answers at unix://.*no\.sock") as caught:
        opened(config("p"), tmp_path).services()
    assert "\n" not in str(caught.value)


def test_settings_without_compose_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"stack\.compose"):
        ComposeStack(Config(project="p", stack=StackConfig(services=()), probes=()), tmp_path, tmp_path)


def test_a_missing_compose_file_is_named(tmp_path: Path, opened: Any) -> None:
    with pytest.raises(StackError, match=r"compose\.yml: no such Compose file"):
        opened(config("p"), tmp_path).up(print)


def test_what_prepares_the_stack_must_succeed(tmp_path: Path, opened: Any) -> None:
    (tmp_path / "compose.yml").write_text("services: {}")
    settings = config("p", "keep", "compose.yml", "sh", "-c", "echo in {shipped}; exit 3")
    with pytest.raises(StackError, match=rf"failed with 3: in {tmp_path}"):
        opened(settings, tmp_path).up(print)


@pytest.mark.engine
def test_a_project_that_is_not_up_has_no_services(tmp_path: Path, opened: Any) -> None:
    stack = opened(config("drill-test-nothing"), tmp_path)
    assert stack.services() == {}
    with pytest.raises(StackError, match="drill stack up"):
        stack.pause("sick")


@pytest.mark.engine
def test_an_unhealthy_service_is_named_with_its_last_words_and_volumes_are_kept(
    tmp_path: Path, compose_stack: ComposeStack, opened: Any
) -> None:
    project = f"{compose_stack.identity().project}-sick"
    image = compose_stack.services()[VICTIM].facts["image"]
    (tmp_path / "compose.yml").write_text(SICK.format(image=image))
    try:
        with pytest.raises(
            StackError, match=r"sick is not healthy .*health check.*last log lines: out of cheese.*stack\.ready_within"
        ) as caught:
            opened(config(project), tmp_path).up(print)
        assert "\n" not in str(caught.value)
        opened(config(project), tmp_path).down(print)
        assert volumes(project) == [f"{project}_kept"]
    finally:
        opened(config(project, "disposable"), tmp_path).down(print)
    assert volumes(project) == []


def volumes(project: str) -> list[str]:
    listed = subprocess.run([DOCKER, "volume", "ls", "-q"], capture_output=True, text=True, check=True, timeout=20)
    return [name for name in listed.stdout.split() if name.startswith(project)]


@pytest.mark.engine
def test_identity_is_endpoint_and_engine_id_together(compose_stack: ComposeStack) -> None:
    told = subprocess.run(
        [DOCKER, "info", "--format", "{{.ID}}"], capture_output=True, text=True, check=True, timeout=20
    )
    identity = compose_stack.identity()
    assert identity.engine_id == told.stdout.strip()
    assert identity.endpoint.startswith("unix://")


@pytest.mark.engine
def test_a_database_says_its_own_role_and_is_down_when_it_cannot(whole: ComposeStack) -> None:
    assert whole.data_roles() == {"db": "primary"}
    whole.pause("db")
    assert whole.data_roles() == {"db": "down"}
    whole.stop("db", grace_s=3)
    assert whole.data_roles() == {"db": "down"}


@pytest.mark.engine
def test_a_container_that_was_removed_is_absent_and_up_brings_it_back(whole: ComposeStack) -> None:
    before = whole.services()[VICTIM]
    subprocess.run([DOCKER, "rm", "-f", before.instance], capture_output=True, check=True, timeout=20)
    assert VICTIM not in whole.services()
    with pytest.raises(StackError, match=VICTIM):
        whole.start(VICTIM)
    whole.up(lambda _: None)
    after = whole.services()[VICTIM]
    assert after.instance != before.instance
    assert after.facts == before.facts


@pytest.mark.engine
@pytest.mark.parametrize(("local", "source"), [(True, "FinishedAt"), (False, "call")])
def test_without_a_pidfd_the_onset_is_wider_and_still_true(
    whole: ComposeStack, monkeypatch: pytest.MonkeyPatch, local: bool, source: str
) -> None:
    monkeypatch.setattr(exits, "visible_pid", lambda _: None)
    monkeypatch.setattr(exits, "is_local_socket", lambda _: local)
    with Watch(Outside(whole.services()[VICTIM].instance).ended) as watch:
        moment = whole.kill(VICTIM)
    earliest, latest = watch.span()
    assert moment.source == source
    assert moment.at_ns - moment.uncertainty_ns <= latest
    assert earliest <= moment.at_ns + moment.uncertainty_ns


@pytest.mark.engine
def test_with_a_pidfd_the_onset_of_a_kill_is_read_from_it(whole: ComposeStack) -> None:
    assert whole.kill(VICTIM).source == "pidfd"


@pytest.mark.engine
def test_exec_in_a_paused_container_fails_in_one_line(whole: ComposeStack) -> None:
    whole.pause(VICTIM)
    with pytest.raises(ActionFailed) as caught:
        whole.exec(VICTIM, ["true"])
    assert "\n" not in str(caught.value)
