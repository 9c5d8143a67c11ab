"""The reference API on SQLite: health, accounts, canaries, flags, and what it does while its store is down.

The store goes down for real: its file is gone from its place, and a folder stands there instead. It gets slow for
real as well: another process holds the write lock, so every write waits until its own time is up.
"""

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
DEFAULTS = {"degraded_mode": False, "external_sign_in": False, "savings_explanations": True}
Until = Callable[[Callable[[], bool], str], None]


@pytest.fixture
def api(launch: Launch, tmp_path: Path) -> Any:
    service = launch("api", DATABASE_URL=f"sqlite:///{tmp_path}/store.db", RELEASE="r7")
    service.start("/health/live")
    return service


@pytest.fixture
def store_down(api: Any, tmp_path: Path) -> Callable[[], contextlib.AbstractContextManager[None]]:
    api.http.get("/api/accounts")  # the store exists and is seeded before it goes down

    @contextlib.contextmanager
    def down() -> Iterator[None]:
        store, away = tmp_path / "store.db", tmp_path / "away.db"
        store.rename(away)
        store.mkdir()
        try:
            yield
        finally:
            store.rmdir()
            away.rename(store)

    return down


@pytest.fixture
def store_slow(api: Any, tmp_path: Path) -> Callable[[], contextlib.AbstractContextManager[None]]:
    api.http.get("/api/accounts")

    @contextlib.contextmanager
    def slow() -> Iterator[None]:
        with contextlib.closing(sqlite3.connect(tmp_path / "store.db", isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield
            connection.execute("ROLLBACK")

    return slow


def degrade(api: Any, value: bool = True) -> None:
    assert api.http.put("/internal/flags/degraded_mode", json={"value": value}).status_code == 200


def post_canary(api: Any, canary: str) -> int:
    answer: httpx.Response = api.http.post("/api/canaries", json={"id": canary})
    return answer.status_code


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/api/health", "/health/status"])
def test_health_is_ok_when_the_store_answers(api: Any, path: str) -> None:
    answer = api.http.get(path)
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")


def test_status_tells_release_flags_and_spool(api: Any) -> None:
    details = api.http.get("/health/status").json()
    assert details["release"] == "r7"
    assert details["flags"] == DEFAULTS
    assert details["spool"] == 0
    assert [details[name] for name in ("store", "cache", "payments")] == ["up", "not configured", "not configured"]


def test_the_same_forty_accounts_are_seeded_once(api: Any) -> None:
    before = api.http.get("/api/accounts").json()
    api.kill()
    api.start("/health/live")
    assert api.http.get("/api/accounts").json() == before
    assert len({account["email"] for account in before}) == len(before) == 40


def test_a_customer_signs_in_and_a_stranger_does_not(api: Any) -> None:
    email = api.http.get("/api/accounts").json()[0]["email"]
    assert api.http.post("/api/sign-in", json={"email": email.upper()}).status_code == 200
    assert api.http.post("/api/sign-in", json={"email": "nobody@example.com"}).status_code == 404


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"{}", b'{"id": 7}', b'{"id": " "}'])
def test_a_canary_without_an_id_is_refused(api: Any, content: bytes) -> None:
    assert api.http.post("/api/canaries", content=content).status_code == 400
    assert api.http.get("/api/canaries").json() == {}


def test_a_stored_canary_survives_a_kill_and_is_counted_once(api: Any) -> None:
    assert [post_canary(api, "c1"), post_canary(api, "c1"), post_canary(api, "c2")] == [201, 201, 201]
    api.kill()
    api.start("/health/live")
    assert api.http.get("/api/canaries").json() == {"c1": 1, "c2": 1}


def test_a_write_that_was_made_twice_would_be_seen(api: Any, tmp_path: Path) -> None:
    post_canary(api, "c1")
    with contextlib.closing(sqlite3.connect(tmp_path / "store.db")) as connection, connection:
        connection.execute("INSERT INTO canaries (id) VALUES ('c1')")
    assert api.http.get("/api/canaries").json() == {"c1": 2}


def test_everything_but_liveness_is_503_while_the_store_is_down(api: Any, store_down: Any) -> None:
    email = api.http.get("/api/accounts").json()[0]["email"]
    with store_down():
        down = api.http.get("/health/ready")
        assert (down.status_code, down.json()["status"]) == (503, "down")
        assert "unable to open" in down.json()["reason"]
        assert api.http.get("/api/health").status_code == 503
        assert api.http.get("/api/accounts").status_code == 503
        assert api.http.post("/api/sign-in", json={"email": email}).status_code == 503
        assert post_canary(api, "lost") == 503
        assert api.http.get("/health/live").status_code == 200
        assert api.http.get("/health/status").json()["store"] == "down"
    assert api.http.get("/health/ready").status_code == 200
    assert api.http.get("/api/canaries").json() == {}


