"""The reference product's Redis: without it everything works as well, and it costs next to no time."""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.engine

Launch = Callable[..., Any]
Until = Callable[[Callable[[], bool], str], None]


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def redis(other_port: int) -> Iterator[str]:
    """A Redis in a container of its own, on a loopback port that stays when it is started again."""
    name = f"drill-test-redis-{os.getpid()}-{secrets.token_hex(3)}"
    docker(
        *(
            "run",
            "--detach",
            "--init",
            "--name",
            name,
            "--publish",
            f"127.0.0.1:{other_port}:6379",
            "drill-staging-base:local",
        ),
        *("redis-server", "--bind", "0.0.0.0", "--protected-mode", "no", "--save", ""),
    )
    try:
        yield name
    finally:
        docker("rm", "--force", name)


@pytest.fixture
def api(launch: Launch, redis: str, other_port: int, tmp_path: Path) -> Any:
    store = f"sqlite:///{tmp_path}/store.db"
    service = launch("api", DATABASE_URL=store, CACHE_URL=f"redis://127.0.0.1:{other_port}/0")
    service.start("/health/live")
    service.http.put("/internal/flags/savings_explanations", json={"value": False})
    return service


def cache_is(api: Any, state: str) -> bool:
    return bool(api.http.get("/health/status").json()["cache"] == state)


def test_figures_are_kept_in_the_cache_for_a_moment(api: Any, redis: str, until: Until) -> None:
    until(lambda: cache_is(api, "up"), "the cache to be seen")
    found = api.http.get("/api/savings").json()
    assert docker("exec", redis, "redis-cli", "--raw", "keys", "*") == "savings:1"
    assert 0 < int(docker("exec", redis, "redis-cli", "--raw", "ttl", "savings:1")) <= 30
    assert api.http.get("/api/savings").json() == found


@pytest.mark.parametrize(("out", "back"), [("pause", "unpause"), ("kill", "start")])
def test_a_cache_that_is_out_is_degraded_and_does_not_slow_the_product(
    api: Any, redis: str, until: Until, out: str, back: str
) -> None:
    until(lambda: cache_is(api, "up"), "the cache to be seen")
    docker(out, redis)
    try:
        first = api.http.get("/api/savings")
        assert (first.status_code, first.elapsed.total_seconds() < 0.5) == (200, True)
        until(lambda: cache_is(api, "down"), "the outage to be seen")
        assert api.http.get("/health/ready").json()["status"] == "degraded"
        assert api.http.get("/api/savings").elapsed.total_seconds() < 0.15
        assert 'dependency_up{dependency="cache"} 0.0' in api.http.get("/metrics").text
    finally:
        docker(back, redis)
    until(lambda: cache_is(api, "up"), "the cache to be seen again")
    assert api.http.get("/health/ready").status_code == 200
