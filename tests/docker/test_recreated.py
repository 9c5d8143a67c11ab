"""Undo when a responder recreated the container meanwhile."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import pytest
from drafts import draft_of
from observers import DOCKER, answers, until

from drill.model.lease import Lease
from drill.model.scenario import FaultSpec
from drill.model.units import Seconds
from drill.ports import Injector
from drill.stacks.compose import ComposeStack
from injectors.container.kill import Kill
from injectors.container.pause import Pause
from injectors.container.stop import Stop

VICTIM = "statuspage"
pytestmark = pytest.mark.engine


@pytest.fixture
def target(compose_stack: ComposeStack) -> Iterator[ComposeStack]:
    yield compose_stack
    compose_stack.up(lambda _: None)


def lease(injector: Injector, stack: ComposeStack) -> Lease:
    draft = draft_of(injector, stack, VICTIM)
    fault = FaultSpec(id="f", kind=injector.kind, target=VICTIM, max_duration=Seconds(30))
    return injector.plan(fault, stack, draft)


@pytest.mark.parametrize("injector", [Pause(), Kill(), Stop()], ids=lambda injector: injector.kind)
def test_undo_leaves_a_recreated_container_alone(target: ComposeStack, injector: Injector) -> None:
    held = lease(injector, target)
    injector.apply(held, target)
    subprocess.run([DOCKER, "rm", "-f", held.instance], capture_output=True, check=True, timeout=20)
    target.up(lambda _: None)
    fresh = target.services()[VICTIM]
    assert fresh.instance != held.instance
    assert not injector.active(held, target)
    injector.undo(held, target)
    assert target.services()[VICTIM].pid == fresh.pid
    assert injector.undone(held, target)
    assert until(lambda: answers(target.address(VICTIM, "http")))
