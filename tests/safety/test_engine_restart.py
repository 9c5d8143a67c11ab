"""The engine goes away and comes back in mid-drill: the drill ends, says truthfully what it could prove, and a later
command finds nothing left to undo. On a second engine of the test's own; serial, and never on the first one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from observers import until
from second_engine import IMAGE, SecondEngine, second_engine
from small_stack import SOURCE, free_ports

pytestmark = [pytest.mark.engine, pytest.mark.slow, pytest.mark.timeout(300)]
PROJECT = "drill-f-restart"
SERVICES = ("api", "mail", "statuspage")
SCENARIO = """\
id: frozen
title: The api hangs
story: The api hangs while the engine goes away.
faults:
  - {{id: freeze, kind: {kind}, target: api, max_duration: 40s, duration: 12s}}
expected: {{severity: SEV-1, detection: [uptime]}}
max_duration: 50s
blast_radius: [api]
"""
_TOOLS = ("dockerd", "ip", "nsenter", "umount")


@dataclass
class Project:
    """A project folder whose stack runs on the second engine. Every command runs in that engine's name space."""

    home: Path
    engine: SecondEngine

    def command(self, *words: str) -> tuple[list[str], dict[str, str]]:
        env = os.environ | {"DOCKER_HOST": self.engine.endpoint}
        return self.engine.inside(sys.executable, "-m", "drill", *words), env

    def drill(self, *words: str) -> subprocess.CompletedProcess[str]:
        argv, env = self.command(*words)
        return subprocess.run(argv, cwd=self.home, env=env, capture_output=True, text=True, timeout=150, check=False)

    def start(self, scenario: str) -> subprocess.Popen[str]:
        argv, env = self.command("run", scenario, "--seed", "1")
        pipe, log = subprocess.PIPE, subprocess.STDOUT
        return subprocess.Popen(argv, cwd=self.home, env=env, stdout=pipe, stderr=log, text=True)

    def folder(self) -> Path:
        return max(self.home.glob(".drill/drills/*"), default=self.home)

    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events()]

    def events(self) -> list[dict[str, Any]]:
        journal = self.folder() / "journal.jsonl"
        return [json.loads(line) for line in journal.read_bytes().split(b"\n")[:-1]] if journal.exists() else []

    def leases(self) -> list[Path]:
        return list(self.home.glob(".drill/drills/*/leases/*.json"))

    def logs(self) -> str:
        return "".join(path.read_text() for path in self.folder().glob("*.log"))

    def states(self) -> dict[str, tuple[bool, bool]]:
        """Service to whether it runs and whether it is paused, by the plain command line."""
        told = self.engine.docker("ps", "-aq", f"--filter=label=com.docker.compose.project={PROJECT}").stdout
        found = json.loads(self.engine.docker("inspect", *told.decode().split()).stdout)
        label = "com.docker.compose.service"
        return {one["Config"]["Labels"][label]: (one["State"]["Running"], one["State"]["Paused"]) for one in found}

    def helpers(self) -> list[str]:
        return self.engine.docker("ps", "-aq", "--filter=label=drill.helper").stdout.decode().split()


