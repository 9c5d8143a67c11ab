"""Promised writes at the end of a drill: there once, lost, doubled, late, or unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from virtual_drills import rehearsal, scenario

from drill.engine.writes import check_writes
from drill.model.config import LedgerSpec, ProbeSpec
from drill.model.units import Seconds
from drill.testing.rehearse import Rehearsal

PROBE = ProbeSpec(
    name="checkout", service="api", path="/pay", audience="user", type="canary", settles_within=Seconds(5)
)
LEDGER = LedgerSpec(name="customers", service="api", path="/ledger", held_service="api", held_path="/held")


class Answers:
    """A prober whose store changes with time: ``later`` is held from ``after_s`` on."""

    def __init__(self, drill: Rehearsal, held: Mapping[str, int] | None, promised: Sequence[str] = ()) -> None:
        self._drill = drill
        self._began_ns = drill.runtime.now_ns()
        self.held = held
        self.promised = promised
        self.later: Mapping[str, int] = {}
        self.after_s = 1e9

    def _now(self) -> Mapping[str, int] | None:
        late = (self._drill.runtime.now_ns() - self._began_ns) / 1e9 >= self.after_s
        return self.later if late else self.held

    async def canaries(self, spec: ProbeSpec) -> Mapping[str, int] | None:
        return self._now()

    async def ledger(self, spec: LedgerSpec) -> tuple[Sequence[str], Mapping[str, int]] | None:
        held = self._now()
        return None if held is None else (self.promised, held)


@pytest.fixture
def drill() -> Rehearsal:
    found = rehearsal(scenario("api-crashed"))
    found.recorder.begin()
    return found


def verdict(drill: Rehearsal, answers: Answers, *, ledger: bool = False) -> tuple[bool | None, dict[str, Any]]:
    """The verdict, and the single summary that was emitted."""
    config = replace(drill.plan.config, probes=() if ledger else (PROBE,), ledgers=(LEDGER,) if ledger else ())
    world: Any = replace(drill.world, prober=answers)
    found = drill.runtime.run(check_writes(world, config))
    (event,) = [event for event in drill.events if event.kind == "canary.summary"]
    return found, dict(event.data)


def promise(drill: Rehearsal, *tokens: str) -> None:
    for token in tokens:
        drill.recorder.emit("canary.acknowledged", "probes", probe="checkout", writes=[token])


def test_writes_that_are_there_once_pass(drill: Rehearsal) -> None:
    promise(drill, "a", "b")
    found, summary = verdict(drill, Answers(drill, {"a": 1, "b": 1, "c": 1}))
    assert found is True
    assert (summary["acknowledged"], summary["missing"], summary["doubled"]) == (2, [], [])


@pytest.mark.parametrize(("held", "missing", "doubled"), [({"b": 1}, ["a"], []), ({"a": 2, "b": 1}, [], ["a"])])
def test_a_lost_or_doubled_write_fails(
    drill: Rehearsal, held: dict[str, int], missing: list[str], doubled: list[str]
) -> None:
    promise(drill, "a", "b")
    found, summary = verdict(drill, Answers(drill, held))
    assert found is False
    assert (summary["missing"], summary["doubled"]) == (missing, doubled)


def test_without_a_promised_write_nothing_is_proved(drill: Rehearsal) -> None:
    found, summary = verdict(drill, Answers(drill, {}))
    assert (found, summary["acknowledged"]) == (None, 0)


def test_a_silent_service_is_unknown(drill: Rehearsal) -> None:
    promise(drill, "a")
    found, summary = verdict(drill, Answers(drill, None))
    assert (found, summary["answered"]) == (None, False)


@pytest.mark.parametrize(("after_s", "expected"), [(3.0, True), (60.0, False)])
def test_a_write_may_arrive_as_late_as_the_probe_allows(drill: Rehearsal, after_s: float, expected: bool) -> None:
    promise(drill, "a")
    answers = Answers(drill, {})
    answers.later, answers.after_s = {"a": 1}, after_s
    assert verdict(drill, answers)[0] is expected


def test_a_ledger_is_looked_for_like_canaries(drill: Rehearsal) -> None:
    assert verdict(drill, Answers(drill, {"a": 1}, ["a"]), ledger=True)[0] is True


def test_a_ledger_that_lost_a_write_fails_and_an_empty_one_is_unknown(drill: Rehearsal) -> None:
    assert verdict(drill, Answers(drill, {"b": 1}, ["a", "b"]), ledger=True)[0] is False
    drill.events.clear()
    assert verdict(drill, Answers(drill, {"b": 1}, []), ledger=True)[0] is None
