"""The Compose file and the scripts around the stack: loopback only, labelled, no surprise on the machine."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.staging.yml").read_text())


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_every_service_is_labelled_checked_and_published_on_loopback_only(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["labels"] == {"drill.staging": "true"}
    assert service["init"] is True
    assert service["restart"] == "no"
    assert service["healthcheck"]["test"][0] == "CMD"
    assert all(re.match(r"127\.0\.0\.1:\$\{DRILL_[A-Z_]+_PORT:-\d+\}:\d+$", port) for port in service["ports"])
    assert re.fullmatch(r"\$\{DRILL_[A-Z]+_IMAGE:-drill-staging-[a-z]+:local\}", service["image"])


def test_volumes_are_labelled_too() -> None:
    assert all(volume == {"labels": {"drill.staging": "true"}} for volume in COMPOSE["volumes"].values())


def test_the_lock_is_pinned_and_names_no_place() -> None:
    lines = (ROOT / "requirements.lock").read_text().splitlines()[1:]
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line) for line in lines)


@pytest.fixture
def no_engine(tmp_path: Path) -> dict[str, str]:
    """An environment whose docker client reaches nothing, and where installing leaves a trace."""
    for name, body in (("docker", "exit 1"), ("apt-get", "touch $TRACE"), ("dockerd", "touch $TRACE")):
        stub = tmp_path / name
        stub.write_text(f"#!/bin/sh\n{body}\n")
        stub.chmod(stub.stat().st_mode | stat.S_IXUSR)
    return {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TRACE": str(tmp_path / "trace")}


def run(script: str, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    path = str(ROOT / "staging" / script)
    return subprocess.run(
        ["bash", path], env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )


def test_without_anybody_to_ask_the_engine_script_does_nothing(no_engine: dict[str, str]) -> None:
    done = run("engine.sh", no_engine)
    assert done.returncode == 2
    assert "nothing was done" in done.stderr or "not Debian-like" in done.stderr
    assert not Path(no_engine["TRACE"]).exists()


def test_the_engine_script_leaves_a_chosen_engine_alone(no_engine: dict[str, str]) -> None:
    done = run("engine.sh", {**no_engine, "DOCKER_HOST": "tcp://127.0.0.1:1", "DRILL_ENGINE_YES": "1"})
    assert done.returncode == 2
    assert "DOCKER_HOST" in done.stderr
    assert not Path(no_engine["TRACE"]).exists()


def test_without_an_engine_building_images_says_what_to_do_in_one_line(no_engine: dict[str, str]) -> None:
    done = run("build-images.sh", no_engine)
    assert done.returncode == 4
    assert "engine.sh" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.engine
def test_building_images_again_builds_nothing() -> None:
    assert run("build-images.sh", dict(os.environ)).returncode == 0
    again = run("build-images.sh", dict(os.environ))
    assert again.stdout.strip() == "images: all 4 images are there and up to date"
