"""The hat's draw: reproducible, without early repeats, with odds that are exact."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drill import hat
from drill.errors import InvalidInput
from drill.model.scenario import Expected, FaultSpec, Scenario
from drill.model.units import Seconds

POOL = st.lists(st.sampled_from([f"s{n}" for n in range(12)]), min_size=1, max_size=8, unique=True)
RECENT = st.lists(st.sampled_from([f"s{n}" for n in range(15)]), max_size=12)
AVOID = st.integers(0, 12)
SEED = st.integers(0, 2**63)


@given(POOL, RECENT, SEED, AVOID)
def test_the_same_seed_and_history_give_the_same_draw(
    pool: list[str], recent: list[str], seed: int, avoid: int
) -> None:
    first = hat.draw(pool, recent, seed, avoid)
    assert hat.draw(list(reversed(pool)) * 2, list(recent), seed, avoid) == first
    assert first.scenario_id in pool


@given(POOL, AVOID, st.lists(SEED, max_size=25))
def test_nothing_repeats_within_the_avoided_number_when_the_pool_allows(
    pool: list[str], avoid: int, seeds: list[int]
) -> None:
    drawn: list[str] = []
    for seed in seeds:
        drawn.append(hat.draw(pool, drawn, seed, avoid).scenario_id)
    gap = min(avoid, len(pool) - 1)
    for index, name in enumerate(drawn):
        assert name not in drawn[max(index - gap, 0) : index]


@given(POOL, RECENT, AVOID)
def test_odds_sum_to_one_and_equal_the_frequencies_of_all_positions(
    pool: list[str], recent: list[str], avoid: int
) -> None:
    odds = hat.odds(pool, recent, avoid)
    assert set(odds) == set(pool)
    assert sum(odds.values()) == pytest.approx(1)
    seen: dict[int, str] = {}
    seed = 0
    expected = sum(1 for chance in odds.values() if chance)
    while len(seen) < expected:
        draw = hat.draw(pool, recent, seed, avoid)
        assert seen.setdefault(draw.position, draw.scenario_id) == draw.scenario_id
        seed += 1
        assert seed < 2000, "some position is never drawn"
    assert set(seen) == set(range(expected))
    frequencies = Counter(seen.values())
    assert odds == {name: frequencies[name] / expected for name in odds}


@given(POOL, RECENT, SEED, AVOID)
def test_a_draw_names_what_it_avoided_and_never_the_whole_pool(
    pool: list[str], recent: list[str], seed: int, avoid: int
) -> None:
    draw = hat.draw(pool, recent, seed, avoid)
    assert draw.scenario_id not in draw.avoided
    assert len(draw.avoided) <= min(avoid, len(pool) - 1)
    assert set(draw.avoided) <= set(recent[-avoid:] if avoid else [])


def test_seeds_spread_evenly_over_the_pool() -> None:
    drawn = Counter(hat.draw(["a", "b", "c"], [], seed, 2).scenario_id for seed in range(3000))
    assert all(900 < count < 1100 for count in drawn.values())


def test_an_empty_hat_says_what_to_do() -> None:
    with pytest.raises(InvalidInput, match="drill scenarios list"):
        hat.draw([], [], 1, 2)
    assert hat.odds([], [], 2) == {}


def scenario(name: str, needs: tuple[str, ...] = (), in_hat: bool = True, kind: str = "noop") -> Scenario:
    fault = FaultSpec(id="f", kind=kind, target="api", max_duration=Seconds(1))
    expected = Expected(severity="SEV-1", detection=())
    common = {"title": name, "story": name, "faults": (fault,), "expected": expected, "blast_radius": ()}
    return Scenario(id=name, max_duration=Seconds(2), needs=needs, hat=in_hat, **common)  # type: ignore[arg-type]  # mixed values in one dict


def test_only_what_the_stack_can_run_is_in_the_hat() -> None:
    catalogue = [
        scenario("plain"),
        scenario("database", needs=("postgresql",)),
        scenario("frozen", kind="container.pause"),
        scenario("foreign", kind="cloud.outage"),
        scenario("rehearsal", in_hat=False),
    ]
    kind_needs = {"noop": frozenset[str](), "container.pause": frozenset({"pause"})}
    assert hat.eligible(catalogue, frozenset(), kind_needs) == ("plain",)
    everything = frozenset({"pause", "postgresql"})
    assert hat.eligible(catalogue, everything, kind_needs) == ("database", "frozen", "plain")


def test_history_keeps_every_draw_in_order(tmp_path: Path) -> None:
    state = tmp_path / ".drill"
    assert hat.recent(state) == ()
    for seed in range(4):
        drawn = hat.draw(["a", "b", "c"], hat.recent(state), seed, 2)
        hat.record(state, drawn, "2026-11-21T10:00:00Z")
    assert len(hat.recent(state)) == 4
    last = hat.history(state)[-1]
    assert last.utc == "2026-11-21T10:00:00Z"
    assert hat.draw(last.pool, hat.recent(state)[:-1], last.seed, 2).scenario_id == last.scenario_id
    assert (state / "hat.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_torn_last_line_is_ignored_and_then_replaced(tmp_path: Path) -> None:
    hat.record(tmp_path, hat.draw(["a"], [], 1, 2), "t")
    with (tmp_path / "hat.jsonl").open("a") as file:
        file.write('{"scenario_id": "b", "se')
    assert hat.recent(tmp_path) == ("a",)
    hat.record(tmp_path, hat.draw(["c"], [], 1, 2), "t")
    assert hat.recent(tmp_path) == ("a", "c")


@pytest.mark.parametrize("line", ["nonsense", "[]", "{}", "3", json.dumps({"scenario_id": "a", "colour": 1})])
def test_a_line_that_is_no_draw_is_told_with_its_place(line: str, tmp_path: Path) -> None:
    (tmp_path / "hat.jsonl").write_text(line + "\n")
    with pytest.raises(InvalidInput, match=r"hat\.jsonl:1: "):
        hat.recent(tmp_path)
