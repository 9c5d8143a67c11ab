"""Programs that `up` and `down` run."""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

import pytest
from observers import processes_with, until

from drill.errors import StackError
from drill.stacks import compose_cli
from drill.stacks.compose_cli import compose, compose_command, stream


def test_each_line_is_told_as_it_comes(tmp_path: Path) -> None:
    said: list[str] = []
    stream(["sh", "-c", "echo one; echo two >&2; pwd"], tmp_path, tmp_path, said.append, timeout_s=10)
    assert said == ["one", "two", str(tmp_path)]


def test_a_failure_carries_the_last_lines(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"failed with 3: why \| because"):
        stream(["sh", "-c", "echo why; echo because; exit 3"], tmp_path, tmp_path, print, timeout_s=10)


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="cannot run /no/such/program"):
        stream(["/no/such/program"], tmp_path, tmp_path, print, timeout_s=10)


def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"`sleep 300` did not end within 0\.2 s: no output"):
        stream(["sleep", "300"], tmp_path, tmp_path, lambda _: None, timeout_s=0.2)


def test_what_a_program_that_hangs_has_started_is_ended_too(tmp_path: Path) -> None:
    mark = f"{os.getpid()}-{secrets.token_hex(4)}"
    began = time.monotonic()
    with pytest.raises(StackError, match="did not end"):
        stream(["sh", "-c", f"MARK={mark} sleep 60 & wait"], tmp_path, tmp_path, lambda _: None, timeout_s=0.5)
    assert time.monotonic() - began < 20
    assert until(lambda: not processes_with("MARK", mark))


@pytest.mark.parametrize("mine", [None, "/some/other/folder"])
def test_the_shipped_configuration_is_used_unless_the_user_has_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mine: str | None
) -> None:
    monkeypatch.delenv("DRILL_STAGING_DIR", raising=False)
    if mine:
        monkeypatch.setenv("DRILL_STAGING_DIR", mine)
    said: list[str] = []
    stream(["sh", "-c", "echo $DRILL_STAGING_DIR"], tmp_path, Path("/shipped"), said.append, timeout_s=10)
    assert said == [mine or "/shipped/staging"]


def test_compose_never_removes_what_the_file_does_not_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COMPOSE_REMOVE_ORPHANS", "true")
    monkeypatch.setenv("DOCKER_HOST", "unix:///some.sock")
    monkeypatch.setattr(compose_cli, "compose_command", lambda: ("sh", "-c", "env; echo $0 $@"))
    said: list[str] = []
    compose(tmp_path / "c.yml", "proj", ["up", "-d"], tmp_path, said.append, timeout_s=10)
    assert {"COMPOSE_REMOVE_ORPHANS=false", "DOCKER_HOST=unix:///some.sock"} <= set(said)
    assert said[-1] == f"--file {tmp_path / 'c.yml'} --project-name proj up -d"


@pytest.mark.parametrize(
    ("programs", "command"),
    [
        ({"docker": 0, "docker-compose": 0}, ("docker", "compose")),
        ({"docker": 1, "docker-compose": 0}, ("docker-compose",)),
        ({"docker-compose": 0}, ("docker-compose",)),
    ],
)
def test_version_2_is_preferred_and_version_1_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, programs: dict[str, int], command: tuple[str, ...]
) -> None:
    only(tmp_path, monkeypatch, programs)
    assert compose_command() == command


def test_without_compose_the_remedy_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    only(tmp_path, monkeypatch, {"docker": 1})
    with pytest.raises(StackError, match="install docker-compose"):
        compose_command()


def only(folder: Path, monkeypatch: pytest.MonkeyPatch, programs: dict[str, int]) -> None:
    for name, code in programs.items():
        (folder / name).write_text(f"#!/bin/sh\nexit {code}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    compose_cli.compose_command.cache_clear()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    compose_cli.compose_command.cache_clear()
