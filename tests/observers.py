"""Observers from outside: sockets, /proc and the plain Docker command line. They share no code with drill."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

DOCKER = "/usr/bin/docker" if Path("/usr/bin/docker").exists() else "docker"


def boot_ns() -> int:
    """Nanoseconds of the clock that counts suspend."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def answers(address: tuple[str, int], path: str = "/health", timeout_s: float = 0.3) -> bool:
    """Whether a new connection gets HTTP 200 in time."""
    connection = http.client.HTTPConnection(*address, timeout=timeout_s)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def process_letter(pid: int) -> str:
    """The letter of /proc/PID/stat; empty when there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return ""


def process_ended(pid: int) -> bool:
    """Gone, or a zombie without any other thread: a dead first thread alone may leave the sockets open."""
    letter = process_letter(pid)
    return letter == "" or (letter in "ZX" and _threads(pid) <= 1)


def _threads(pid: int) -> int:
    """How many threads the kernel lists; none when the process has gone while we looked."""
    try:
        return len(os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return 0


def processes_with(name: str, value: str) -> set[int]:
    """Pids whose environment holds name=value."""
    wanted = f"{name}={value}".encode()
    return {int(path.parent.name) for path in Path("/proc").glob("[0-9]*/environ") if wanted in _entries(path)}


def _entries(path: Path) -> list[bytes]:
    try:
        return path.read_bytes().split(b"\0")
    except OSError:
        return []


def docker_state(container: str) -> dict[str, object]:
    """`docker inspect`'s State."""
    done = subprocess.run([DOCKER, "inspect", container], capture_output=True, check=True, timeout=20)
    found: dict[str, object] = json.loads(done.stdout)[0]["State"]
    return found


class Outside:
    """One service instance, seen from outside: `instance` is a container id, or pid:start."""

    def __init__(self, instance: str) -> None:
        self.instance = instance
        self.container = ":" not in instance
        self.pid = int(str(docker_state(instance)["Pid"])) if self.container else int(instance.split(":")[0])

    def paused(self) -> bool:
        """By the engine's word, or stopped by a signal."""
        return bool(docker_state(self.instance)["Paused"]) if self.container else process_letter(self.pid) == "T"

    def ended(self) -> bool:
        """Its first process (as it was when this observer was made) has ended."""
        return process_ended(self.pid)

    def frozen(self) -> bool:
        """What the kernel says: quick enough to time it."""
        if not self.container:
            return process_letter(self.pid) == "T"
        groups = dict(line.split(":", 2)[1:] for line in Path(f"/proc/{self.pid}/cgroup").read_text().splitlines())
        if "freezer" in groups:
            return "FROZEN" in Path(f"/sys/fs/cgroup/freezer{groups['freezer']}/freezer.state").read_text()
        return "frozen 1" in Path(f"/sys/fs/cgroup{groups['']}/cgroup.events").read_text()


class Watch:
    """Looks at a condition again and again from a thread of its own, until it holds."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        self._condition = condition
        self._span = (0, 0)
        self._stop = False
        self._looking = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Watch:
        self._thread.start()
        assert self._looking.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        self._thread.join(5)

    def span(self) -> tuple[int, int]:
        """Between which instants (boot clock, ns) it began to hold."""
        self._thread.join(5)
        if not self._span[1]:
            pytest.fail("the condition never held")
        return self._span

    def _look(self) -> None:
        not_yet, last = boot_ns(), False
        while not last:
            last, looked = self._stop, boot_ns()
            if self._condition():
                self._span = (not_yet, boot_ns())
                return
            not_yet = looked
            self._looking.set()
            time.sleep(0.0002)


def until(condition: Callable[[], bool], within_s: float = 10) -> bool:
    """Wait for a condition, with a bound."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
