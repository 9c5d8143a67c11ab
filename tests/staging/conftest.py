"""The reference services as local processes, as the process stack starts them."""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

STAGING = Path(__file__).parents[2] / "staging"
BOUND_S = 15.0


class Stub:
    """An HTTP server that plays another service: it answers everything as told, and keeps what it was asked.

    ``delay_s`` holds each answer back; ``lost`` closes the connection instead of answering, after it has taken all in.
    """

    def __init__(self) -> None:
        self.status, self.body, self.delay_s, self.lost = 200, b"{}", 0.0, False
        self.forward: Callable[[str, bytes, dict[str, str]], int] | None = None
        self.asked: list[tuple[str, bytes]] = []
        self._closing = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        stub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                stub.asked.append((self.path, body))
                status = stub.forward(self.path, body, dict(self.headers)) if stub.forward else stub.status
                if stub._closing.wait(stub.delay_s) or stub.lost:
                    return
                self.send_response(status)
                self.send_header("Content-Length", str(len(stub.body)))
                self.end_headers()
                self.wfile.write(stub.body)

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # whoever asked has given up
                    super().handle()

            def log_message(self, *_arguments: Any) -> None:
                pass

        return Handler

    def close(self) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Service:
    """One service on free loopback ports; its data folder outlives its processes. ``DATA_DIR`` and ``PORT``
    put it in another's place."""

    def __init__(self, name: str, folder: Path, sources: Path = STAGING, **env: str) -> None:
        self.name = name
        self.data = Path(env.get("DATA_DIR", folder / name))
        self._sources = sources
        self.port = int(env.get("PORT") or free_port())
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=5)
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {"PORT": str(self.port), "DATA_DIR": str(self.data), "PYTHONPATH": str(sources), **env}

    def start(self, path: str) -> None:
        """Start, and wait until ``path`` is answered, whatever the answer."""
        program = str(self._sources / self.name / "app.py")
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, program], env={"PATH": os.environ["PATH"], **self.env}, stdout=log, stderr=log
            )
        wait_for(lambda: self._answers(path), f"{self.name} to answer")

    def _answers(self, path: str) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, self.log()
        try:
            self.http.get(path)
        except httpx.TransportError:
            return False
        return True

    def kill(self) -> None:
        """SIGKILL: nothing is tidied up."""
        assert self._process is not None
        self._process.kill()
        self._process.wait(BOUND_S)

    def terminate(self) -> float:
        """SIGTERM; how many seconds the end took."""
        assert self._process is not None
        began = time.monotonic()
        self._process.terminate()
        self._process.wait(BOUND_S)
        return time.monotonic() - began

    def ended(self) -> bool:
        assert self._process is not None
        return self._process.poll() is not None

    def log(self) -> str:
        return self._log.read_text()

    def close(self) -> None:
        self.http.close()
        if self._process is not None and self._process.poll() is None:
            self.kill()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for(condition: Callable[[], bool], what: str) -> None:
    """Look until the condition holds; fail after the bound."""
    end = time.monotonic() + BOUND_S
    while not condition():
        assert time.monotonic() < end, f"waited {BOUND_S:g} s for {what}"
        time.sleep(0.02)


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Make a service (not started yet) that ends with the test."""
    made: list[Service] = []

    def make(name: str, sources: Path = STAGING, **env: str) -> Service:
        made.append(Service(name, tmp_path, sources, **env))
        return made[-1]

    yield make
    for service in made:
        service.close()


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    yield server
    server.close()


@pytest.fixture
def other_port() -> int:
    return free_port()


@pytest.fixture
def until() -> Callable[[Callable[[], bool], str], None]:
    return wait_for


@pytest.fixture
def product(launch: Callable[..., Service], tmp_path: Path) -> dict[str, Service]:
    """The api and its vendors on one SQLite store, wired as the stack wires them; both are started."""
    api, vendors = launch("api"), launch("vendors")
    api.env["DATABASE_URL"] = f"sqlite:///{tmp_path}/store.db"
    api.env.update(dict.fromkeys(("PAYMENTS_URL", "LLM_URL", "IDENTITY_URL"), vendors.url))
    vendors.env["WEBHOOK_URL"] = f"{api.url}/api/webhooks/payments"
    vendors.start("/health")
    api.start("/health/live")
    return {"api": api, "vendors": vendors}
