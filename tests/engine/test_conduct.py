"""A whole drill on virtual time: order of events, early ends, and what the run itself catches."""

from __future__ import annotations

from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import pytest
from virtual_drills import KINDS, kinds_of, only, proofs, rehearsal, scenario

import scorecards
from drill.engine.conduct import Drill
from drill.model.lease import Lease, Moment
from drill.model.scenario import StopCondition
from drill.model.units import Seconds
from drill.ports import Injector, Stack, StagingSign
from drill.testing.rehearse import Rehearsal
from injectors.container.pause import Pause
from injectors.container.stop import Stop

ALL_GOOD = {"leases": True, "mitigations": True, "snapshot": True}


def beside(drill: Rehearsal, work: Coroutine[Any, Any, None]) -> None:
    """Let something happen during the drill."""
    drill.runtime.spawn(work, "test")


async def after(drill: Rehearsal, kind: str) -> None:
    """Wait until the drill has recorded an event of that kind."""
    while kind not in kinds_of(drill):
        await drill.runtime.sleep(0.01)


@pytest.mark.parametrize("name", ["api-frozen", "api-crashed", "api-stopped-by-deploy"])
def test_a_drill_runs_from_steady_state_to_three_proofs(name: str) -> None:
    drill = rehearsal(scenario(name))
    assert drill.run() == "completed"
    order = [
        "drill.started",
        "preflight.checked",
        "steady.checked",
        "snapshot.taken",
        "lease.written",
        "fault.applying",
        "fault.applied",
        "fault.active",
        "impact.began",
        "alert.fired",
        "page.delivered",
        "incident.acknowledged",
        "incident.declared",
        "mitigation.finished",
        "impact.ended",
        "fault.undoing",
        "fault.undone",
        "restoration.checked",
        "drill.ended",
    ]
    seen = kinds_of(drill)
    assert sorted(order, key=seen.index) == order
    assert proofs(drill) == ALL_GOOD
    assert drill.leases.all() == []
    assert scorecards.score(drill.events).passed


def test_the_same_plan_gives_the_same_journal_byte_for_byte() -> None:
    first, second = rehearsal(scenario("api-frozen")), rehearsal(scenario("api-frozen"))
    first.run()
    second.run()
    assert first.lines == second.lines


def test_the_database_drill_routes_around_and_puts_the_flag_back() -> None:
    drill = rehearsal(replace(scenario("database-down"), needs=()))
    assert drill.run() == "completed"
    assert only(drill, "fault.sampled").data["active"] is True
    assert only(drill, "mitigation.reverted").data["ok"] is True
    assert drill.stack.read("api") == {"degraded_mode": False}
    assert proofs(drill) == ALL_GOOD


class ApplyDoesNothing(Pause):
    """A broken injector."""

    def apply(self, lease: Lease, stack: Stack) -> Moment:
        return stack.start(lease.service)


class UndoDoesNothing(Stop):
    """A broken injector."""

    def undo(self, lease: Lease, stack: Stack) -> None:
        pass


def with_broken(broken: Injector) -> dict[str, Injector]:
    return {**KINDS, broken.kind: broken}


def test_an_apply_that_does_nothing_is_caught_by_the_run() -> None:
    drill = rehearsal(scenario("api-frozen"), with_broken(ApplyDoesNothing()))
    assert drill.run() == "failed"
    assert "not seen active" in only(drill, "fault.inactive").data["detail"]
    assert "impact.began" not in kinds_of(drill)
    assert drill.events[-1].data["undone"] is True
    assert not scorecards.score(drill.events).passed


def test_an_undo_that_does_nothing_is_caught_by_the_run() -> None:
    found = replace(scenario("api-stopped-by-deploy"), script=(), max_duration=Seconds(20))
    drill = rehearsal(found, with_broken(UndoDoesNothing()))
    drill.run()
    failed = only(drill, "fault.undo-failed")
    assert failed.data["manual"]
    assert proofs(drill)["leases"] is False
    assert drill.events[-1].data["undone"] is False
    assert len(drill.leases.all()) == 1, "the lease must stay on disk for the next try"


def test_nothing_is_touched_without_proof_of_staging() -> None:
    drill = rehearsal(scenario("api-frozen"))
    drill.stack.signs = []
    assert drill.run() == "refused"
    assert "lease.written" not in kinds_of(drill)
    assert drill.events[-1].data["outcome"] == "refused"


def test_a_live_credential_is_refused_whatever_the_exceptions() -> None:
    drill = rehearsal(scenario("api-frozen"))
    drill.stack.signs.append(StagingSign(name="key", verdict="live-credential", detail="STRIPE_KEY looks live"))
    assert drill.run() == "refused"
    assert "never drilled" in drill.events[-1].data["detail"]


def test_a_scenario_that_the_stack_cannot_run_truly_is_refused() -> None:
    drill = rehearsal(scenario("database-down"))
    assert drill.run() == "refused"
    assert "postgresql" in drill.events[-1].data["detail"]


