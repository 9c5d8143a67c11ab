"""The reference services as local processes, as the process stack starts them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

STAGING = Path(__file__).parents[2] / "staging"
BOUND_S = 15.0


class Service:
    """One service on free loopback ports; its data folder outlives its processes."""

    def __init__(self, name: str, folder: Path, **env: str) -> None:
        self.name = name
        self.data = folder / name
        self.port = free_port()
        self.http = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=5)
        self._log = folder / f"{name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.env = {"PORT": str(self.port), "DATA_DIR": str(self.data), "PYTHONPATH": str(STAGING), **env}

    def start(self, path: str) -> None:
        """Start, and wait until ``path`` is answered, whatever the answer."""
        program = str(STAGING / self.name / "app.py")
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

    def make(name: str, **env: str) -> Service:
        made.append(Service(name, tmp_path, **env))
        return made[-1]

    yield make
    for service in made:
        service.close()


@pytest.fixture
def other_port() -> int:
    return free_port()


@pytest.fixture
def until() -> Callable[[Callable[[], bool], str], None]:
    return wait_for
