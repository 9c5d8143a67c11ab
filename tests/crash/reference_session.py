"""The reference stack while drills on it are struck: up once, looked at after every drill."""

from __future__ import annotations

import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from crash_session import Run, Session
from observers import boot_ns, until
from residue import Onlooker, Picture
from strikes import Point

LOOK_WITHIN_S = 20.0
"""After this long, nothing of the fault may be seen from outside."""
_QUIET_S = 60.0
_NEXT = (("undo",), ("undo",), ("undo",), ("stack", "restore"))
"""The command after a crash of both processes, by the number of the point."""


@dataclass(frozen=True)
class Result:
    """What came of one point. ``undone_s``: from the last signal (for an orphan: from the next command) to the last
    proof of an undo; None when nothing was left to undo, or when the drill went on."""

    point: str
    kind: str
    scenario: str
    mode: str
    at: str
    exit_code: int
    outcome: str
    said_undone: bool
    orphan: bool
    undone_s: float | None
    residue: list[str]
    unreadable: list[str]
    leases: int
    output: str


class ReferenceSession(Session):
    """One stack for all points."""

    def __init__(self, home: Path, project: str, ports: dict[str, int]) -> None:
        super().__init__(home, "compose", {name: str(port) for name, port in ports.items()})
        self.project = project
        self._onlooker = Onlooker(project, ports, home)
        self._before: Picture = {}

    def up(self) -> None:
        """Start it, and take the picture that all others are held against."""
        done = self.drill("stack", "up", timeout_s=300)
        assert done.returncode == 0, done.stderr
        assert until(self._onlooker.quiet, _QUIET_S), "alerts fire at steady state"
        self._before = self._onlooker.begin(_QUIET_S)

    def renew(self) -> None:
        """After a failed point: a stack that is whole again, so that the next point tells of itself alone."""
        self._down()
        self.up()

    def close(self) -> None:
        """Take everything down."""
        self._onlooker.close()
        down = self._down()
        assert down.returncode == 0, down.stderr

    def _down(self) -> subprocess.CompletedProcess[str]:
        self.drill("undo")
        return self.drill("stack", "down", timeout_s=300)

    def residue(self, within_s: float) -> list[str]:
        """What differs from the first picture; looked at until nothing does, or the time is over."""
        return self._onlooker.residue(self._before, time.monotonic() + within_s)

    def play(self, point: Point) -> Result:
        """Run the point's drill, strike it, let whoever is left recover, and look."""
        assert until(self._onlooker.quiet, _QUIET_S), "alerts of the drill before do not clear"
        self._onlooker.refill()
        run = self.start(point.scenario)
        struck_ns = run.strike(*point.strikes)
        code, output = run.finish()
        assert until(lambda: point.mode.orphaned or not run.pids(), 90), "the harness does not come to its end"
        from_ns = struck_ns if not point.mode.goes_on else boot_ns()
        orphan = run.events()[-1]["kind"] != "drill.ended"
        if orphan:
            from_ns = boot_ns()
            output += self._recover(point)
        residue = self.residue(max(0.0, LOOK_WITHIN_S - (boot_ns() - from_ns) / 1e9))
        return self._result(point, run, code, orphan, output, residue, from_ns)

    def _recover(self, point: Point) -> str:
        done = self.drill(*_NEXT[point.number % len(_NEXT)])
        return done.stderr if done.returncode == 0 else f"Traceback? exit code {done.returncode}: {done.stderr}"

    def _result(
        self, point: Point, run: Run, code: int, orphan: bool, output: str, residue: list[str], from_ns: int
    ) -> Result:
        last = run.events()[-1]["data"]
        return Result(
            point=point.name,
            kind=point.kind,
            scenario=point.scenario,
            mode=point.mode.name,
            at=point.at,
            exit_code=code,
            outcome=str(last.get("outcome")),
            said_undone=last.get("undone") is True,
            orphan=orphan,
            undone_s=None if point.mode.goes_on else _undone_s(run, from_ns),
            residue=residue,
            unreadable=run.unreadable(),
            leases=len(self.leases()),
            output=output,
        )


def _undone_s(run: Run, from_ns: int) -> float | None:
    """Seconds to the last proof; None when nothing was left to prove."""
    events = run.events()
    proofs = [event["t"] for event in events if event["kind"] == "fault.undone"]
    after_ns = events[0]["data"]["boot_ns"] + max(proofs) - from_ns if proofs else 0
    return round(after_ns / 1e9, 2) if after_ns > 0 else None


def as_record(result: Result) -> dict[str, object]:
    """For the file of results: all but what the command printed."""
    return {name: value for name, value in asdict(result).items() if name != "output"}
