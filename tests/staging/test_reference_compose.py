"""The reference API on PostgreSQL: what it does while the database hangs or is gone, seen over HTTP."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from drill.stacks.compose import ComposeStack

pytestmark = pytest.mark.engine

Until = Callable[[Callable[[], bool], str], None]


@pytest.fixture
def api(compose_stack: ComposeStack) -> Iterator[httpx.Client]:
    host, port = compose_stack.address("api", "http")
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=5) as client:
        yield client
        client.put("/internal/flags/degraded_mode", json={"value": False})


@pytest.fixture(params=["paused", "killed"])
def database_out(request: pytest.FixtureRequest, compose_stack: ComposeStack) -> Iterator[Callable[[], object]]:
    """The database does not answer; calling the fixture brings it back."""
    begin, end = {
        "paused": (compose_stack.pause, compose_stack.unpause),
        "killed": (compose_stack.kill, compose_stack.start),
    }[request.param]
    begin("db")
    try:
        yield lambda: end("db")
    finally:
        compose_stack.restart("db")
        assert compose_stack.wait_healthy("db", 30)


def ready(api: httpx.Client) -> bool:
    return api.get("/health/ready").json()["status"] == "ok"


def test_a_database_that_is_out_is_told_in_time_and_its_return_is_seen(
    api: httpx.Client, database_out: Callable[[], object], until: Until
) -> None:
    down = api.get("/health/ready")
    assert (down.status_code, down.json()["status"]) == (503, "down")
    accounts = api.get("/api/accounts")
    assert accounts.status_code == 503
    assert max(down.elapsed, accounts.elapsed).total_seconds() < 1.0
    assert api.get("/health/live").status_code == 200
    database_out()
    until(lambda: ready(api), "the API to find its database again")
    assert api.get("/api/accounts").status_code == 200


def test_writes_spooled_while_the_database_is_out_are_committed_once_each(
    api: httpx.Client, database_out: Callable[[], object], until: Until, request: pytest.FixtureRequest
) -> None:
    assert api.put("/internal/flags/degraded_mode", json={"value": True}).status_code == 200
    written = [f"{request.node.name}-{number}" for number in range(3)]
    assert {api.post("/api/canaries", json={"id": canary}).status_code for canary in written} == {202}
    database_out()
    until(lambda: ready(api), "the API to find its database again")
    counts = api.get("/api/canaries").json()
    assert [counts[canary] for canary in written] == [1, 1, 1]
