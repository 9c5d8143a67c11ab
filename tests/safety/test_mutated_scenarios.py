"""Whatever is in a scenario file: it is refused in one clear line, or the drill runs to its end and leaves nothing."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from mutations import mutated
from small_stack import SOURCE, small_project
from virtual_drills import plan_of

import scorecards
from drill import registry
from drill.errors import DrillError, InvalidInput
from drill.loader import check_references, load_config, load_playbook, load_scenario, problems
from drill.model.lease import Lease
from drill.model.scenario import Scenario
from drill.ports import Stack
from drill.testing.rehearse import Rehearsal
from injectors.container.pause import Pause

OUTCOMES = {"completed", "failed", "refused", "stopped"}
HOW_MANY, QUICK = 2000, 300
LONGEST_S = 15 * 60
"""Virtual time that is still quick to run through."""


@dataclass
class Tally:
    """What became of the mutations."""

    outcomes: Counter[str] = field(default_factory=Counter)
    bad: list[str] = field(default_factory=list)

    def note(self, seed: int, what: str) -> None:
        self.bad.append(f"seed {seed}: {what}")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_project(tmp_path_factory.mktemp("mutated"))


def sources(home: Path) -> list[tuple[str, str]]:
    return [(path.stem, path.read_text()) for path in sorted((home / "scenarios").glob("*.yaml"))]


def accepted(path: Path, kinds: dict[str, tuple[str, ...]]) -> Scenario | str:
    """The scenario, or the line that refuses it: as the command line does it."""
    config, playbook = load_config(SOURCE / "drill.yaml"), load_playbook(SOURCE / "playbook.yaml")
    try:
        found = load_scenario(path)
    except InvalidInput as error:
        return str(error)
    wrong = check_references(found, playbook, config, kinds)
    return f"{path}: {wrong[0]}" if wrong else found


def rehearse(found: Scenario, seed: int) -> Iterator[str]:
    """Run it; yields everything that is not as it should be, then the outcome."""
    drill = Rehearsal(plan_of(found, seed=seed), registry.get)
    drill.stack.roles = {"db": "primary"}
    drill.stack.steady_roles = {"db": "primary"}
    try:
        outcome = drill.run()
    except DrillError as error:
        yield f"raised {error!r}"
        return
    yield from ending(drill)
    yield from left_behind(drill)
    if outcome != "refused":
        card = scorecards.score(drill.events)
        if card.low is not None and card.high is not None and not 0 <= card.low <= card.high <= 100:
            yield f"scored {card.low} to {card.high}"
    yield outcome


def ending(drill: Rehearsal) -> Iterator[str]:
    last = drill.events[-1]
    if last.kind != "drill.ended" or last.data["undone"] is not True:
        yield f"ended with {last.kind} {last.data}"
    if len(last.data.get("detail", "").splitlines()) > 1:
        yield f"its reason has several lines: {last.data['detail']!r}"
    if drill.runtime.failures:
        yield f"part of the harness failed: {drill.runtime.failures[0]!r}"


def left_behind(drill: Rehearsal) -> Iterator[str]:
    if drill.leases.all():
        yield f"left {drill.leases.all()}"
    for name, state in drill.stack.services().items():
        if not state.running or state.paused or state.facts["image"] != "good":
            yield f"left {name} as {state}"
    if any(drill.stack.read("api").values()):
        yield "left a flag"


def try_seed(seed: int, home: Path, kinds: dict[str, tuple[str, ...]], tally: Tally) -> None:
    name, text = sources(home)[seed % len(sources(home))]
    path = home / "broken" / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(mutated(text, seed, sorted(kinds)).encode("utf-8", "surrogatepass"))
    for line in problems(path):
        if len(line.splitlines()) != 1 or not line.startswith(f"{path}:"):
            tally.note(seed, f"a problem is not one clear line: {line!r}")
    found = accepted(path, kinds)
    if isinstance(found, str):
        tally.outcomes["invalid"] += 1
        if len(found.splitlines()) != 1 or len(found) > 600:
            tally.note(seed, f"refused in no clear line: {found!r}")
        return
    if found.max_duration > LONGEST_S or any(fault.start > LONGEST_S for fault in found.faults):
        tally.outcomes["too long to rehearse"] += 1
        return
    *wrong, outcome = rehearse(found, seed)
    tally.outcomes[outcome] += 1
    for what in wrong if outcome in OUTCOMES else [*wrong, outcome]:
        tally.note(seed, what)


def run_all(seeds: range, home: Path) -> Tally:
    kinds = {kind: tuple(registry.params(kind)) for kind in registry.all_kinds()}
    tally = Tally()
    for seed in seeds:
        try:
            try_seed(seed, home, kinds, tally)
        except Exception as error:  # noqa: BLE001 - whatever comes out is what this test is for
            tally.note(seed, f"{type(error).__name__}: {error}")
    return tally


def check(tally: Tally, count: int) -> None:
    assert tally.bad == []
    assert tally.outcomes.total() == count
    assert tally.outcomes["completed"] > count / 20, tally.outcomes
    assert tally.outcomes["invalid"] > count / 5, tally.outcomes
    assert tally.outcomes["too long to rehearse"] < count / 20, tally.outcomes


class Forgetful(Pause):
    """Its undo does nothing."""

    def undo(self, lease: Lease, stack: Stack) -> None:
        """Nothing."""


def test_the_check_sees_a_fault_that_is_left(home: Path) -> None:
    found = load_scenario(home / "scenarios" / "api-frozen.yaml")
    no_responder = replace(found, script=(), needs=())
    drill = Rehearsal(plan_of(no_responder), lambda _: Forgetful())
    drill.run()
    assert any("left api" in what for what in left_behind(drill))
    assert list(ending(drill)) != []


def test_a_sample_of_mutated_scenarios_is_refused_in_a_line_or_runs_to_its_end_and_leaves_nothing(home: Path) -> None:
    check(run_all(range(QUICK), home), QUICK)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_thousand_mutated_scenarios_are_refused_in_a_line_or_run_to_their_end(home: Path) -> None:
    check(run_all(range(QUICK, QUICK + HOW_MANY), home), HOW_MANY)
