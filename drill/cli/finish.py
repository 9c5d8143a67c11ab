"""After a drill: results on disk, and the exit code that its journal deserves."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from drill.errors import DrillError, Refused

if TYPE_CHECKING:
    from drill.model.events import Event
    from drill.store import DrillFolder
    from scorecards import Written

_BY_OUTCOME = {"refused": 3, "voided": 6, "aborted": 130, "failed": 4, "interrupted": 4}
NOT_UNDONE = 5
BLOCKED = 7


def write_results(folder: DrillFolder) -> None:
    """Scorecard, chart and a copy of the journal in the results folder; a drill that was refused has none."""
    from drill.journal.reader import examine

    recording = examine(folder.journal)
    if outcome_of(recording.events) != "refused":
        write_card(recording.events, recording.head, folder)


def write_card(events: Sequence[Event], head: str, folder: DrillFolder) -> Written:
    """Score a drill and write its results; where they are."""
    import scorecards
    from drill.conductor.order import read_order

    place = read_order(folder).results_folder
    written = scorecards.write(events, place, head)
    shutil.copyfile(folder.journal, place / "journal.jsonl")
    return written


def outcome_of(events: Sequence[Event]) -> str:
    """How the drill ended; ``running`` while it has not."""
    return str(events[-1].data["outcome"]) if events and events[-1].kind == "drill.ended" else "running"


def exit_code(events: Sequence[Event], passed: bool) -> int:
    """The documented exit code of a drill that has ended. What was not proved undone comes before everything."""
    outcome = outcome_of(events)
    if outcome != "refused" and not events[-1].data.get("undone"):
        return NOT_UNDONE
    if outcome == "aborted" and str(events[-1].data["detail"]).startswith("kill switch"):
        return BLOCKED
    return _BY_OUTCOME.get(outcome, 0 if passed else 1)


def refusal(events: Sequence[Event], log: Path) -> DrillError:
    """The error of a drill that was refused."""
    return Refused(str(events[-1].data["detail"]) if events else f"the drill did not start; see {log}")
