"""Whatever signal strikes whichever process, nothing of any fault is left: on the real engine, seen from outside."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from fault_kinds import NEEDS_KERNEL, kernel_marks, kinds_with_sample, sample_of
from reference_project import ends_by_plan
from reference_session import ReferenceSession, Result, as_record
from strikes import ALONE, AT_LEAST, BOTH, KILL, MODES, POLITE, SEED, TRANSITIONS, TWICE, Point, points

from drill import registry

RESULTS = os.environ.get("DRILL_CRASH_RESULTS", "")
"""File that each point's result is added to."""
SKIP = set(filter(None, os.environ.get("DRILL_CRASH_SKIP", "").split(",")))
"""Fault kinds that are left out, for whoever works on one."""
KINDS = [kind for kind in kinds_with_sample() if kind not in SKIP]
POINTS = points({kind: ends_by_plan(kind) for kind in KINDS}, without=set(NEEDS_KERNEL))
UNDONE_WITHIN_S = 5.0
REMADE = ("change.config", "change.image", "change.secret", "container.read-only", "container.remove")
REMADE_WITHIN_S = 10.0
"""For fault kinds whose undo makes containers anew: one after the other, and the old ones are stopped first."""
RESPONDED_WITHIN_S = 10.0
"""With a script: a mitigation that was under way is first let to its end."""

QUICK_MODES = {mode.name for mode in (KILL, BOTH, *POLITE[1:], TWICE[3], TWICE[5], ALONE)}


def _sampled() -> set[int]:
    """The points of `make test`: each way to strike with another kind of fault, none of them a slow one."""
    chosen: dict[str, Point] = {}
    for point in random.Random(SEED).sample(POINTS, len(POINTS)):
        taken = {*(one.kind for one in chosen.values()), *NEEDS_KERNEL, *REMADE, ""}
        if point.mode.name in QUICK_MODES and point.mode.name not in chosen and point.kind not in taken:
            chosen[point.mode.name] = point
    return {point.number for point in chosen.values()}


_SAMPLED = _sampled()


def test_every_fault_kind_has_a_sample_scenario() -> None:
    assert [kind for kind in registry.all_kinds() if not sample_of(kind).exists()] == []


def test_the_points_hit_every_transition_every_signal_and_every_kind() -> None:
    assert len([point for point in POINTS if point.kind not in NEEDS_KERNEL]) >= AT_LEAST
    assert len({point.number for point in POINTS}) == len(POINTS)
    assert {point.at for point in POINTS} == set(TRANSITIONS)
    assert {point.mode for point in POINTS} == set(MODES)
    assert {point.kind for point in POINTS if point.mode is KILL and point.at == "fault.applying"} >= set(KINDS)
    assert {point.kind for point in POINTS if point.mode.orphaned} >= set(KINDS)


def _params() -> list[object]:
    crash = {point: [] if point.number in _SAMPLED else [pytest.mark.crash] for point in POINTS}
    return [pytest.param(point, id=point.name, marks=[*crash[point], *kernel_marks(point.kind)]) for point in POINTS]


@pytest.mark.engine
@pytest.mark.timeout(300)
@pytest.mark.parametrize("point", _params())
def test_nothing_is_left_of_a_drill_that_was_struck(reference: ReferenceSession, point: Point) -> None:
    record: dict[str, object] = {"point": point.name, "failed": "it did not come to its end"}
    try:
        result = reference.play(point)
        record = as_record(result)
        _judge(point, result)
    except BaseException:
        reference.renew()
        raise
    finally:
        _keep(record)


def _keep(record: dict[str, object]) -> None:
    if RESULTS:
        with Path(RESULTS).open("a") as file:
            file.write(json.dumps(record) + "\n")


def _judge(point: Point, result: Result) -> None:
    assert result.residue == [], result.output
    assert (result.unreadable, result.leases, result.said_undone) == ([], 0, True), result.output
    assert result.orphan == _orphaned(point), result.output
    assert "Traceback" not in result.output
    assert (result.outcome, result.exit_code) in _expected(point), result.output
    if result.undone_s is not None:
        assert result.undone_s <= _bound(point)


def _expected(point: Point) -> set[tuple[str, int]]:
    """Outcome and exit code. What is asked of a drill that is at its end comes too late: it has completed."""
    mode = point.mode
    finished = {("completed", code if mode.code >= 0 else mode.code) for code in (0, 1)}
    if mode.goes_on:
        return finished
    late = point.at in ("impact.ended", "restoration.checked") or (
        _momentary(point) and point.at.startswith("fault.und")
    )
    return {(mode.outcome, mode.code)} | (finished if late and mode.outcome == "aborted" else set())


def _orphaned(point: Point) -> bool:
    """Before the guard is up nothing is leased, and the next command ends the drill."""
    return point.mode.orphaned or (point.mode is KILL and point.at in ("steady.checked", "snapshot.taken"))


def _momentary(point: Point) -> bool:
    return bool(point.kind) and not ends_by_plan(point.kind)


def _bound(point: Point) -> float:
    if not point.kind:
        return RESPONDED_WITHIN_S
    return REMADE_WITHIN_S if point.kind in REMADE else UNDONE_WITHIN_S
