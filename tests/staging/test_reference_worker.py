"""The reference worker: every queued document is indexed, once, whatever dies meanwhile."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

Launch = Callable[..., Any]
Until = Callable[[Callable[[], bool], str], None]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture
def api(launch: Launch, store: Path) -> Any:
    service = launch("api", DATABASE_URL=f"sqlite:///{store}")
    service.start("/health/live")
    return service


@pytest.fixture
def worker(launch: Launch, store: Path) -> Any:
    return launch("worker", DATABASE_URL=f"sqlite:///{store}")


def upload(api: Any, name: str, content: str = "three words here") -> None:
    answer = api.http.post("/api/documents", json={"id": name, "name": name, "content": content})
    assert answer.status_code == 201


def words(api: Any) -> dict[str, int | None]:
    return {document["id"]: document["words"] for document in api.http.get("/api/documents").json()}


def test_a_document_is_indexed_and_its_job_leaves_the_queue(api: Any, worker: Any, until: Until) -> None:
    upload(api, "d1")
    assert words(api) == {"d1": None}
    worker.start("/health")
    until(lambda: words(api) == {"d1": 3}, "the document to be indexed")
    until(lambda: worker.http.get("/health").json() == {"status": "ok", "jobs_waiting": 0}, "an empty queue")
    metrics = worker.http.get("/metrics").text
    assert "jobs_done_total 1.0" in metrics
    assert "jobs_failed_total 0.0" in metrics
    assert "jobs_waiting 0.0" in metrics


def test_it_can_be_the_first_to_reach_a_new_store(api: Any, worker: Any, until: Until) -> None:
    api.kill()
    worker.start("/health")
    until(lambda: worker.http.get("/health").status_code == 200, "the worker to make the store")
    api.start("/health/live")
    assert len(api.http.get("/api/accounts").json()) == 40


def test_without_a_worker_jobs_pile_up_and_are_done_when_it_returns(api: Any, worker: Any, until: Until) -> None:
    worker.start("/health")
    worker.kill()
    for number in range(30):
        upload(api, f"d{number}")
    until(lambda: api.http.get("/health/status").json()["queue_depth"] == 30, "the jobs to be counted")
    worker.start("/health")
    until(lambda: set(words(api).values()) == {3}, "all documents to be indexed")


def test_workers_that_are_killed_all_the_time_lose_no_job_and_do_none_twice(
    api: Any, launch: Launch, store: Path, until: Until
) -> None:
    workers = [launch("worker", DATABASE_URL=f"sqlite:///{store}") for _ in range(2)]
    for worker in workers:
        worker.start("/health")
    for number in range(40):
        upload(api, f"d{number}")
        if number % 10 == 5:
            victim = workers[number // 10 % 2]
            victim.kill()
            victim.start("/health")
    until(lambda: set(words(api).values()) == {3}, "all documents to be indexed")
    until(lambda: api.http.get("/health/status").json()["queue_depth"] == 0, "an empty queue")
    assert len(words(api)) == 40


def test_it_says_that_its_store_is_down_and_goes_on_when_it_is_back(
    api: Any, worker: Any, store: Path, until: Until
) -> None:
    worker.start("/health")
    upload(api, "d1")
    until(lambda: words(api) == {"d1": 3}, "the first document to be indexed")
    away = store.with_name("away.db")
    store.rename(away)
    store.mkdir()
    until(lambda: worker.http.get("/health").status_code == 503, "the worker to miss its store")
    assert "unable to open" in worker.http.get("/health").json()["reason"]
    assert "jobs_waiting NaN" in worker.http.get("/metrics").text
    store.rmdir()
    away.rename(store)
    until(lambda: worker.http.get("/health").status_code == 200, "the worker to find its store")
    upload(api, "d2")
    until(lambda: words(api)["d2"] == 3, "the second document to be indexed")


def test_a_job_that_cannot_be_done_is_counted_and_stays(api: Any, worker: Any, store: Path, until: Until) -> None:
    worker.start("/health")
    until(lambda: worker.http.get("/health").status_code == 200, "the worker to be at work")
    with contextlib.closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("INSERT INTO documents (id, name, content) VALUES ('d1', 'n', 'one two')")
        connection.execute("INSERT INTO jobs (document) VALUES ('d1')")
        connection.execute("CREATE TRIGGER full BEFORE INSERT ON document_words BEGIN SELECT RAISE(ABORT, 'full'); END")
    until(lambda: "jobs_failed_total 0.0" not in worker.http.get("/metrics").text, "the failure to be counted")
    assert api.http.get("/health/status").json()["store"] == "up"
    with contextlib.closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DROP TRIGGER full")
    until(lambda: words(api) == {"d1": 2}, "the job to be done after all")


def test_it_ends_soon_after_sigterm(worker: Any) -> None:
    worker.start("/health")
    assert worker.terminate() < 2.0
    with pytest.raises(httpx.TransportError):
        worker.http.get("/health")