def write_project(home: Path, engine: SecondEngine) -> None:
    """Three services that serve files, as the small playbook's source asks for them."""
    site = home / "site"
    for page in ("api/health", "index.html"):
        (site / page).parent.mkdir(parents=True, exist_ok=True)
        (site / page).write_text("well\n")
    serve = ["/usr/bin/python3", "-m", "http.server", "8000", "--directory", "/srv"]
    services, ports = {}, dict(zip(SERVICES, free_ports(len(SERVICES)), strict=True))
    for name, port in ports.items():
        services[name] = {
            "image": IMAGE,
            "command": serve,
            "init": True,
            "restart": "no",
            "stop_grace_period": "1s",
            "labels": {"drill.staging": "true"},
            "ports": [f"127.0.0.1:{port}:8000"],
            "volumes": ["/usr:/usr:ro", "/etc:/etc:ro", f"{site}:/srv:ro"],
        }
    (home / "compose.yml").write_text(yaml.safe_dump({"version": "2.4", "services": services}))
    playbook = yaml.safe_load((SOURCE / "playbook.yaml").read_text())
    playbook["mitigations"] = [row for row in playbook["mitigations"] if row["name"] == "restart-api"]
    (home / "playbook.yaml").write_text(yaml.safe_dump(playbook))
    probes = [
        {"name": audience, "service": "api", "path": "/", "audience": audience, "interval": "500ms", "deadline": "1s"}
        for audience in ("user", "internal")
    ]
    identity = engine.docker("info", "--format", "{{.ID}}").stdout.decode().strip()
    config = {
        "project": "Restart",
        "stack": {
            "compose": {"file": "compose.yml", "project": PROJECT},
            "services": [{"name": name, "ports": {"http": 8000}} for name in SERVICES],
            "ready_within": "20s",
        },
        "probes": probes,
        "playbook": "playbook.yaml",
        "scenarios": "scenarios",
        "engines": [{"endpoint": engine.endpoint, "id": identity, "project": PROJECT}],
    }
    (home / "drill.yaml").write_text(yaml.safe_dump(config))
    (home / "scenarios").mkdir()
    for kind in ("pause", "stop"):
        text = SCENARIO.format(kind=f"container.{kind}").replace("id: frozen", f"id: {kind}")
        (home / "scenarios" / f"{kind}.yaml").write_text(text)


@pytest.fixture(params=[False, True], ids=["plain", "live-restore"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Project]:
    if os.getuid() != 0 or not all(map(shutil.which, _TOOLS)):
        pytest.skip(f"a second engine needs root and {', '.join(_TOOLS)}")
    home = tmp_path / "home"
    home.mkdir()
    with second_engine(live_restore=request.param) as engine:
        write_project(home, engine)
        found = Project(home, engine)
        up = found.drill("stack", "up")
        assert up.returncode == 0, up.stderr
        yield found


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["term", "kill"])
@pytest.mark.parametrize("scenario", ["pause", "stop"])
def test_the_engine_restarts_in_mid_drill(project: Project, how: int, scenario: str) -> None:
    process = project.start(scenario)
    try:
        assert until(lambda: "fault.active" in project.kinds(), 60), project.logs()
        project.engine.stop(how)
        project.engine.start()
        output, _ = process.communicate(timeout=150)
    finally:
        process.kill()
        process.communicate()
    assert "Traceback" not in output + project.logs()
    last = project.events()[-1]
    assert last["kind"] == "drill.ended"
    whole = dict.fromkeys(SERVICES, (True, False))
    if project.engine.live_restore:
        assert last["data"]["undone"], "the containers outlived the engine, so all can be as before"
    if last["data"]["undone"]:
        assert project.states() == whole, "said undone"
        assert project.leases() == []
        assert process.returncode != 5
    else:
        assert project.states() != whole, "all is as before, but it says that it is not"
        assert process.returncode == 5, output
    assert project.helpers() == []
    again = project.drill("stack", "restore")
    assert again.returncode == 0, again.stderr
    undone = project.drill("undo")
    assert undone.returncode == 0, undone.stderr
    assert project.leases() == []
    assert all(state == (True, False) for state in project.states().values())


def test_an_engine_that_stays_away_leaves_the_promise_to_undo_which_is_kept_when_it_is_back(project: Project) -> None:
    process = project.start("pause")
    try:
        assert until(lambda: "fault.active" in project.kinds(), 60), project.logs()
        project.engine.stop()
        output, _ = process.communicate(timeout=200)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 5, output
    assert "NOT PROVED UNDONE" in output
    assert "docker unpause" in output
    assert "Traceback" not in output + project.logs()
    assert project.events()[-1]["data"]["undone"] is False
    assert project.leases() != []
    project.engine.start()
    undone = project.drill("undo")
    assert undone.returncode in (0, 5), undone.stderr
    assert "Traceback" not in undone.stderr
    restored = project.drill("stack", "restore")
    assert restored.returncode == 0, restored.stderr
    assert project.leases() == []
    assert all(state == (True, False) for state in project.states().values())
