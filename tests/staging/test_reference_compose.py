"""The reference stack as a whole under Compose: what customers and alerting see while parts of it are broken."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from drill.stacks.compose import ComposeStack

pytestmark = pytest.mark.engine

Until = Callable[[Callable[[], bool], str], None]
TOKEN = {"Authorization": "Bearer staging-only"}


def docker(*arguments: str) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def containers(stack: ComposeStack, service: str = "") -> list[str]:
    """Those that run, of one service or of all."""
    labels = [f"label=com.docker.compose.project={stack.identity().project}"]
    labels += [f"label=com.docker.compose.service={service}"] if service else []
    return docker("ps", "-q", *(f"--filter={label}" for label in labels)).split()


@contextmanager
def client(stack: ComposeStack, service: str) -> Iterator[httpx.Client]:
    host, port = stack.address(service, "http")
    with httpx.Client(base_url=f"http://{host}:{port}", timeout=10) as found:
        yield found


@pytest.fixture
def api(reference_stack: ComposeStack) -> Iterator[httpx.Client]:
    """Both replicas, through the gateway."""
    with client(reference_stack, "api") as found:
        yield found
        found.put("/internal/flags/degraded_mode", json={"value": False})


@pytest.fixture
def one_replica(reference_stack: ComposeStack) -> Iterator[str]:
    """One of the two; it runs again afterwards."""
    chosen = containers(reference_stack, "api")[0]
    yield chosen
    if docker("inspect", "-f", "{{.State.Paused}}", chosen) == "true":
        docker("unpause", chosen)
    docker("start", chosen)
    assert reference_stack.wait_healthy("api", 30)


class Alerts:
    """What Alertmanager told the intake since this was made."""

    def __init__(self, intake: httpx.Client) -> None:
        self._intake = intake
        self._after = max((event["id"] for event in self._events(0)), default=0)

    def _events(self, after: int) -> list[dict[str, Any]]:
        answer = self._intake.get("/events", params={"after": after}, headers=TOKEN)
        assert answer.status_code == 200
        return list(answer.json()["events"])

    def told(self, alert: str, status: str) -> bool:
        """With the short times of CI."""
        wanted = {"alertname": alert, "profile": "smoke"}
        bodies = [event["body"] for event in self._events(self._after)]
        return any(body["groupLabels"] == wanted and body["status"] == status for body in bodies)


@pytest.fixture
def alerts(reference_stack: ComposeStack) -> Iterator[Alerts]:
    with client(reference_stack, "intake") as intake:
        yield Alerts(intake)


@pytest.fixture(params=["paused", "killed"])
def database_out(request: pytest.FixtureRequest, reference_stack: ComposeStack) -> Iterator[Callable[[], object]]:
    """The database does not answer; calling the fixture brings it back."""
    begin, end = {
        "paused": (reference_stack.pause, reference_stack.unpause),
        "killed": (reference_stack.kill, reference_stack.start),
    }[request.param]
    begin("db-primary")
    try:
        yield lambda: end("db-primary")
    finally:
        reference_stack.restart("db-primary")
        assert reference_stack.wait_healthy("db-primary", 30)


def ready(api: httpx.Client) -> bool:
    answer = api.get("/health/ready")
    return answer.status_code == 200 and answer.json()["status"] == "ok"


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
    written = [f"{request.node.name}-{number}-{time.time_ns()}" for number in range(4)]
    assert {api.post("/api/canaries", json={"id": canary}).status_code for canary in written} == {202}
    database_out()
    until(lambda: set(written) <= set(api.get("/api/canaries").json()), "every spooled write to be there")
    counts = api.get("/api/canaries").json()
    assert [counts[canary] for canary in written] == [1, 1, 1, 1]


def test_an_alert_and_its_end_reach_the_intake(
    reference_stack: ComposeStack, api: httpx.Client, alerts: Alerts, until: Until
) -> None:
    reference_stack.kill("db-primary")
    until(lambda: alerts.told("DatabaseDown", "firing"), "the alert to arrive")
    reference_stack.start("db-primary")
    until(lambda: alerts.told("DatabaseDown", "resolved"), "its end to arrive")
    until(lambda: ready(api), "the API to find its database again")


@contextmanager
def gets_in_a_row(api: httpx.Client) -> Iterator[list[tuple[int, float]]]:
    """Status and seconds of one request after the other, meanwhile."""
    seen: list[tuple[int, float]] = []
    over = threading.Event()

    def ask() -> None:
        while not over.is_set():
            answer = api.get("/api/accounts")
            seen.append((answer.status_code, answer.elapsed.total_seconds()))

    asking = threading.Thread(target=ask)
    asking.start()
    try:
        yield seen
    finally:
        over.set()
        asking.join()


def test_no_get_fails_while_one_replica_dies_and_comes_back(
    api: httpx.Client, one_replica: str, until: Until, reference_stack: ComposeStack
) -> None:
    with gets_in_a_row(api) as seen:
        docker("kill", one_replica)
        dead = len(seen)
        until(lambda: len(seen) > dead + 200, "requests to go on")
        docker("start", one_replica)
        assert reference_stack.wait_healthy("api", 30)
        back = len(seen)
        until(lambda: len(seen) > back + 50, "requests to go on")
    assert {status for status, _ in seen} == {200}
    assert max(seconds for _, seconds in seen) < 1.5


def answered(replica: str) -> int:
    """How many requests to paths that do not exist this replica has taken."""
    page = docker("exec", replica, "curl", "-fsS", "http://127.0.0.1:8000/metrics")
    counts = re.findall(r'^http_requests_total\{method="POST",route="other",status="\d+"\} (\S+)', page, re.MULTILINE)
    return round(sum(float(count) for count in counts))


def test_a_post_to_a_replica_that_hangs_is_never_sent_to_the_other_one(
    api: httpx.Client, one_replica: str, until: Until, reference_stack: ComposeStack
) -> None:
    replicas = containers(reference_stack, "api")
    before = sum(answered(replica) for replica in replicas)
    docker("pause", one_replica)
    statuses = [api.post("/no/such/path").status_code for _ in range(4)]
    docker("unpause", one_replica)
    assert set(statuses) == {404, 504}  # every other one hit the replica that hangs
    until(lambda: sum(answered(replica) for replica in replicas) == before + 4, "each request to be taken once")


def targets(prometheus: httpx.Client) -> int:
    answer = prometheus.get("/api/v1/query", params={"query": 'count(up{job="api"} == 1)'}).json()["data"]["result"]
    return int(answer[0]["value"][1]) if answer else 0


def test_prometheus_and_the_gateway_follow_the_replicas(
    reference_stack: ComposeStack, one_replica: str, until: Until
) -> None:
    with client(reference_stack, "prometheus") as prometheus:
        until(lambda: targets(prometheus) == 2, "both replicas to be watched")
        docker("stop", one_replica)
        until(lambda: targets(prometheus) == 1, "one replica to be watched")
        docker("start", one_replica)
        until(lambda: targets(prometheus) == 2, "both replicas to be watched again")


def test_the_bad_release_makes_the_payment_webhooks_alert_and_the_good_one_ends_it(
    reference_stack: ComposeStack, api: httpx.Client, alerts: Alerts, until: Until
) -> None:
    good = reference_stack.image("api")
    reference_stack.deploy("api", "drill-staging-app:payments-2")
    try:
        assert api.get("/health/status").json()["release"] == "reference-2"
        until(lambda: alerts.told("PaymentWebhooks", "firing"), "the alert to arrive")
    finally:
        reference_stack.deploy("api", good)
    assert api.get("/health/status").json()["release"] == "reference-1"
    until(lambda: alerts.told("PaymentWebhooks", "resolved"), "its end to arrive")


def test_no_service_runs_as_root(reference_stack: ComposeStack) -> None:
    users = {container: docker("exec", container, "id", "-u") for container in containers(reference_stack)}
    assert len(users) == 15
    assert "0" not in users.values()


def test_everything_is_labelled_as_staging_and_published_on_loopback_only(reference_stack: ComposeStack) -> None:
    found = json.loads(docker("inspect", *containers(reference_stack)))
    assert {one["Config"]["Labels"].get("drill.staging") for one in found} == {"true"}
    assert {one["HostConfig"]["RestartPolicy"]["Name"] for one in found} <= {"no", ""}
    bindings = [
        binding for one in found for bound in (one["HostConfig"]["PortBindings"] or {}).values() for binding in bound
    ]
    assert {binding["HostIp"] for binding in bindings} == {"127.0.0.1"}
    volumes = [mount["Name"] for one in found for mount in one["Mounts"] if mount["Type"] == "volume"]
    assert {one["Labels"].get("drill.staging") for one in json.loads(docker("volume", "inspect", *volumes))} == {"true"}
