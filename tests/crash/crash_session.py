"""Runs real drills in real processes, strikes them at named transitions, and looks from outside."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from observers import answers, boot_ns, process_letter, processes_with, until
from strikes import Strike

from drill.journal.reader import Recording, examine

_SERVICES = {"api": "/health/ready", "mail": "/health", "statuspage": "/health"}


class Session:
    """A project folder whose stack is up. ``kind``: `process` or `compose`."""

    def __init__(self, home: Path, kind: str, env: dict[str, str]) -> None:
        self.home = home
        self.kind = kind
        self.env = os.environ | env

    def drill(self, *words: str, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [sys.executable, "-m", "drill", *words],
            cwd=self.home,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    def start(self, scenario: str) -> Run:
        """Start a drill and come back when its journal exists."""
        before = set(self.folders())
        process = subprocess.Popen(
            [sys.executable, "-m", "drill", "run", scenario, "--stack", self.kind, "--seed", "1"],
            cwd=self.home,
            env=self.env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        began = until(lambda: any((f / "journal.jsonl").exists() for f in set(self.folders()) - before), 20)
        assert began, _output(process)
        (folder,) = set(self.folders()) - before
        return Run(folder, process)

    def folders(self) -> list[Path]:
        """Every drill's folder."""
        drills = self.home / ".drill" / "drills"
        return list(drills.iterdir()) if drills.is_dir() else []

    def leases(self) -> list[Path]:
        """Every lease on disk."""
        return [lease for folder in self.folders() for lease in (folder / "leases").glob("*.json")]

    def local_ports(self) -> dict[str, int]:
        """Service to HTTP port, of a process stack, from the kernel's list of processes."""
        pids = {service: processes_with("DRILL_SERVICE", service) & self._mine() for service in _SERVICES}
        return {service: int(_environ(pid)["PORT"]) for service, found in pids.items() for pid in found}

    def _mine(self) -> set[int]:
        """Pids of this folder's services: their data lies below it."""
        pids = {pid for service in _SERVICES for pid in processes_with("DRILL_SERVICE", service)}
        return {pid for pid in pids if str(self.home) in _environ(pid).get("DATA_DIR", "")}

    def whole(self, ports: dict[str, int]) -> bool:
        """Seen from outside: every local service answers, and none is frozen."""
        good = all(answers(("127.0.0.1", port), _SERVICES[service], 0.5) for service, port in ports.items())
        return good and not any(process_letter(pid) == "T" for pid in self._mine())


def _output(process: subprocess.Popen[str]) -> str:
    """Of a command that did not begin; it is ended."""
    process.kill()
    return process.communicate(timeout=10)[0]


def _environ(pid: int) -> dict[str, str]:
    try:
        entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    return dict(entry.decode().split("=", 1) for entry in entries if b"=" in entry)


@dataclass
class Run:
    """A drill that was started."""

    folder: Path
    process: subprocess.Popen[str]
    heirs: list[subprocess.Popen[str]] = field(default_factory=list)
    """Commands that go on with its journal."""
    _tail: Iterator[str] = field(init=False)

    def __post_init__(self) -> None:
        self._tail = self._kinds()

    def events(self) -> list[dict[str, Any]]:
        """Its complete lines so far."""
        return [json.loads(line) for line in (self.folder / "journal.jsonl").read_bytes().split(b"\n")[:-1]]

    def _kinds(self) -> Iterator[str]:
        """The kind of each event as it is written; empty while there is none."""
        rest = b""
        with (self.folder / "journal.jsonl").open("rb") as file:
            while True:
                *lines, rest = (rest + file.read()).split(b"\n")
                yield from (json.loads(line)["kind"] for line in lines)
                yield ""

    def reach(self, kind: str, within_s: float = 60) -> bool:
        """Wait until the journal holds an event of that kind, after those that were waited for before."""
        deadline = time.monotonic() + within_s
        for found in self._tail:
            if found == kind:
                return True
            if not found and (time.monotonic() > deadline or self._over()):
                return False
            if not found:
                time.sleep(0.001)  # a file that another process writes: there is nothing to be told by
        return False

    def _over(self) -> bool:
        return all(one.poll() is not None for one in (self.process, *self.heirs)) and not self.pids()

    def pids(self) -> dict[str, int]:
        """The conductor's and the guard's pids, from the kernel's list of processes."""
        found: dict[str, int] = {}
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                words = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if str(self.folder).encode() in words:
                role = "guard" if b"_guard" in words else "conductor"
                found[role] = int(path.parent.name)
        return found

    def strike(self, *strikes: Strike) -> int:
        """Send each signal at its time; the instant of the last (boot clock, ns)."""
        struck = 0
        targets = self._targets()
        for strike in strikes:
            if strike.at:
                assert self.reach(strike.at), f"{strike.at} was never reached; {self.story()}"
            end = time.perf_counter() + strike.after_ms / 1000
            if strike.who not in targets:
                targets = self._targets()
            while time.perf_counter() < end:
                pass
            struck = boot_ns()
            _send(targets.get(strike.who, 0), strike.signal)
        return struck

    def _targets(self) -> dict[str, int]:
        return self.pids() | {"run": self.process.pid}

    def kill(self, *roles: str) -> None:
        """SIGKILL these processes of ours, by pid."""
        pids = self.pids()
        for role in roles:
            _send(pids.get(role, 0), "SIGKILL")

    def finish(self, within_s: float = 90) -> tuple[int, str]:
        """Exit code and output of `drill run`."""
        output, _ = self.process.communicate(timeout=within_s)
        return self.process.returncode, output

    def recording(self) -> Recording:
        """The journal to its last complete line."""
        return examine(self.folder / "journal.jsonl")

    def unreadable(self) -> list[str]:
        """What is wrong with its journals, the recovery ones too."""
        found = [(path.name, examine(path)) for path in sorted(self.folder.glob("*.jsonl"))]
        return [
            f"{name}: {one.problems} torn {one.torn_bytes}" for name, one in found if one.problems or one.torn_bytes
        ]

    def story(self) -> str:
        """The kinds of all events, and the log, for a failure's message."""
        log = (self.folder / "conductor.log").read_text(errors="replace")[-500:]
        errors = [event["data"] for event in self.events() if event["kind"] in ("harness.error", "fault.undo-failed")]
        return f"{[event['kind'] for event in self.events()]} {errors} {log}"


def _send(pid: int, name: str) -> None:
    """To a process of ours that may just have ended."""
    if not pid:
        return
    try:
        os.kill(pid, getattr(signal, name))
    except ProcessLookupError:
        return
