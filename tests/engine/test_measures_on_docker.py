"""Mitigations of type exec and config on real containers, seen by the engine's own command line."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace

import pytest
from virtual_drills import rehearsal, scenario

from drill import shipped
from drill.engine.remedies import act, before, put_back
from drill.engine.setting import World
from drill.loader import load_playbook
from drill.model.playbook import Mitigation
from drill.ports.containers import Remake
from drill.stacks.compose import ComposeStack

pytestmark = pytest.mark.engine
CONFIG = Mitigation(
    name="release-back", type="config", service="api", description="puts back", env={"RELEASE": "small-1"}
)


@pytest.fixture
def world(compose_stack: ComposeStack) -> World:
    """A drill's world on the small stack, its snapshot of services taken."""
    drill = rehearsal(scenario("api-frozen"))
    assert all(compose_stack.wait_healthy(name, 60) for name in compose_stack.services())
    services = {name: dict(state.facts) for name, state in compose_stack.services().items()}
    drill.recorder.emit("drill.started", "test")
    drill.recorder.emit("snapshot.taken", "test", content={"services": services}, digest="")
    return replace(drill.world, stack=compose_stack)


def docker(*words: str) -> str:
    return subprocess.run(["docker", *words], check=True, capture_output=True, text=True, timeout=30).stdout


def container(world: World, service: str) -> str:
    project = world.stack.identity().project
    labels = [f"label=com.docker.compose.project={project}", f"label=com.docker.compose.service={service}"]
    (found,) = docker("ps", "-q", "--filter", labels[0], "--filter", labels[1]).split()
    return found


def release(world: World) -> list[str]:
    env = json.loads(docker("inspect", "-f", "{{json .Config.Env}}", container(world, "api")))
    return [value for value in env if value.startswith("RELEASE=")]


def settings_of_the_role(world: World) -> str:
    query = "SELECT rolconfig FROM pg_roles WHERE rolname = 'app'"
    return docker("exec", container(world, "db"), "psql", "-XqAtw", "-U", "postgres", "-d", "app", "-c", query).strip()


def test_the_shipped_command_cuts_long_queries_and_its_way_back_lets_them_be(world: World) -> None:
    standard = load_playbook(shipped.playbook_path("standard"))
    cut = standard.mitigation("cut-long-queries")
    assert cut is not None
    cut = replace(cut, service="db")
    assert "timeout" not in settings_of_the_role(world)
    found = before(world, cut)
    act(world, cut)
    assert "statement_timeout=5s" in settings_of_the_role(world)
    put_back(world, cut, found)
    put_back(world, cut, found)
    assert "timeout" not in settings_of_the_role(world)


def test_an_environment_is_put_back_and_then_left_as_it_was_at_steady_state(world: World) -> None:
    world.stack.containers().remake("api", Remake(env={"RELEASE": "bad"}))
    assert release(world) == ["RELEASE=bad"]
    found = before(world, CONFIG)
    act(world, CONFIG)
    assert release(world) == ["RELEASE=small-1"]
    kept = container(world, "api")
    put_back(world, CONFIG, found)
    assert container(world, "api") == kept


def test_an_environment_that_was_another_at_steady_state_is_set_back(world: World) -> None:
    wrong = replace(CONFIG, env={"RELEASE": "small-0", "EXTRA": "1"})
    found = before(world, wrong)
    act(world, wrong)
    assert release(world) == ["RELEASE=small-0"]
    put_back(world, wrong, found)
    assert release(world) == ["RELEASE=small-1"]
    env = json.loads(docker("inspect", "-f", "{{json .Config.Env}}", container(world, "api")))
    assert not [value for value in env if value.startswith("EXTRA=")]
