"""Runs real drills in real processes, kills them at named transitions, and looks from outside."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from observers import answers, docker_state, process_letter, processes_with, until

from drill.journal.reader import Recording, examine

TRANSITIONS = (
    "steady.checked",
    "snapshot.taken",
    "guard.ready",
    "lease.written",
    "fault.applying",
    "fault.applied",
    "fault.active",
    "impact.began",
    "alert.fired",
    "page.delivered",
    "incident.declared",
    "mitigation.started",
    "mitigation.finished",
    "impact.ended",
    "fault.undoing",
    "fault.undone",
    "restoration.checked",
)
"""Where a drill can be cut: each is hit at least once among the points."""
POINTS = 20


@dataclass(frozen=True)
class Point:
    """One place to kill: right after ``kind`` was written, plus a few seeded milliseconds."""

    number: int
    kind: str
    after_ms: float
    scenario: str


def points(scenarios: tuple[str, ...]) -> list[Point]:
    """The 20 seeded points."""
    dice = random.Random(20260807)
    kinds = [*TRANSITIONS, *dice.choices(TRANSITIONS, k=POINTS - len(TRANSITIONS))]
    return [
        Point(number, kind, dice.choice((0, 0, 2, 5, 15, 40, 90)), scenarios[number % len(scenarios)])
        for number, kind in enumerate(kinds)
    ]


class Session:
    """A project folder with its stack up."""

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
        assert until(lambda: any((f / "journal.jsonl").exists() for f in set(self.folders()) - before), 20)
        (folder,) = set(self.folders()) - before
        return Run(folder, process)

    def folders(self) -> list[Path]:
        """Every drill's folder."""
        drills = self.home / ".drill" / "drills"
        return list(drills.iterdir()) if drills.is_dir() else []

    def leases(self) -> list[Path]:
        """Every lease on disk."""
        return [lease for folder in self.folders() for lease in (folder / "leases").glob("*.json")]

    def ports(self) -> dict[str, int]:
        """Service to published HTTP port, from what the stack was started with."""
        if self.kind == "compose":
            names = {"api": "API", "mail": "MAIL_HTTP", "statuspage": "STATUSPAGE"}
            return {service: int(self.env[f"SMALL_{name}_PORT"]) for service, name in names.items()}
        found: dict[str, int] = {}
        for service in ("api", "mail", "statuspage"):
            for pid in processes_with("DRILL_SERVICE", service) & self._mine():
                found[service] = int(_environ(pid)["PORT"])
        return found

    def _mine(self) -> set[int]:
        """Pids of this folder's services: their data lies below it."""
        services = [processes_with("DRILL_SERVICE", service) for service in ("api", "mail", "statuspage")]
        return {pid for pids in services for pid in pids if str(self.home) in _environ(pid).get("DATA_DIR", "")}

    def whole(self, ports: dict[str, int]) -> bool:
        """Seen from outside: every service answers, and nothing of it is frozen."""
        paths = {"api": "/health/ready", "mail": "/health", "statuspage": "/health"}
        good = all(answers(("127.0.0.1", port), paths[service], 0.5) for service, port in ports.items())
        return good and not self._frozen()

    def _frozen(self) -> bool:
        if self.kind == "compose":
            project = self.env["DRILL_TEST_PROJECT"]
            listed = subprocess.run(
                ["/usr/bin/docker", "ps", "-aq", "--filter", f"label=com.docker.compose.project={project}"],
                capture_output=True,
                text=True,
                check=True,
            )
            return any(state["Paused"] or not state["Running"] for state in map(docker_state, listed.stdout.split()))
        return any(process_letter(pid) == "T" for pid in self._mine())


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

    def events(self) -> list[dict[str, Any]]:
        """Its complete lines so far."""
        return [json.loads(line) for line in (self.folder / "journal.jsonl").read_bytes().split(b"\n")[:-1]]

    def reach(self, kind: str, within_s: float = 60) -> bool:
        """Wait until the journal holds an event of that kind."""
        wanted = f'"kind":"{kind}"'.encode()
        journal = self.folder / "journal.jsonl"
        deadline = time.monotonic() + within_s
        while wanted not in journal.read_bytes():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.001)
        return True

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

    def kill(self, *roles: str) -> None:
        """SIGKILL these processes of ours, by pid."""
        pids = self.pids()
        for role in roles:
            if role in pids:
                os.kill(pids[role], signal.SIGKILL)

    def finish(self, within_s: float = 60) -> tuple[int, str]:
        """Exit code and output of `drill run`."""
        output, _ = self.process.communicate(timeout=within_s)
        return self.process.returncode, output

    def recording(self) -> Recording:
        """The journal to its last complete line."""
        return examine(self.folder / "journal.jsonl")
