"""What Prometheus says of a source: clear only when a loaded rule was evaluated and none of its alerts is active."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from alert_world import SOURCES, Addresses, source
from small_stack import free_ports

from drill.detectors.alertmanager import IntakeFollower
from drill.detectors.http import HttpProber
from drill.detectors.prometheus import disagreements, rules
from drill.errors import ActionFailed
from drill.model.config import IntakeConfig
from drill.model.units import Seconds
from drill.ports import Sample

SMOKE = {"profile": "smoke", "source": "database"}
REAL = {"profile": "real", "source": "database"}


def alert(state: str = "firing", **labels: str) -> dict[str, Any]:
    return {"labels": {"alertname": "DatabaseDown", **SMOKE, **labels}, "state": state, "value": "1e+00"}


def rule(*alerts: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """One alerting rule as Prometheus 2.42 lists it."""
    return {
        "state": alerts[0]["state"] if alerts else "inactive",
        "name": "DatabaseDown",
        "query": "up == 0",
        "duration": 2,
        "labels": SMOKE,
        "annotations": {},
        "alerts": list(alerts),
        "health": "ok",
        "type": "alerting",
        **changes,
    }


def answer(*listed: dict[str, Any], interval: float = 1) -> dict[str, Any]:
    return {"status": "success", "data": {"groups": [{"name": "g", "interval": interval, "rules": list(listed)}]}}


@contextmanager
def prometheus(content: Any, status: int = 200) -> Iterator[Addresses]:
    """A server that answers every question alike, and a stack that knows only its address."""
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Addresses(server.server_port)
    finally:
        server.shutdown()
        thread.join(5)
        server.server_close()
    assert set(asked) <= {"/api/v1/rules?type=alert"}


def look(stack: Addresses, deadline_s: float = 2) -> Sample:
    async def check() -> Sample:
        prober = HttpProber(stack.as_stack())
        try:
            return await prober.check(replace(source(), deadline=Seconds(deadline_s)))
        finally:
            await prober.aclose()

    return asyncio.run(check())


@pytest.mark.parametrize("state", ["pending", "firing"])
def test_a_source_with_an_active_alert_is_not_clear(state: str) -> None:
    with prometheus(answer(rule(alert(state)))) as stack:
        sample = look(stack)
    assert not sample.ok
    assert sample.detail == "DatabaseDown{profile=smoke}: 1 pending or firing"
    assert sample.began_ns < sample.ended_ns


@pytest.mark.parametrize(
    "listed",
    [
        [rule()],
        [rule(alert("inactive"))],
        [rule(alert(profile="real"))],
        [rule(), rule(alert(profile="real"), labels=REAL)],
        [rule(alert(), name="Another"), rule()],
    ],
)
def test_a_source_is_clear_when_no_alert_with_its_name_and_labels_is_active(listed: list[dict[str, Any]]) -> None:
    with prometheus(answer(*listed)) as stack:
        sample = look(stack)
    assert sample.ok, sample.detail


def test_an_alert_whose_labels_come_from_the_expression_counts() -> None:
    with prometheus(answer(rule(alert(), labels={}))) as stack:
        assert not look(stack).ok


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (answer(), "no rule DatabaseDown{profile=smoke}"),
        (answer(rule(labels=REAL)), "no rule DatabaseDown{profile=smoke}"),
        (answer(rule(health="err", lastError="many-to-many\nmatching")), "fails: many-to-many matching"),
        (answer(rule(health="unknown")), "was not evaluated yet"),
        ({"status": "error", "error": "x"}, "not as Prometheus does"),
        ({"status": "success", "data": {"groups": 3}}, "not as Prometheus does"),
        (answer({"name": "DatabaseDown"}), "not as Prometheus does"),
        ([], "not as Prometheus does"),
        (b"<html>", "not as Prometheus does"),
        (b"[" * 100_000, "not as Prometheus does"),
    ],
)
def test_what_does_not_tell_is_not_clear(content: Any, why: str) -> None:
    with prometheus(content) as stack:
        sample = look(stack)
    assert not sample.ok
    assert why in sample.detail
    assert "\n" not in sample.detail


def test_an_error_of_prometheus_is_not_clear() -> None:
    with prometheus(answer(rule()), status=503) as stack:
        sample = look(stack)
    assert (sample.ok, sample.detail) == (False, "HTTP 503")


def test_a_prometheus_that_is_gone_or_silent_is_not_clear() -> None:
    assert not look(Addresses(free_ports(1)[0])).ok
    with socket.create_server(("127.0.0.1", 0)) as silent:
        sample = look(Addresses(silent.getsockname()[1]), deadline_s=0.2)
    assert (sample.ok, sample.detail) == (False, "no answer within 0.2 s")


def test_a_rule_that_is_as_the_playbook_says_agrees() -> None:
    with prometheus(answer(rule(), rule(labels=REAL, duration=60))) as stack:
        facts = rules(stack.as_stack(), source())
    assert facts is not None
    assert (facts.interval_s, facts.hold_s, facts.health, facts.active) == (1, 2, "ok", 0)
    assert disagreements(source(), facts) == []


def test_each_difference_from_the_playbook_is_named_with_both_values() -> None:
    with prometheus(answer(rule(duration=300, health="err", lastError="no such metric"), interval=30)) as stack:
        lines = disagreements(source(), rules(stack.as_stack(), source()))
    assert lines == [
        "source database: DatabaseDown{profile=smoke} evaluated every 30 s, the playbook says 1 s (interval)",
        "source database: DatabaseDown{profile=smoke} fires after 300 s, the playbook says 2 s (hold)",
        "source database: DatabaseDown{profile=smoke} cannot be evaluated: no such metric",
    ]


def test_the_follower_compares_every_source_and_names_a_missing_rule() -> None:
    with prometheus(answer(rule(duration=3))) as stack:
        intake = IntakeConfig(service="intake", token="t")
        lines = IntakeFollower(stack.as_stack(), intake, SOURCES, lambda at_ns: at_ns).disagreements()
    assert lines == [
        "source database: DatabaseDown{profile=smoke} fires after 3 s, the playbook says 2 s (hold)",
        "source payment-webhooks: prometheus has no rule PaymentWebhooks{profile=smoke}",
    ]


@pytest.mark.parametrize(("content", "status"), [(b"<html>", 200), ({"status": "error"}, 200), ([], 200), ({}, 500)])
def test_rules_that_cannot_be_read_fail_in_one_line(content: Any, status: int) -> None:
    with prometheus(content, status) as stack, pytest.raises(ActionFailed, match="prometheus") as caught:
        rules(stack.as_stack(), source())
    assert "\n" not in str(caught.value)
