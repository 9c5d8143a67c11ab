"""What is refused, and what a dry run shows: by the program itself, on an engine that keeps account of its asks."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from compose_rig import docker, inspect
from fake_engine import Box, FakeEngine, serving
from small_stack import small_project

from drill import registry, shipped
from drill.cli import cli
from drill.cli.project import Project
from drill.cli.run import _dry_run
from drill.engine.preflight import dry_leases
from drill.errors import InvalidInput, Refused
from drill.loader import load_config, load_scenario
from drill.model.config import EngineGrant
from drill.model.proxies import ProxyState
from drill.model.scenario import Scenario
from drill.stacks.compose import ComposeStack
from drill.testing.memory import MemoryStack
from drill.testing.virtual import VirtualRuntime

ENGINE, PROJECT = "AAAA:BBBB", "drill-small"
SERVICES = ("api", "db", "mail", "statuspage")
SAMPLES = sorted(path.stem for path in shipped.scenarios_dir().glob("sample-*.yaml"))


@contextmanager
def project(folder: Path, *bad: Box) -> Iterator[tuple[Path, FakeEngine, str]]:
    """The small project, enrolled on a fake engine that runs its services; ``bad`` stand in place of good ones."""
    named = {box.service for box in bad}
    good = [Box(name, project=PROJECT) for name in SERVICES if name not in named]
    engine = FakeEngine([*good, *bad], ENGINE)
    with serving(engine, folder / "engine.sock") as endpoint:
        grant = f"\nengines:\n  - {{endpoint: '{endpoint}', id: '{ENGINE}', project: {PROJECT}}}\n"
        home = folder / "home"
        home.mkdir()
        yield small_project(home, PROJECT, grant), engine, endpoint


def untouched(engine: FakeEngine, home: Path) -> bool:
    return {method for method, _ in engine.asked} == {"GET"} and list(home.glob(".drill/**/leases/*")) == []


BAD = {
    "no label": Box("statuspage", project=PROJECT, labels={}),
    "a live key in another service": Box("mail", project=PROJECT, env={"KEY": "sk_" + "live_" + "a1B2c3D4e5F6g7H8"}),
    "a sign of production": Box("db", project=PROJECT, env={"ENVIRONMENT": "production"}),
}


@pytest.mark.parametrize("name", BAD)
def test_a_refused_drill_says_why_in_a_line_and_neither_writes_a_lease_nor_touches_anything(
    tmp_path: Path, name: str
) -> None:
    with project(tmp_path, replace(BAD[name], labels={} if name == "no label" else BAD[name].labels)) as found:
        home, engine, endpoint = found
        scenario = home / "scenarios" / "rehearsal.yaml"
        scenario.write_text(scenario.read_text().replace("target: api", "target: statuspage").replace("[api]", "[]"))
        done = subprocess.run(
            [sys.executable, "-m", "drill", "run", "rehearsal", "--stack", "compose", "--seed", "1"],
            cwd=home,
            env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "DOCKER_HOST": endpoint},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 3, done.stdout + done.stderr
        (line,) = done.stderr.splitlines()
        assert BAD[name].service in line
        assert untouched(engine, home)
        assert not list(home.glob("drill-results/*"))


def test_a_dry_run_is_refused_like_the_drill_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with project(tmp_path, Box("api", project=PROJECT, labels={})) as (home, engine, endpoint):
        monkeypatch.chdir(home)
        monkeypatch.setenv("DOCKER_HOST", endpoint)
        done = CliRunner().invoke(cli, ["run", "rehearsal", "--stack", "compose", "--dry-run"])
        assert isinstance(done.exception, Refused)
        assert "drill.staging" in str(done.exception)
        assert untouched(engine, home)


def test_a_dry_run_proves_staging_shows_every_fault_and_undoes_nothing_that_other_drills_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def undo(_: Project) -> None:
        raise AssertionError("a dry run must touch nothing")

    with project(tmp_path) as (home, engine, endpoint):
        monkeypatch.chdir(home)
        monkeypatch.setenv("DOCKER_HOST", endpoint)
        monkeypatch.setattr(Project, "undo_orphans", undo)
        done = CliRunner().invoke(cli, ["run", "rehearsal", "--stack", "compose", "--dry-run"], catch_exceptions=False)
        assert done.exit_code == 0
        assert "label drill.staging=true" in done.output
        assert "noop on api (momentary)" in done.output
        assert untouched(engine, home)
        assert not (home / ".drill").exists()


def memory_stack(scenario: Scenario) -> MemoryStack:
    """The reference services in memory, with the roles, images and proxies that the scenario asks for."""
    stack = MemoryStack(load_config(shipped.reference_config()).stack.services, VirtualRuntime())
    stack.roles = {"db-primary": "primary", "db-replica": "replica"}
    stack._services["api"].flags["savings_explanations"] = True
    named = [fault.params for fault in scenario.faults]
    stack.images |= {str(params["image"]) for params in named if "image" in params}
    proxies = sorted({str(params["proxy"]) for params in named if "proxy" in params} | {"payments"})
    stack.proxy_states["toxiproxy"] = [
        ProxyState(name=name, listen=f"127.0.0.1:{18081 + number}", upstream="vendors:8090", enabled=True)
        for number, name in enumerate(proxies)
    ]
    return stack


def test_every_sample_that_memory_can_play_is_planned_with_its_undo_and_without_a_change() -> None:
    config, planned = load_config(shipped.reference_config()), []
    for name in SAMPLES:
        scenario = load_scenario(shipped.scenarios_dir() / f"{name}.yaml")
        stack = memory_stack(scenario)
        before = (dict(stack.services()), {name: dict(stack.proxies(name).all()) for name in stack.proxy_states})
        if not registry.get(scenario.faults[0].kind).needs <= stack.capabilities():
            continue
        leases = dry_leases(scenario, stack, config, registry.get, 1)
        assert all(lease.manual for lease in leases), f"{name} does not say how it is undone by hand"
        assert before == (
            dict(stack.services()),
            {name: dict(stack.proxies(name).all()) for name in stack.proxy_states},
        )
        planned.append(name)
    assert len(planned) >= 10


def inspected(name: str) -> dict[str, object]:
    """What the plain command line tells of every container of a project, but for what changes by itself."""
    ids = docker("ps", "-aq", "--no-trunc", f"--filter=label=com.docker.compose.project={name}").split()
    helpers = docker("ps", "-aq", f"--filter=label=drill.helper.project={name}").split()
    told: dict[str, object] = {"helpers": helpers}
    for one in map(inspect, ids):
        one.pop("ExecIDs")
        one["State"].pop("Health", None)
        one["Mounts"].sort(key=str)  # the engine tells them in any order
        told |= {f"{one['Name']} {key}": value for key, value in one.items()}
    return told


def differences(before: dict[str, object], after: dict[str, object]) -> dict[str, object]:
    return {key: (before.get(key), after.get(key)) for key in before | after if before.get(key) != after.get(key)}


@pytest.mark.engine
@pytest.mark.slow
def test_a_dry_run_of_every_sample_on_the_reference_stack_touches_nothing(
    reference_stack: ComposeStack, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    identity = reference_stack.identity()
    grant = EngineGrant(endpoint=identity.endpoint, id=identity.engine_id, project=identity.project)
    config = replace(reference_stack._config, engines=(grant,))
    project = Project(config, shipped.reference_config().parent, tmp_path, reference=True)
    toxics = reference_stack.proxies("toxiproxy").all()
    before, refused = inspected(identity.project), {}
    for name in SAMPLES:
        try:
            _dry_run(project, name, "compose", 1)
        except (Refused, InvalidInput) as error:  # what this kernel lacks, or nothing to show just now
            refused[name] = str(error)
            continue
        said = capsys.readouterr().out
        scenario = load_scenario(shipped.scenarios_dir() / f"{name}.yaml")
        for fault in scenario.faults:
            assert f"{fault.kind} on " in said
        assert "by hand: " in said
    assert differences(before, inspected(identity.project)) == {}
    assert reference_stack.proxies("toxiproxy").all() == toxics
    assert not (tmp_path / ".drill").exists()
    assert all(len(line.splitlines()) == 1 for line in refused.values())
    assert len(refused) <= len(SAMPLES) // 5, refused
