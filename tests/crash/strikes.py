"""Where and how the harness is struck: seeded points over every fault kind, signal and named transition."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Literal

Who = Literal["conductor", "guard", "run"]
SEED = 20261121
IN_DRILL = ("steady.checked", "snapshot.taken", "guard.ready")
IN_FAULT = ("lease.written", "fault.applying", "fault.applied", "fault.active")
IN_UNDO = ("fault.undoing", "fault.undone", "restoration.checked")
BY_PLAN = ("fault.ended",)
"""Only where the scenario gives its fault an end."""
IN_RESPONSE = (
    "impact.began",
    "alert.fired",
    "page.delivered",
    "incident.declared",
    "mitigation.started",
    "mitigation.finished",
    "impact.ended",
)
"""Only where a script answers."""
TRANSITIONS = (*IN_DRILL, *IN_FAULT, *BY_PLAN, *IN_UNDO, *IN_RESPONSE)
"""The named transitions: each is hit at least once."""
SCRIPTED = ("api-frozen", "llm-rate-limited", "payment-webhook-500", "db-primary-down")
SCRIPTED_EACH = 4
AT_LEAST = 200
EACH_AT_LEAST = 4


@dataclass(frozen=True)
class Strike:
    """One signal: to whom, and how long after which event was written."""

    who: Who
    signal: str
    at: str = ""
    """Empty: together with the strike before."""
    after_ms: float = 0.0


@dataclass(frozen=True)
class Mode:
    """A way to strike. ``signals``: who gets what; the first at the point's transition, the next when the undo has
    begun, or at once; ``places``: transitions where it makes sense; ``outcomes`` and ``codes``: of the drill and of
    `drill run`."""

    name: str
    signals: tuple[tuple[Who, str], ...]
    outcome: str
    code: int
    places: tuple[str, ...] = TRANSITIONS
    second_at: str = "fault.undoing"

    @property
    def orphaned(self) -> bool:
        """Nobody is left to undo: the next command has to."""
        return {who for who, signal in self.signals if signal == "SIGKILL"} >= {"conductor", "guard"}

    @property
    def goes_on(self) -> bool:
        """The drill takes no notice, and comes to its own end."""
        return self.outcome == "completed"


_EARLY = ("fault.applying", "fault.applied", "fault.active")
_GUARDED = ("guard.ready", *IN_FAULT)
_KILL: tuple[Who, str] = ("conductor", "SIGKILL")
KILL = Mode("SIGKILL", (_KILL,), "interrupted", 4)
BOTH = Mode("SIGKILL both", (("guard", "SIGKILL"), _KILL), "interrupted", 4, (*_GUARDED, "fault.undoing"), "")
POLITE = (
    Mode("SIGTERM", (("conductor", "SIGTERM"),), "aborted", 130),
    Mode("SIGINT", (("conductor", "SIGINT"),), "aborted", 130),
    Mode("SIGINT to run", (("run", "SIGINT"),), "aborted", 130),
)
TWICE = (
    Mode("SIGTERM, SIGINT", (("conductor", "SIGTERM"), ("conductor", "SIGINT")), "aborted", 130, _EARLY),
    Mode("SIGINT to run, twice", (("run", "SIGINT"), ("run", "SIGINT")), "aborted", 130, _EARLY),
    Mode("SIGINT, SIGHUP", (("conductor", "SIGINT"), ("conductor", "SIGHUP")), "aborted", 130, _EARLY),
    Mode("SIGTERM, SIGKILL", (("conductor", "SIGTERM"), _KILL), "interrupted", 4, _EARLY),
    Mode("SIGKILL, SIGTERM to guard", (_KILL, ("guard", "SIGTERM")), "interrupted", 4, _EARLY),
    Mode("SIGKILL, SIGKILL to guard", (_KILL, ("guard", "SIGKILL")), "interrupted", 4, _EARLY),
    Mode("SIGKILL, SIGINT to guard", (_KILL, ("guard", "SIGINT")), "interrupted", 4, _EARLY),
    Mode("SIGKILL, SIGHUP to guard", (_KILL, ("guard", "SIGHUP")), "interrupted", 4, _EARLY),
)
IGNORED = (
    Mode("SIGHUP", (("conductor", "SIGHUP"),), "completed", 0),
    Mode("SIGHUP to run", (("run", "SIGHUP"),), "completed", -1),
)
ALONE = Mode("SIGKILL guard alone", (("guard", "SIGKILL"),), "failed", 4, _GUARDED)
_THIRD = (*POLITE, *TWICE)
_FOURTH = (*IGNORED, KILL, ALONE)
MODES = (KILL, BOTH, *_THIRD, *IGNORED, ALONE)


@dataclass(frozen=True)
class Point:
    """One drill that is struck. ``kind``: the fault kind, empty for a scenario with a script."""

    number: int
    scenario: str
    kind: str
    mode: Mode
    strikes: tuple[Strike, ...]

    @property
    def at(self) -> str:
        """The transition of the first strike."""
        return self.strikes[0].at

    @property
    def name(self) -> str:
        """For people and for `pytest -k`."""
        words = f"{self.kind or self.scenario}-{self.mode.name}-{self.at}-{self.number}"
        return words.replace(", ", "+").replace(" ", "_")


def points(planned_ends: dict[str, bool], without: set[str]) -> list[Point]:
    """The seeded points for these fault kinds, each with whether its sample gives the fault an end; 200 at least, not
    counting those of the kinds ``without`` which a machine may have to do."""
    rest = AT_LEAST - len(SCRIPTED) * SCRIPTED_EACH
    each = max(EACH_AT_LEAST, -(-rest // max(1, len(set(planned_ends) - without))))
    rows = enumerate(sorted(planned_ends.items()))
    samples = [_sample(kind, ends, row, turn) for row, (kind, ends) in rows for turn in range(each)]
    return [*samples, *(_scripted(row, turn) for row in range(len(SCRIPTED)) for turn in range(SCRIPTED_EACH))]


def _sample(kind: str, ends: bool, row: int, turn: int) -> Point:
    """Turn 0 cuts the apply itself; 1 leaves nobody to undo; the others go through modes and transitions in turn."""
    dice = random.Random(f"{SEED} {kind} {turn}")
    places = [*IN_DRILL, *IN_FAULT, *(BY_PLAN if ends else ()), *IN_UNDO]
    round_ = row + turn // 4
    if turn == 0:
        mode, places = KILL, ["fault.applying"]
    elif turn % 4 == 1:
        mode, places = BOTH, ["fault.applying", "fault.applied", "fault.active", "fault.undoing"]
    else:
        modes = (KILL, *POLITE) if turn % 4 == 0 else _THIRD if turn % 4 == 2 else _FOURTH
        mode = modes[round_ % len(modes)]
    fit = [place for place in places if place in mode.places]
    at = fit[(row * 5 + turn * 3 + round_ // len(fit)) % len(fit)]
    return _point(row * 100 + turn, f"sample-{kind.replace('.', '-')}", kind, mode, at, dice)


def _scripted(row: int, turn: int) -> Point:
    dice = random.Random(f"{SEED} {SCRIPTED[row]} {turn}")
    modes = (KILL, POLITE[row % len(POLITE)], BOTH, IGNORED[row % len(IGNORED)])
    mode = modes[turn]
    at = IN_RESPONSE[(row * SCRIPTED_EACH + turn) % len(IN_RESPONSE)]
    return _point(9000 + row * 100 + turn, SCRIPTED[row], "", mode, at, dice)


_WAITS_MS = {"fault.applying": (0, 3, 12, 40, 120, 350, 800), "restoration.checked": (0, 0, 2, 8, 20)}
"""Long enough to strike in the middle of an apply; short at the end of a drill, so that the end does not come first."""
_OTHER_WAITS_MS = (0, 0, 2, 5, 15, 40, 90, 200)


def _point(number: int, scenario: str, kind: str, mode: Mode, at: str, dice: random.Random) -> Point:
    (who, signal), *others = mode.signals
    later = tuple(Strike(*other, mode.second_at, dice.choice((0, 0, 2, 8, 25))) for other in others)
    first = Strike(who, signal, at, dice.choice(_WAITS_MS.get(at, _OTHER_WAITS_MS)))
    return Point(number, scenario, kind, mode, (first, *later))
