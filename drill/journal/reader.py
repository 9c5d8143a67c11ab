"""Reading a journal: to its last complete line, and checking its chain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drill.errors import InvalidInput, JournalError
from drill.journal import chain
from drill.model.events import GENESIS, KINDS, Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The events of a journal, how many bytes of a torn last line were left out, and the head of the chain."""

    events: tuple[Event, ...]
    torn_bytes: int
    head: str
    problems: tuple[str, ...] = ()
    """Breaks of the chain, as ``line N: what``; empty when it is whole."""


def read(path: Path) -> Recording:
    """Every complete line. Raises InvalidInput for no readable file and JournalError for a broken line or chain."""
    recording = examine(path)
    if recording.problems:
        raise JournalError(f"{path}: {recording.problems[0]}; it was edited or damaged, so it is not judged")
    return recording


def examine(path: Path) -> Recording:
    """Every complete line with a list of problems instead of an error. Raises InvalidInput for no readable file."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path}: {error.strerror}; give the path of a journal.jsonl") from error
    lines = content.split(b"\n")
    torn = lines.pop()
    events, problems = _parse(lines)
    head = chain.link(lines[-1]) if lines else GENESIS
    return Recording(events=tuple(events), torn_bytes=len(torn), head=head, problems=tuple(problems))


def _parse(lines: Sequence[bytes]) -> tuple[list[Event], list[str]]:
    events: list[Event] = []
    problems: list[str] = []
    previous = GENESIS
    for number, line in enumerate(lines, start=1):
        try:
            event = chain.from_line(line)
        except JournalError as error:
            problems.append(f"line {number}: {error}")
            break
        problems += [f"line {number}: {fault}" for fault in _faults(event, line, number, previous, events)]
        events.append(event)
        previous = chain.link(line)
    return events, problems


def _faults(event: Event, line: bytes, number: int, previous: str, events: Sequence[Event]) -> list[str]:
    faults = []
    if event.prev != previous:
        faults.append("does not follow from the line before it (its `prev` is another hash)")
    if event.seq != number - 1:
        faults.append(f"has seq {event.seq} where {number - 1} belongs")
    if events and event.t < events[-1].t:
        faults.append("goes back in time")
    if event.kind not in KINDS:
        faults.append(f"has the unknown kind {event.kind!r}")
    if chain.to_line(event) != line:
        faults.append("is not in canonical form")
    return faults
