"""acme.nudge, on a stack in memory; and a whole drill with it, on virtual time."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from acme_faults import Nudge

from drill import registry, shipped
from drill.engine.setting import Plan
from drill.errors import DrillError, InvalidInput
from drill.loader import load_playbook, load_scenario
from drill.model.codec import decode, encode
from drill.model.config import Config, ProbeSpec, ServiceSpec, StackConfig
from drill.model.lease import Lease, Moment
from drill.model.scenario import FaultSpec
from drill.model.units import Seconds
from drill.ports import ServiceState, Stack
from drill.testing.memory import MemoryStack
from drill.testing.rehearse import Rehearsal
from drill.testing.virtual import VirtualRuntime

SERVICES = (ServiceSpec(name="statuspage"), ServiceSpec(name="mail"))
PROBE = ProbeSpec(name="page", service="statuspage", path="/", audience="user")


@pytest.fixture
def stack() -> MemoryStack:
    return MemoryStack(SERVICES, VirtualRuntime())


def planned(stack: Stack, injector: Nudge, **params: str) -> Lease:
    fault = FaultSpec(id="f1", kind="acme.nudge", target="statuspage", max_duration=Seconds(30), params=params)
    draft = Lease(
        id="D-1.01",
        drill_id="D-1",
        fault_id="f1",
        kind="acme.nudge",
        service="statuspage",
        instance="",
        reversibility="reversible",
        stack=stack.identity(),
        boot_id="b",
        expires_at_ns=1,
        expires_utc="",
        settle_s=0.0,
    )
    return injector.plan(fault, stack, draft)


def page(stack: MemoryStack) -> ServiceState:
    """What an outsider sees."""
    return stack.services()["statuspage"]


def test_plan_touches_nothing_and_the_lease_survives_json(stack: MemoryStack) -> None:
    before = stack.services()
    lease = planned(stack, Nudge())
    assert stack.services() == before
    assert decode(Lease, json.loads(json.dumps(encode(lease)))) == lease
    assert "drill stack up" in lease.manual[0]


def test_it_is_there_after_apply_and_gone_after_undo(stack: MemoryStack) -> None:
    injector = Nudge()
    lease = planned(stack, injector)
    assert not injector.active(lease, stack)
    injector.apply(lease, stack)
    assert not page(stack).running
    assert injector.active(lease, stack)
    assert not injector.undone(lease, stack)
    injector.undo(lease, stack)
    assert page(stack).running
    assert injector.undone(lease, stack)
    assert not injector.active(lease, stack)


def test_undo_changes_nothing_twice_unapplied_or_after_a_responder(stack: MemoryStack) -> None:
    injector = Nudge()
    lease, before = planned(stack, injector), stack.services()
    injector.undo(lease, stack)
    injector.undo(lease, stack)
    assert stack.services() == before
    injector.apply(lease, stack)
    stack.start("statuspage")
    by_responder = page(stack).instance
    assert not injector.active(lease, stack)
    injector.undo(lease, stack)
    assert injector.undone(lease, stack)
    assert page(stack).instance == by_responder


def test_an_apply_or_an_undo_that_does_nothing_is_seen(stack: MemoryStack) -> None:
    class Broken(Nudge):
        def apply(self, lease: Lease, stack: Stack) -> Moment:
            return Moment(at_ns=0, uncertainty_ns=0, source="none")

        def undo(self, lease: Lease, stack: Stack) -> None:
            """Nothing."""

    lease = planned(stack, Nudge())
    Broken().apply(lease, stack)
    assert not Broken().active(lease, stack)
    Nudge().apply(lease, stack)
    Broken().undo(lease, stack)
    assert not Broken().undone(lease, stack)


@pytest.mark.parametrize("params", [{"signal": "SIGKILL"}, {"speed": "fast"}])
def test_a_parameter_that_makes_no_sense_is_refused(stack: MemoryStack, params: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match="f1"):
        planned(stack, Nudge(), **params)


def test_a_database_or_a_target_that_is_down_is_refused(stack: MemoryStack) -> None:
    stack.kill("statuspage")
    with pytest.raises(InvalidInput, match="does not run"):
        planned(stack, Nudge())
    stack.roles = {"statuspage": "primary"}
    with pytest.raises(DrillError, match="is a database"):
        planned(stack, Nudge())


def test_a_whole_drill_with_it_ends_clean() -> None:
    playbook = load_playbook(shipped.playbook_path("standard"))
    plan = Plan(
        drill_id="D-rehearsal",
        scenario=load_scenario(Path(__file__).with_name("nudge.yaml")),
        playbook=playbook,
        real_playbook=playbook,
        config=Config(project="acme", stack=StackConfig(services=SERVICES), probes=(PROBE,)),
        mode="scripted",
        smoke=False,
        seed=1,
        rule_set="rehearsal",
    )
    rehearsal = Rehearsal(plan, registry.get)
    assert rehearsal.run() == "completed"
    story = ["fault.applied", "fault.active", "fault.ended", "fault.undone"]
    assert [event.kind for event in rehearsal.events if event.kind in story] == story
    assert rehearsal.leases.all() == []
