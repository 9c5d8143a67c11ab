"""The faults of this family on a service of two containers."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from compose_rig import BASE, WEB, Rig, docker, images, rig
from fault_contract import lease_for
from observers import Outside, until

from drill.model.lease import Lease
from drill.ports import Injector
from injectors.container.kill import Kill
from injectors.container.pause import Pause
from injectors.container.stop import Stop

pytestmark = pytest.mark.engine
FAULTS: tuple[Injector, ...] = (Kill(), Stop(), Pause())
PAIR = f"""
version: "2.4"
services:
  web:
    image: {BASE}
    scale: 2
    command: ["sleep", "300"]
    init: true
    stop_grace_period: 1s
    labels: {{ drill.staging: "true" }}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with images(), rig(tmp_path_factory.mktemp("pair"), PAIR, (WEB,)) as made:
        yield made


@pytest.fixture
def pair(project: Rig) -> Iterator[Rig]:
    yield project
    if project.stack.services()["web"].any_paused:
        project.stack.unpause("web")
    project.stack.start("web")


def planned(injector: Injector, pair: Rig) -> Lease:
    return lease_for(injector, pair.stack, "web", {"grace": 1} if injector.kind == "container.stop" else {})


def down(injector: Injector, one: Outside) -> bool:
    return one.paused() if injector.kind == "container.pause" else one.ended()


@pytest.mark.parametrize("injector", FAULTS, ids=lambda each: each.kind)
def test_all_replicas_are_hit_and_all_come_back(pair: Rig, injector: Injector) -> None:
    lease, both = planned(injector, pair), [Outside(one) for one in pair.stack.services()["web"].replicas]
    facts = pair.stack.services()["web"].facts
    injector.apply(lease, pair.stack)
    assert all(down(injector, one) for one in both)
    assert injector.active(lease, pair.stack)
    injector.undo(lease, pair.stack)
    assert injector.undone(lease, pair.stack)
    assert not injector.active(lease, pair.stack)
    assert pair.stack.services()["web"].facts == facts
    assert all(docker("inspect", "-f", "{{.State.Status}}", one.instance) == "running" for one in both)


@pytest.mark.parametrize("injector", [Kill(), Stop()], ids=lambda each: each.kind)
def test_one_replica_that_was_started_again_ends_the_fault_but_not_the_undo(pair: Rig, injector: Injector) -> None:
    lease = planned(injector, pair)
    injector.apply(lease, pair.stack)
    docker("start", pair.stack.services()["web"].replicas[1])
    assert not injector.active(lease, pair.stack)
    assert not injector.undone(lease, pair.stack)
    injector.undo(lease, pair.stack)
    assert injector.undone(lease, pair.stack)


def test_one_replica_that_is_still_frozen_keeps_the_fault_active(pair: Rig) -> None:
    lease = planned(Pause(), pair)
    Pause().apply(lease, pair.stack)
    docker("unpause", pair.stack.services()["web"].replicas[0])
    assert Pause().active(lease, pair.stack)
    assert not Pause().undone(lease, pair.stack)
    Pause().undo(lease, pair.stack)
    assert Pause().undone(lease, pair.stack)


@pytest.mark.parametrize("injector", FAULTS, ids=lambda each: each.kind)
def test_the_manual_steps_name_every_replica_and_work(pair: Rig, injector: Injector) -> None:
    lease = planned(injector, pair)
    injector.apply(lease, pair.stack)
    for command in [step.split("`")[1] for step in lease.manual[:-1]]:
        subprocess.run(["sh", "-ec", command], check=True, capture_output=True, timeout=60)
    assert until(lambda: injector.undone(lease, pair.stack))
