"""A target that somebody removes in mid-fault is made again by undo, as it was."""

from __future__ import annotations

import json
import subprocess

import pytest
from fault_contract import VICTIM, planned
from observers import DOCKER, answers, until

from drill.ports import Injector, Stack
from injectors.container.kill import Kill
from injectors.container.pause import Pause
from injectors.container.stop import Stop

pytestmark = pytest.mark.engine
KINDS: tuple[Injector, ...] = (Kill(), Pause(), Stop())


def docker(*words: str) -> str:
    return subprocess.run([DOCKER, *words], check=True, capture_output=True, text=True).stdout


def inspected(name: str) -> dict[str, object]:
    (found,) = json.loads(docker("inspect", name))
    config, host = found["Config"], found["HostConfig"]
    kept = {key: config[key] for key in ("Image", "Cmd", "Entrypoint", "Labels", "User")}
    return kept | {"env": sorted(config["Env"]), "ports": host["PortBindings"], "binds": sorted(host["Binds"] or [])}


@pytest.fixture
def target(compose_stack: Stack) -> Stack:
    return compose_stack


@pytest.mark.parametrize("injector", KINDS, ids=lambda injector: injector.kind)
def test_a_removed_target_is_made_again_as_it_was(injector: Injector, target: Stack) -> None:
    lease = planned(injector, target)
    container = docker("inspect", "--format", "{{.Name}}", target.services()[VICTIM].instance).strip().lstrip("/")
    before, address = inspected(container), target.address(VICTIM, "http")
    injector.apply(lease, target)
    docker("rm", "--force", container)
    assert not injector.undone(lease, target)
    injector.undo(lease, target)
    assert injector.undone(lease, target)
    assert inspected(container) == before
    assert until(lambda: answers(address))


def test_the_blueprint_stands_in_the_sealed_part_of_the_lease_alone(target: Stack) -> None:
    lease = planned(Pause(), target)
    variable = docker("inspect", "--format", "{{index .Config.Env 0}}", lease.instance).strip()
    assert variable in str(lease.sealed["blueprint"])
    assert variable not in str(lease.params) + str(lease.before) + str(lease.manual)