def test_a_slow_store_does_not_hold_up_liveness(api: Any, store_slow: Any) -> None:
    with store_slow(), ThreadPoolExecutor(8) as pool:
        waiting = [
            pool.submit(httpx.post, f"{api.url}/api/canaries", json={"id": f"slow{number}"}, timeout=5)
            for number in range(8)
        ]
        assert api.http.get("/health/live").elapsed.total_seconds() < 0.25
        answers = [future.result() for future in waiting]
    assert {answer.status_code for answer in answers} == {503}
    assert max(answer.elapsed.total_seconds() for answer in answers) < 1.5
    assert post_canary(api, "after") == 201
    counts = api.http.get("/api/canaries").json()
    assert counts["after"] == 1
    assert set(counts.values()) == {1}  # one that was given up on may have been made after all, but only once


def test_a_write_that_another_process_holds_up_holds_up_no_reader(api: Any, store_slow: Any) -> None:
    with store_slow():
        assert post_canary(api, "late") == 503
        assert api.http.get("/api/accounts").status_code == 200
        assert api.http.get("/health/ready").status_code == 200


def test_degraded_mode_serves_customers_from_the_cache(api: Any, store_down: Any) -> None:
    accounts = api.http.get("/api/accounts").json()
    degrade(api)
    with store_down():
        ready = api.http.get("/health/ready")
        assert (ready.status_code, ready.json()["status"]) == (200, "degraded")
        assert api.http.get("/api/accounts").json() == accounts
        assert api.http.post("/api/sign-in", json={"email": accounts[3]["email"]}).status_code == 200
    assert api.http.get("/health/ready").json()["status"] == "ok"


def test_the_cache_outlives_a_kill_while_the_store_is_down(api: Any, store_down: Any) -> None:
    accounts = api.http.get("/api/accounts").json()
    degrade(api)
    with store_down():
        api.kill()
        api.start("/health/live")
        assert api.http.get("/api/accounts").json() == accounts


def test_spooled_writes_are_replayed_once_each_after_a_kill(api: Any, store_down: Any, until: Until) -> None:
    degrade(api)
    with store_down():
        assert [post_canary(api, f"s{number % 3}") for number in range(6)] == [202] * 6
        assert api.http.get("/api/canaries").status_code == 503
        assert api.http.get("/health/status").json()["spool"] == 6
        api.kill()
        api.start("/health/live")
        assert api.http.get("/health/status").json()["spool"] == 6
    until(lambda: api.http.get("/health/status").json()["spool"] == 0, "the spool to be replayed")
    assert api.http.get("/api/canaries").json() == {"s0": 1, "s1": 1, "s2": 1}


def test_a_spool_that_was_replayed_but_not_forgotten_adds_nothing(api: Any, until: Until) -> None:
    """The state that a kill between the commit and the forgetting leaves, with a half-written file as well."""
    post_canary(api, "done")
    api.kill()
    for name, content in (
        ("1-a.json", '{"id": "done"}'),
        ("2-b.json", '{"id": "new"}'),
        (".3-c.json.tmp", '{"id": "to'),
    ):
        (api.data / "spool" / name).write_text(content)
    api.start("/health/live")
    until(lambda: api.http.get("/health/status").json()["spool"] == 0, "the spool to be replayed")
    assert api.http.get("/api/canaries").json() == {"done": 1, "new": 1}


def test_listing_canaries_flushes_the_spool_first(api: Any, store_down: Any) -> None:
    degrade(api)
    with store_down():
        assert post_canary(api, "first") == 202
    assert api.http.get("/api/canaries").json() == {"first": 1}


def test_flags_survive_a_kill(api: Any) -> None:
    assert api.http.get("/internal/flags").json() == DEFAULTS
    degrade(api)
    api.kill()
    api.start("/health/live")
    assert api.http.get("/internal/flags").json() == {**DEFAULTS, "degraded_mode": True}


def test_unknown_flags_and_values_are_refused(api: Any) -> None:
    assert api.http.put("/internal/flags/other", json={"value": True}).status_code == 404
    assert api.http.put("/internal/flags/degraded_mode", json={"value": "yes"}).status_code == 400
    assert api.http.get("/internal/flags").json() == DEFAULTS


def test_it_ends_soon_after_sigterm_even_with_a_store_that_hangs(api: Any, store_slow: Any) -> None:
    with store_slow(), ThreadPoolExecutor(1) as pool:
        pending = pool.submit(httpx.post, f"{api.url}/api/canaries", json={"id": "slow"}, timeout=5)
        assert api.terminate() < 2.0
        with contextlib.suppress(httpx.TransportError):
            pending.result()
