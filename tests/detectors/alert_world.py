"""For tests of the alert path: an intake (the real one, or one with a clock of its own) and a follower beside it."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

from observers import answers, until
from small_stack import free_ports

from drill.detectors.alertmanager import IntakeFollower
from drill.model.config import IntakeConfig
from drill.model.playbook import DetectionSource
from drill.model.units import Seconds
from drill.ports import Stack

STAGING = Path(__file__).parents[2] / "staging"
TOKEN = "of the tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


def source(
    name: str = "database", alert: str = "DatabaseDown", type_: str = "prometheus", **match: str
) -> DetectionSource:
    return DetectionSource(
        name=name,
        type=type_,
        owner="o",
        runbook="r",
        service="db",
        alert=alert,
        match=match or {"profile": "smoke"},
        interval=Seconds(1),
        hold=Seconds(2),
        deadline=Seconds(2),
    )


SOURCES = (source(), source("payment-webhooks", "PaymentWebhooks"))


class Addresses:
    """The part of a stack that the follower uses: where a service listens."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.asked = threading.Event()

    def address(self, service: str, port: str) -> tuple[str, int]:
        self.asked.set()
        return "127.0.0.1", self.port

    def as_stack(self) -> Stack:
        return cast(Stack, self)


class Intake:
    """The reference stack's intake as a local process."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (self.port,) = free_ports(1)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        env = {"PORT": str(self.port), "DATA_DIR": str(self.folder), "PYTHONPATH": str(STAGING), "INTAKE_TOKEN": TOKEN}
        program = [sys.executable, str(STAGING / "intake" / "app.py")]
        self._process = subprocess.Popen(program, env={"PATH": os.environ["PATH"], **env})
        assert until(lambda: answers(("127.0.0.1", self.port))), "the intake does not answer"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def post(self, body: Any, hook: str = "alertmanager") -> int:
        answer = self._ask("POST", f"/hooks/{hook}", body)
        assert answer[0] == 202, answer
        return int(answer[1]["id"])

    def waiting(self) -> int:
        """How many events nobody has acknowledged."""
        return len(self._ask("GET", "/events?after=0")[1]["events"])

    def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request(method, path, None if body is None else json.dumps(body), BEARER)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


class OtherClock:
    """An intake whose clock is ``shift_ns`` away from ours; ``steps_ns`` is added once an event has been handed out."""

    def __init__(self) -> None:
        self.shift_ns = 0
        self.steps_ns = 0
        self.stamp_ns: int | None = None
        self._events: list[dict[str, Any]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def now_ns(self) -> int:
        return time.time_ns() + self.shift_ns

    def post(self, body: Any) -> None:
        received = self.now_ns() if self.stamp_ns is None else self.stamp_ns
        number = len(self._events) + 1
        self._events.append({"id": number, "source": "alertmanager", "received_utc_ns": received, "body": body})

    def events(self, query: str) -> dict[str, Any]:
        asked = {name: float(values[0]) for name, values in parse_qs(query).items()}
        end = time.monotonic() + min(asked["wait"], 0.05)
        while not (found := [row for row in self._events if row["id"] > asked["after"]]) and time.monotonic() < end:
            time.sleep(0.005)
        if found:
            self.shift_ns, self.steps_ns = self.shift_ns + self.steps_ns, 0
        return {"events": found, "last": len(self._events), "now_utc_ns": self.now_ns()}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        clock = self

        class Handler(BaseHTTPRequestHandler):
            def handle(self) -> None:
                with suppress(ConnectionError):  # the follower has ended
                    super().handle()

            def do_GET(self) -> None:
                self._answer(clock.events(urlsplit(self.path).query))

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                self._answer({})

            def _answer(self, content: Any) -> None:
                raw = json.dumps(content).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(raw)))
                self.end_headers()
                self.wfile.write(raw)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
                """Quiet."""

        return Handler

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


class Recorded:
    """What a follower emitted: kind, source and data, in order."""

    def __init__(self) -> None:
        self.events: list[tuple[str, str, dict[str, Any]]] = []

    def emit(self, kind: str, source: str, /, *, durable: bool = False, **data: Any) -> None:
        self.events.append((kind, source, data))

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [data for found, _, data in self.events if found == kind]

    def wait_for(self, kind: str, count: int = 1, within_s: float = 10) -> list[dict[str, Any]]:
        assert until(lambda: len(self.of(kind)) >= count, within_s), f"waited for {count} {kind}, got {self.events}"
        return self.of(kind)


@contextmanager
def following(
    port: int,
    sources: tuple[DetectionSource, ...] = SOURCES,
    token: str = TOKEN,
    relative: Callable[[int], int] = lambda boot_ns: boot_ns,
) -> Iterator[Recorded]:
    """A follower that has begun to watch, on a loop of its own; it must end when it is cancelled."""
    stack, recorded = Addresses(port), Recorded()
    follower = IntakeFollower(stack.as_stack(), IntakeConfig(service="intake", token=token), sources, relative)
    loop = asyncio.new_event_loop()
    task = loop.create_task(follower.watch(recorded.emit))
    task.add_done_callback(lambda _: loop.stop())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        assert stack.asked.wait(10)
        yield recorded
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(10)
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()
    assert task.cancelled(), f"the follower ended by itself: {task.exception()!r}"


def alert(name: str = "DatabaseDown", status: str = "firing", **changes: Any) -> dict[str, Any]:
    """One alert as Alertmanager 0.25 writes it."""
    return {
        "status": status,
        "labels": {"alertname": name, "profile": "smoke", "source": "database"},
        "annotations": {"summary": "No api replica reaches the database."},
        "startsAt": "2026-11-21T08:07:01.134Z",
        "endsAt": "0001-01-01T00:00:00Z" if status == "firing" else "2026-11-21T08:08:01.134Z",
        "generatorURL": "http://prometheus:9090/graph",
        "fingerprint": f"c0ffee-{name}",
        **changes,
    }


def notification(*alerts: dict[str, Any]) -> dict[str, Any]:
    """The body that Alertmanager's webhook posts."""
    return {
        "receiver": "intake",
        "status": "firing" if any(row["status"] == "firing" for row in alerts) else "resolved",
        "alerts": list(alerts),
        "groupLabels": {"alertname": "DatabaseDown", "profile": "smoke"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "version": "4",
        "groupKey": '{}/{profile="smoke"}:{alertname="DatabaseDown"}',
        "truncatedAlerts": 0,
    }