def test_no_steady_state_means_no_injection() -> None:
    drill = rehearsal(scenario("api-frozen"))
    drill.stack.pause("api")
    found = replace(scenario("api-crashed"), faults=(replace(scenario("api-crashed").faults[0], target="mail"),))
    drill = rehearsal(found)
    drill.stack.pause("api")
    assert drill.run() == "failed"
    assert only(drill, "steady.checked").data["ok"] is False
    assert "lease.written" not in kinds_of(drill)


def test_an_abort_undoes_everything_with_proof() -> None:
    drill = rehearsal(scenario("api-frozen"))

    async def abort() -> None:
        await after(drill, "alert.fired")
        drill.drill.control.end("aborted", "test")

    beside(drill, abort())
    assert drill.run() == "aborted"
    assert only(drill, "fault.undone").data["by"] == "abort"
    assert proofs(drill) == ALL_GOOD


def test_a_real_incident_voids_even_after_an_abort() -> None:
    drill = rehearsal(scenario("api-frozen"))

    async def void() -> None:
        await after(drill, "impact.began")
        drill.drill.control.end("aborted", "test")
        drill.drill.control.end("voided", "real-incident")

    beside(drill, void())
    assert drill.run() == "voided"
    assert scorecards.score(drill.events).low is None


def test_a_fault_that_nobody_removes_expires_and_earns_nothing() -> None:
    found = scenario("api-frozen")
    fault = replace(found.faults[0], max_duration=Seconds(6))
    drill = rehearsal(replace(found, faults=(fault,), script=found.script[:2], max_duration=Seconds(30)))
    drill.run()
    assert only(drill, "fault.undone").data["by"] == "expiry"
    assert proofs(drill) == ALL_GOOD
    restore = next(row for row in scorecards.score(drill.events).rows if row.id == "restore")
    assert restore.verdict == "unknown", "cut short before its target had passed"


def test_no_impact_is_absorbed() -> None:
    drill = rehearsal(scenario("rehearsal"))
    assert drill.run() == "completed"
    assert "impact.began" not in kinds_of(drill)
    assert scorecards.score(drill.events).absorbed


def test_a_stop_condition_aborts() -> None:
    found = replace(scenario("api-frozen"), stop=StopCondition(probes=("accounts",), bad_for=Seconds(2)))
    drill = rehearsal(found)
    assert drill.run() == "stopped"
    assert only(drill, "stop.triggered").data["probe"] == "accounts"
    assert proofs(drill) == ALL_GOOD


def test_a_lost_write_breaks_the_snapshot_proof() -> None:
    drill = rehearsal(scenario("api-frozen"))

    async def lose() -> None:
        await after(drill, "mitigation.finished")
        drill.stack.lose_write("canary-1")
        drill.stack.lose_write("canary-4")

    beside(drill, lose())
    drill.run()
    # What was acknowledged while the steady state was looked at was promised too.
    assert only(drill, "canary.summary").data["missing"] == ["canary-1", "canary-4"]
    assert proofs(drill)["snapshot"] is False


def test_a_page_that_does_not_arrive_is_said_and_the_script_waits_in_vain() -> None:
    drill = rehearsal(replace(scenario("api-frozen"), max_duration=Seconds(30)))
    drill.sinks["email"].down = True
    drill.run()
    assert "page.failed" in kinds_of(drill)
    assert only(drill, "script.stuck").data["waiting_for"] == "page"
    assert not scorecards.score(drill.events).passed


def test_a_journal_that_cannot_be_written_applies_nothing_and_still_undoes() -> None:
    drill = rehearsal(scenario("api-frozen"))
    whole = drill.lines.append

    def full_disk(line: bytes) -> None:
        if b'"kind":"fault.applied"' in line:
            raise OSError(28, "No space left on device")
        whole(line)

    drill.lines = type("Full", (list,), {"append": staticmethod(full_disk)})()
    assert drill.run() == "failed"
    assert drill.recorder.broken is not None
    assert drill.stack.services()["api"].paused is False
    assert drill.leases.all() == []


def test_the_script_sees_pages_and_answers_but_never_a_fault() -> None:
    """Until the first alert two scenarios look alike to a player: the view has no other door."""
    from drill.engine.view import DeskView

    public = {name for name in dir(DeskView) if not name.startswith("_")}
    assert public == {"wait_for", "use"}


class MortalGuard:
    """A guard that dies once the fault is active."""

    def __init__(self) -> None:
        self.drill: Rehearsal | None = None

    def start(self) -> int:
        return 1

    def alive(self) -> bool:
        return self.drill is None or "fault.active" not in kinds_of(self.drill)


def test_a_drill_whose_guard_dies_ends_and_everything_is_undone() -> None:
    guard = MortalGuard()
    drill = rehearsal(scenario("api-frozen"))
    guard.drill = drill
    drill.drill = Drill(drill.plan, drill.world, guard=guard)
    assert drill.run() == "failed"
    assert "guard" in drill.events[-1].data["detail"]
    assert proofs(drill) == {"leases": True, "mitigations": True, "snapshot": True}
