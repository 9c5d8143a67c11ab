"""Faults that compose: offsets, planned ends, ramps, replicas, roles; and who ended a fault, by what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from virtual_drills import KINDS, kinds_of, only, proofs, rehearsal, scenario

from drill.engine.aim import aimed, within_reach
from drill.engine.gone import Lifeline, ended_by
from drill.engine.ramp import STEPS, at_share, steps_done
from drill.errors import Refused
from drill.model.config import ServiceSpec
from drill.model.events import Event
from drill.model.lease import Lease, Moment, Reversibility
from drill.model.scenario import FaultSpec
from drill.model.units import Seconds
from drill.ports import Injector, Stack
from drill.testing.memory import MemoryStack
from drill.testing.virtual import VirtualRuntime
from injectors.noop import NoOp

NS = 1_000_000_000


def fault(name: str = "f1", kind: str = "container.pause", **changes: Any) -> FaultSpec:
    spec = FaultSpec(id=name, kind=kind, target="api", max_duration=Seconds(60))
    return replace(spec, **changes)


def events(drill: Any, kind: str, fault_id: str) -> list[Event]:
    return [event for event in drill.events if event.kind == kind and event.data.get("fault_id") == fault_id]


def unscripted(*faults: FaultSpec, **changes: Any) -> Any:
    return scenario("api-frozen", faults=faults, script=(), **changes)


# A planned end


def test_a_fault_with_a_duration_is_undone_when_it_has_passed_and_that_is_neither_repair_nor_expiry() -> None:
    drill = rehearsal(unscripted(fault(duration=Seconds(8))))
    assert drill.run() == "completed"
    applied, ended, undone = (only(drill, kind) for kind in ("fault.applied", "fault.ended", "fault.undone"))
    assert 8 * NS <= ended.t - applied.data["at_ns"] <= 9 * NS
    assert undone.data["by"] == "plan"
    assert "fault.expired" not in kinds_of(drill)
    assert "fault.gone" not in kinds_of(drill)
    assert proofs(drill) == {"leases": True, "mitigations": True, "snapshot": True}


def test_without_a_script_a_drill_ends_when_every_fault_is_over() -> None:
    drill = rehearsal(unscripted(fault(duration=Seconds(8))))
    drill.run()
    assert only(drill, "drill.ended").data["detail"] == "every fault is over, and there is no script"


def test_faults_begin_at_their_offsets_and_end_each_by_itself() -> None:
    first, second = fault("a", duration=Seconds(6)), fault("b", start=Seconds(10), duration=Seconds(5))
    drill = rehearsal(unscripted(first, second))
    assert drill.run() == "completed"
    applied = [event for event in drill.events if event.kind == "fault.applied"]
    assert [event.data["fault_id"] for event in applied] == ["a", "b"]
    assert 9.9 * NS <= applied[1].t - applied[0].t <= 11 * NS
    assert [event.data["fault_id"] for event in drill.events if event.kind == "fault.ended"] == ["a", "b"]
    (proof,) = [e.data for e in drill.events if e.kind == "restoration.checked" and e.data["proof"] == "leases"]
    assert (proof["ok"], proof["detail"]) == (True, "each of 2 leases seen undone")
    assert drill.leases.all() == []


# Ramps


class Growing(NoOp):
    """Remembers how strong it was made."""

    kind = "test.growing"
    reversibility: Reversibility = "reversible"
    ramps = frozenset({"delay"})
    params: Mapping[str, str] = {"delay": "How much."}

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        return replace(super().plan(replace(fault, params={}), stack, draft), params=fault.params)

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        self.seen.append(lease.params["delay"])
        return super().apply(lease, stack)

    def adjust(self, lease: Lease, _stack: Stack) -> None:
        self.seen.append(lease.params["delay"])


def test_a_ramp_grows_to_the_full_value_step_by_step() -> None:
    growing = Growing()
    spec = fault(kind=growing.kind, params={"delay": 500}, ramp=Seconds(10), duration=Seconds(14))
    drill = rehearsal(unscripted(spec), {**KINDS, growing.kind: growing})
    assert drill.run() == "completed"
    assert growing.seen == [50, 100, 150, 200, 250, 300, 350, 400, 450, 500]
    assert [event.data["step"] for event in drill.events if event.kind == "fault.grown"] == list(range(2, STEPS + 1))


def test_a_ramp_on_a_kind_that_cannot_grow_is_refused() -> None:
    drill = rehearsal(unscripted(fault(ramp=Seconds(5))))
    assert drill.run() == "refused"
    assert "container.pause cannot grow" in only(drill, "drill.ended").data["detail"]


@pytest.mark.parametrize(("elapsed_s", "step"), [(-1, 1), (0, 1), (0.99, 1), (1, 2), (5, 6), (9.99, 10), (500, 10)])
def test_the_step_that_is_due(elapsed_s: float, step: int) -> None:
    assert steps_done(elapsed_s, 10) == step


def test_a_share_keeps_whole_numbers_whole_and_leaves_the_rest_alone() -> None:
    lease = _lease(params={"delay": 5, "loss": 0.5, "peer": "db", "other": 9, "on": True, "none": 0})
    part = at_share(lease, ("delay", "loss", "peer", "on", "none", "missing"), 1)
    assert part.params == {"delay": 1, "loss": 0.05, "peer": "db", "other": 9, "on": True, "none": 0}
    assert at_share(lease, ("delay", "loss"), STEPS).params == lease.params


# Aiming


class Replicated(MemoryStack):
    """Three of each."""

    def replica_numbers(self, service: str) -> list[int]:
        return [1, 2, 3] if self._of(service) else []


def _stack(**roles: str) -> Replicated:
    stack = Replicated([ServiceSpec(name=name, role="postgresql") for name in ("db", "api")], VirtualRuntime())
    stack.roles = dict(roles)
    return stack


def test_one_replica_is_drawn_by_the_seed_and_every_one_can_be() -> None:
    spec, stack = fault(replicas="one"), _stack()
    drawn = [aimed(spec, stack, seed)[1] for seed in range(30)]
    assert set(drawn) == {1, 2, 3}
    assert drawn == [aimed(spec, stack, seed)[1] for seed in range(30)]
    assert aimed(fault(), stack, 1) == (fault(), 0)


def test_a_role_is_the_member_that_has_it_now() -> None:
    spec, stack = fault(target="role:primary"), _stack(db="replica", api="primary")
    assert aimed(spec, stack, 1)[0].target == "api"
    stack.roles = {"db": "primary", "api": "replica"}
    assert aimed(spec, stack, 1)[0].target == "db"
    assert within_reach(spec, stack) == ["db", "api"]
    assert within_reach(fault(), stack) == ["api"]


@pytest.mark.parametrize("roles", [{"db": "down", "api": "replica"}, {"db": "primary", "api": "primary"}, {}])
def test_a_role_that_not_exactly_one_member_has_is_refused(roles: dict[str, str]) -> None:
    with pytest.raises(Refused, match="not one member is the primary now"):
        aimed(fault(target="role:primary"), _stack(**roles), 1)


# Who ended it


def _event(seq: int, kind: str, t_s: float, **data: Any) -> Event:
    return Event(seq=seq, t=int(t_s * NS), utc="", kind=kind, source="t", data=data)


_LIFE = Lifeline(life=("c1", 10), restarts_itself=False)
_OTHER = Lifeline(life=("c1", 20), restarts_itself=False)
_ACT = [
    _event(1, "mitigation.started", 10, action_id="act-1", mitigation="restart-api"),
    _event(2, "mitigation.finished", 12, action_id="act-1", mitigation="restart-api"),
]


@pytest.mark.parametrize(
    ("told", "last_seen_s", "before", "now", "by"),
    [
        (_ACT, 11, _LIFE, _OTHER, "responder"),
        (_ACT[:1], 11, _LIFE, _LIFE, "responder"),
        (_ACT, 13, _LIFE, _LIFE, "responder"),
        (_ACT, 60, _LIFE, _LIFE, "unknown"),
        ([], 11, _LIFE, _OTHER, "responder"),
        ([], 11, _LIFE, _LIFE, "unknown"),
        ([], 11, _LIFE, None, "unknown"),
        ([], 11, replace(_LIFE, restarts_itself=True), _OTHER, "stack"),
        (_ACT, 11, replace(_LIFE, restarts_itself=True), _OTHER, "responder"),
    ],
)
def test_who_ended_a_fault_is_told_by_what_was_seen(
    told: list[Event], last_seen_s: float, before: Lifeline, now: Lifeline | None, by: str
) -> None:
    found = ended_by(told, int(last_seen_s * NS), before, now)
    assert found.by == by
    assert found.evidence


def test_the_scripts_restart_is_the_evidence_in_a_drill() -> None:
    drill = rehearsal(scenario("api-frozen"))
    drill.run()
    gone = only(drill, "fault.gone").data
    assert (gone["by"], gone["evidence"]) == ("responder", "mitigation restart-api ran when it went")


class Blip(NoOp):
    """Over as soon as it has happened."""

    kind = "test.blip"
    reversibility: Reversibility = "momentary"


def test_a_momentary_fault_is_over_by_itself_once_it_is_proved() -> None:
    blip: Injector = Blip()
    drill = rehearsal(unscripted(fault(kind=blip.kind)), {**KINDS, blip.kind: blip})
    assert drill.run() == "completed"
    assert only(drill, "fault.gone").data["by"] == "itself"
    assert proofs(drill)["leases"] is True


class Aborting(NoOp):
    """Somebody ends the drill while the fault is being planned."""

    kind = "test.aborting"
    reversibility: Reversibility = "reversible"

    def __init__(self) -> None:
        self.drill: Any = None
        self.applied = False
        self.plans = 0

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        self.plans += 1
        if self.plans > 1:  # the first one is the preflight's
            self.drill.drill.control.end("aborted", "enough")
        return super().plan(fault, stack, draft)

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        self.applied = True
        return super().apply(lease, stack)


def test_a_drill_that_is_ended_while_a_fault_is_planned_does_not_apply_it() -> None:
    kind = Aborting()
    kind.drill = rehearsal(unscripted(fault(kind=kind.kind)), {**KINDS, kind.kind: kind})
    assert kind.drill.run() == "aborted"
    assert not kind.applied
    assert "fault.applying" not in kinds_of(kind.drill)
    assert kind.drill.leases.all() == []
    assert proofs(kind.drill)["leases"] is True


# Secrets of a lease


class Secretive(NoOp):
    """Needs a secret to undo."""

    kind = "test.secretive"
    reversibility: Reversibility = "reversible"

    def plan(self, fault: FaultSpec, stack: Stack, draft: Lease) -> Lease:
        return replace(super().plan(fault, stack, draft), sealed={"old": "hunter2-hunter2"})

    def undo(self, lease: Lease, stack: Stack) -> None:
        assert lease.sealed == {"old": "hunter2-hunter2"}
        super().undo(lease, stack)


def test_what_a_lease_seals_reaches_undo_but_not_the_journal() -> None:
    kind: Injector = Secretive()
    drill = rehearsal(unscripted(fault(kind=kind.kind, duration=Seconds(3))), {**KINDS, kind.kind: kind})
    assert drill.run() == "completed"
    assert "hunter2" not in b"".join(drill.lines).decode()


class Remembering(NoOp):
    """Its undo leaves something as others made it."""

    kind = "test.remembering"
    reversibility: Reversibility = "snapshot-restorable"

    def report(self, _lease: Lease, _stack: Stack) -> str:
        return "2 keys written meanwhile were kept"


def test_what_undo_leaves_as_others_made_it_stands_in_the_journal() -> None:
    kind: Injector = Remembering()
    drill = rehearsal(unscripted(fault(kind=kind.kind, duration=Seconds(3))), {**KINDS, kind.kind: kind})
    assert drill.run() == "completed"
    assert only(drill, "fault.undone").data["proof"] == "seen undone; 2 keys written meanwhile were kept"


def _lease(**changes: Any) -> Lease:
    runtime = VirtualRuntime()
    draft = Lease(
        id="L1",
        drill_id="D",
        fault_id="f1",
        kind="noop",
        service="api",
        instance="",
        reversibility="reversible",
        stack=MemoryStack([], runtime).identity(),
        boot_id="b",
        expires_at_ns=1,
        expires_utc="",
        settle_s=0,
    )
    return replace(draft, **changes)
