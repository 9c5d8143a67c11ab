"""The synthetic customers: seeded, steady, and honest about what was acknowledged to them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Launch = Callable[..., Any]
Until = Callable[[Callable[[], bool], str], None]
STAGING = Path(__file__).parents[2] / "staging"
PROGRAM = """
import itertools, json, sys
from actions import actions
print(json.dumps(list(itertools.islice(actions(int(sys.argv[1])), 60))))
"""


def planned(seed: int) -> list[list[object]]:
    """The first sixty actions, as a process of its own plans them."""
    paths = os.pathsep.join((str(STAGING / "traffic"), str(STAGING)))
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(seed)],
        env={"PYTHONPATH": paths},
        capture_output=True,
        check=True,
        timeout=30,
    )
    found: list[list[object]] = json.loads(done.stdout)
    return found


@pytest.fixture
def traffic(launch: Launch, product: dict[str, Any]) -> Any:
    return launch("traffic", TARGET_URL=product["api"].url, RATE="40")


def ledger(traffic: Any, name: str) -> list[str]:
    found: list[str] = traffic.http.get(f"/ledger/{name}").json()
    return found


def results(traffic: Any) -> dict[tuple[str, str], float]:
    """Action and result to how often."""
    found = {}
    for line in traffic.http.get("/metrics").text.splitlines():
        if line.startswith("customer_actions_total{"):
            labels, _, value = line.rpartition(" ")
            parts = labels.split('"')
            found[parts[1], parts[3]] = float(value)
    return found


def test_a_seed_decides_actions_and_names(other_port: int) -> None:
    assert planned(7) == planned(7)
    assert planned(7) != planned(8)
    assert len({row[0] for row in planned(7)}) == 7


def test_every_kind_of_action_succeeds_on_a_healthy_product(traffic: Any, until: Until) -> None:
    traffic.start("/health")
    kinds = {"sign-in", "savings", "payment", "canary", "document", "accounts", "documents"}
    until(lambda: {kind for kind, _ in results(traffic)} == kinds, "every kind of action")
    assert {result for _, result in results(traffic)} == {"ok"}


def test_all_that_was_acknowledged_is_in_the_product_once(traffic: Any, product: dict[str, Any], until: Until) -> None:
    traffic.start("/health")
    until(lambda: min(len(ledger(traffic, name)) for name in ("canaries", "payments")) >= 10, "ten of each")
    noted = {name: ledger(traffic, name) for name in ("canaries", "payments")}
    for name, ids in noted.items():
        counts = product["api"].http.get(f"/api/{name}").json()
        assert {counts.get(one) for one in ids} == {1}
        assert len(set(ids)) == len(ids)


def test_a_product_that_is_down_is_counted_and_does_not_stop_the_customers(
    launch: Launch, other_port: int, until: Until
) -> None:
    traffic = launch("traffic", TARGET_URL=f"http://127.0.0.1:{other_port}", RATE="40")
    traffic.start("/health")
    until(lambda: sum(results(traffic).values()) >= 20, "twenty actions")
    assert {result for _, result in results(traffic)} == {"failed"}
    assert ledger(traffic, "canaries") == ledger(traffic, "payments") == []
    assert traffic.log() == ""


def test_a_product_that_hangs_keeps_a_bounded_number_of_customers_waiting(
    launch: Launch, stub: Any, until: Until
) -> None:
    stub.delay_s = 60
    traffic = launch("traffic", TARGET_URL=stub.url, RATE="100")
    traffic.start("/health")
    until(lambda: any(result == "skipped" for _, result in results(traffic)), "customers who do not get in")
    assert traffic.http.get("/health").status_code == 200


def test_an_error_is_no_acknowledgement(launch: Launch, stub: Any, until: Until) -> None:
    stub.status = 503
    traffic = launch("traffic", TARGET_URL=stub.url, RATE="40")
    traffic.start("/health")
    until(lambda: {kind for kind, _ in results(traffic)} >= {"canary", "payment"}, "writes")
    assert {result for _, result in results(traffic)} == {"error"}
    assert ledger(traffic, "canaries") == ledger(traffic, "payments") == []


def test_the_ledger_outlives_a_kill_and_no_id_comes_again(traffic: Any, product: dict[str, Any], until: Until) -> None:
    for run in (1, 2, 3):
        traffic.start("/health")
        before = ledger(traffic, "canaries")
        assert len(before) >= 4 * (run - 1)
        until(lambda: len(ledger(traffic, "canaries")) >= 4 * run, "more canaries")  # noqa: B023 - awaited here
        seen = ledger(traffic, "canaries")
        traffic.kill()
        assert seen[: len(before)] == before
    traffic.start("/health")
    kept = ledger(traffic, "canaries")
    counts = product["api"].http.get("/api/canaries").json()
    assert len(set(kept)) == len(kept)
    assert {counts.get(one) for one in kept} == {1}


def test_the_ledger_keeps_the_newest_five_thousand(launch: Launch, stub: Any, until: Until) -> None:
    traffic = launch("traffic", TARGET_URL=stub.url, RATE="100")
    traffic.data.mkdir()
    lines = [json.dumps({"id": f"old{number}"}) for number in range(9_998)]
    (traffic.data / "canaries.jsonl").write_text("\n".join(lines) + "\n")
    traffic.start("/health")
    until(lambda: not ledger(traffic, "canaries")[-3].startswith("old"), "three new canaries")
    kept = ledger(traffic, "canaries")
    assert len(kept) == 5000
    assert kept[0].startswith("old5")
    traffic.kill()
    assert len((traffic.data / "canaries.jsonl").read_text().splitlines()) < 6000


@pytest.mark.parametrize("rate", ["fast", "0", "-1", "1000"])
def test_a_rate_that_makes_no_sense_is_said_in_one_line(rate: str, tmp_path: Path) -> None:
    env = {"PORT": "1", "DATA_DIR": str(tmp_path), "TARGET_URL": "http://127.0.0.1:1", "PYTHONPATH": str(STAGING)}
    done = subprocess.run(
        [sys.executable, str(STAGING / "traffic/app.py")],
        env={**env, "RATE": rate},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("RATE is ")
    assert done.stderr.count("\n") == 1
