"""Two replicas of the reference API that share a data folder and a store."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

Launch = Callable[..., Any]
Until = Callable[[Callable[[], bool], str], None]


@pytest.fixture
def pair(launch: Launch, tmp_path: Path) -> tuple[Any, Any]:
    settings = {"DATA_DIR": str(tmp_path / "shared"), "DATABASE_URL": f"sqlite:///{tmp_path}/store.db"}
    first, second = launch("api", **settings), launch("api", **settings)
    first.start("/api/accounts")
    second.start("/api/accounts")
    return first, second


@contextlib.contextmanager
def gone(store: Path) -> Iterator[None]:
    away = store.with_name("away.db")
    store.rename(away)
    store.mkdir()
    try:
        yield
    finally:
        store.rmdir()
        away.rename(store)


def degrade(api: Any) -> None:
    assert api.http.put("/internal/flags/degraded_mode", json={"value": True}).status_code == 200


def test_a_flag_set_at_one_replica_holds_for_the_other_at_once(pair: tuple[Any, Any]) -> None:
    first, second = pair
    degrade(first)
    assert second.http.get("/internal/flags").json()["degraded_mode"] is True
    second.http.put("/internal/flags/degraded_mode", json={"value": False})
    assert first.http.get("/health/status").json()["flags"]["degraded_mode"] is False


def test_two_flags_set_at_two_replicas_at_once_are_both_kept(pair: tuple[Any, Any]) -> None:
    flags = ("degraded_mode", "external_sign_in")

    def set_at(place: int, value: bool) -> None:
        pair[place].http.put(f"/internal/flags/{flags[place]}", json={"value": value})

    for value in (True, False) * 5:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(set_at, (0, 1), (value, value)))
        assert {pair[0].http.get("/internal/flags").json()[name] for name in flags} == {value}


def test_writes_spooled_by_both_replicas_are_committed_once_each(
    pair: tuple[Any, Any], tmp_path: Path, until: Until
) -> None:
    degrade(pair[0])
    with gone(tmp_path / "store.db"):
        for number in range(20):
            assert pair[number % 2].http.post("/api/canaries", json={"id": f"c{number % 15}"}).status_code == 202
        assert {api.http.get("/health/status").json()["spool"] for api in pair} == {20}
    until(lambda: pair[0].http.get("/health/status").json()["spool"] == 0, "the spool to be replayed")
    assert pair[1].http.get("/api/canaries").json() == {f"c{number}": 1 for number in range(15)}


def test_what_a_killed_replica_had_spooled_is_replayed_by_the_other(
    pair: tuple[Any, Any], tmp_path: Path, until: Until
) -> None:
    first, second = pair
    degrade(first)
    with gone(tmp_path / "store.db"):
        assert first.http.post("/api/canaries", json={"id": "orphan"}).status_code == 202
        first.kill()
    until(lambda: second.http.get("/health/status").json()["spool"] == 0, "the spool to be replayed")
    assert second.http.get("/api/canaries").json() == {"orphan": 1}


def test_a_confirmation_that_reaches_the_other_replica_confirms_the_payment(
    pair: tuple[Any, Any], launch: Launch
) -> None:
    first, second = pair
    vendors = launch("vendors", WEBHOOK_URL=f"{second.url}/api/webhooks/payments")
    vendors.start("/health")
    first.kill()
    first.env["PAYMENTS_URL"] = vendors.url
    first.start("/health/live")
    answer = first.http.post("/api/payments", json={"id": "p1", "amount_cents": 900})
    assert (answer.status_code, answer.json()["status"]) == (201, "confirmed")
    assert 'webhook_requests_total{result="ok"} 1.0' in second.http.get("/metrics").text
    assert 'webhook_requests_total{result="ok"} 0.0' in first.http.get("/metrics").text


def test_the_same_write_at_both_replicas_at_once_is_made_once(pair: tuple[Any, Any]) -> None:
    def add(number: int) -> int:
        status: int = pair[number % 2].http.post("/api/canaries", json={"id": f"c{number // 4}"}).status_code
        return status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(add, range(40))) == {201}
    assert pair[0].http.get("/api/canaries").json() == {f"c{number}": 1 for number in range(10)}


def test_a_replica_killed_in_the_middle_of_writes_loses_and_doubles_nothing_acknowledged(
    pair: tuple[Any, Any], tmp_path: Path
) -> None:
    first, second = pair
    acknowledged: list[str] = []

    def write(lane: int) -> None:
        for number in range(200):
            canary = f"l{lane}-{number}"
            try:
                status = first.http.post("/api/canaries", json={"id": canary}).status_code
            except httpx.TransportError:
                return
            if status == 201:
                acknowledged.append(canary)

    with ThreadPoolExecutor(4) as pool:
        lanes = [pool.submit(write, lane) for lane in range(4)]
        while len(acknowledged) < 20 and not all(lane.done() for lane in lanes):
            second.http.get("/health/live")
        first.kill()
        for lane in lanes:
            lane.result()
    counts = second.http.get("/api/canaries").json()
    assert len(acknowledged) >= 20
    assert {counts.get(canary) for canary in acknowledged} == {1}
    with contextlib.closing(sqlite3.connect(tmp_path / "store.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
