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


PORT = re.compile(r"127\.0\.0\.1:\$\{(DRILL_[A-Z_]+_PORT):-(\d+)\}:\d+")
PUBLISHED = {
    "gateway": [18000, 18443],
    "worker": [18010],
    "db-primary": [15432],
    "db-replica": [15433],
    "vendors": [18090],
    "toxiproxy": [18474],
    "prometheus": [19090],
    "alertmanager": [19093],
    "intake": [18070],
    "statuspage": [18080],
    "mail": [18025, 11025],
    "traffic": [18060],
    "api": [],
    "cache": [],
}
"""Service to its default host ports. The rest is reached through the gateway or the proxy only."""


def published(name: str) -> list[tuple[str, int]]:
    """Variable and default port of each; fails for one that is not on loopback."""
    found = [PORT.fullmatch(port) for port in COMPOSE["services"][name].get("ports", [])]
    assert all(found)
    return [(match[1], int(match[2])) for match in found if match]


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_every_service_is_labelled_checked_and_never_started_again_by_the_engine(name: str) -> None:
    service = COMPOSE["services"][name]
    assert service["labels"] == {"drill.staging": "true"}
    assert service["init"] is True
    assert service["restart"] == "no"
    assert service["stop_grace_period"] == "3s"
    assert service["healthcheck"]["test"][0].strip("${}").rpartition(":-")[2] in {"CMD", "CMD-SHELL"}
    assert re.fullmatch(r"\$\{DRILL_[A-Z]+_IMAGE:-drill-staging-[a-z]+:local\}", service["image"])


def test_services_are_published_on_loopback_only_at_the_documented_ports() -> None:
    found = {name: published(name) for name in COMPOSE["services"]}
    assert {name: [port for _, port in ports] for name, ports in found.items()} == PUBLISHED
    variables = [variable for ports in found.values() for variable, _ in ports]
    assert len(set(variables)) == len(variables)


def test_the_api_has_two_replicas_that_share_their_data() -> None:
    api = COMPOSE["services"]["api"]
    assert api["scale"] == 2
    assert api["volumes"] == ["api-data:/data"]
    assert "container_name" not in api


@pytest.mark.parametrize("name", sorted(COMPOSE["services"]))
def test_configuration_is_mounted_read_only_and_there(name: str) -> None:
    for mount in COMPOSE["services"][name].get("volumes", []):
        if not mount.startswith("${DRILL_STAGING_DIR:-./staging}/"):
            assert mount.partition(":")[0] in COMPOSE["volumes"]
            continue
        source = mount.removeprefix("${DRILL_STAGING_DIR:-./staging}/").partition(":")[0]
        assert (ROOT / "staging" / source).exists()
        assert mount.endswith(":ro")


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
    assert re.fullmatch(r"images: all \d+ images are there and up to date", again.stdout.strip())
