"""The hat: a seeded, reproducible draw of the next scenario that avoids what was drawn recently (C7)."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drill.errors import InvalidInput
from drill.model.codec import decode, encode
from drill.model.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One draw, with all that is needed to draw it again. ``position`` counts from 0 among what was not avoided."""

    scenario_id: str
    seed: int
    pool: tuple[str, ...]
    avoided: tuple[str, ...]
    position: int
    utc: str = ""
    """When it was recorded."""


def eligible(
    scenarios: Iterable[Scenario], capabilities: frozenset[str], kind_needs: Mapping[str, frozenset[str]]
) -> tuple[str, ...]:
    """Ids of the scenarios that may be drawn on a stack: ``hat: true``, and each need is a capability of the stack.

    ``kind_needs``: fault kind to the capabilities that it needs; a kind that is absent cannot be injected.
    """
    return tuple(
        sorted(
            scenario.id
            for scenario in scenarios
            if scenario.hat
            and capabilities.issuperset(scenario.needs)
            and all(f.kind in kind_needs and capabilities >= kind_needs[f.kind] for f in scenario.faults)
        )
    )


def draw(pool: Sequence[str], recent: Sequence[str], seed: int, avoid: int) -> Draw:
    """Draw from ``pool``. ``recent``: earlier draws, latest last; the last ``avoid`` of them are left out while
    something else remains. The same arguments give the same draw. Raises InvalidInput for an empty pool."""
    names = tuple(sorted(set(pool)))
    if not names:
        raise InvalidInput(
            "the hat is empty: no scenario with `hat: true` runs on this stack; see `drill scenarios list`"
        )
    avoided = _avoided(names, recent, avoid)
    candidates = _candidates(names, avoided)
    position = int.from_bytes(hashlib.sha256(str(seed).encode()).digest()) % len(candidates)
    return Draw(scenario_id=candidates[position], seed=seed, pool=names, avoided=avoided, position=position)


def odds(pool: Sequence[str], recent: Sequence[str], avoid: int) -> dict[str, float]:
    """The probability of each scenario of the pool in the next draw, over all seeds: positions are equally likely."""
    names = tuple(sorted(set(pool)))
    candidates = _candidates(names, _avoided(names, recent, avoid))
    return {name: 1 / len(candidates) if name in candidates else 0.0 for name in names}


def _avoided(names: Sequence[str], recent: Sequence[str], avoid: int) -> tuple[str, ...]:
    """What the next draw leaves out, latest first: never the whole pool."""
    window = recent[-avoid:] if avoid > 0 else ()
    latest_first = dict.fromkeys(name for name in reversed(window) if name in names)
    return tuple(latest_first)[: max(len(names) - 1, 0)]


def _candidates(names: Sequence[str], avoided: Sequence[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name not in avoided)


def record(state_dir: Path, drawn: Draw, utc: str) -> None:
    """Append a draw to ``hat.jsonl``, synced to disk. A torn last line of an earlier crash is cut off first."""
    state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    line = json.dumps(encode(drawn) | {"utc": utc}, sort_keys=True) + "\n"
    handle = os.open(_file(state_dir), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    with os.fdopen(handle, "r+b") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        stream.seek(stream.read().rfind(b"\n") + 1)
        stream.truncate()
        stream.write(line.encode())
        stream.flush()
        os.fsync(stream.fileno())


def history(state_dir: Path) -> list[Draw]:
    """Every recorded draw, latest last. Raises InvalidInput on a line that is no draw; a torn last one is ignored."""
    try:
        raw = _file(state_dir).read_bytes()
    except FileNotFoundError:
        return []
    lines = raw[: raw.rfind(b"\n") + 1].splitlines()
    return [_read(line, f"{_file(state_dir)}:{number}") for number, line in enumerate(lines, start=1)]


def recent(state_dir: Path) -> tuple[str, ...]:
    """The ids of every recorded draw, latest last, as ``draw`` takes them. Raises InvalidInput."""
    return tuple(drawn.scenario_id for drawn in history(state_dir))


def _file(state_dir: Path) -> Path:
    return state_dir / "hat.jsonl"


def _read(line: bytes, where: str) -> Draw:
    try:
        return decode(Draw, json.loads(line))
    except (ValueError, TypeError, AttributeError):
        raise InvalidInput(f"{where}: this line is no draw of the hat; remove the line") from None
