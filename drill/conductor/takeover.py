"""Taking a drill over after its conductor died, and finding drills that nobody works on any more."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

from drill import clock
from drill.conductor.assemble import stack_of, world_of
from drill.conductor.order import read_order
from drill.engine.closing import close
from drill.engine.recorder import Recorder
from drill.errors import JournalError, NotUndone
from drill.journal.lock import FileLock
from drill.journal.reader import examine
from drill.journal.writer import Journal, JournalFile, create, take_over
from drill.model.events import Event
from drill.runtime import AsyncRuntime
from drill.store import DrillFolder, State

_TAIL_BYTES = 65536


async def take_over_drill(folder: DrillFolder, holder: str) -> bool:
    """Continue the journal, undo everything, end the drill as interrupted; True when all is proved undone.

    The caller holds the journal's lock. ``holder``: ``guard`` or ``orphan``.
    """
    if ended(folder) and not folder.leases.all():
        return True
    order = read_order(folder)
    journal, file, events = _continue(folder, holder)
    runtime = AsyncRuntime()
    try:
        recorder = Recorder(journal, events)
        world = world_of(order, folder, stack_of(order), recorder, runtime)
        undone = await close(world, order.config, order.playbook, holder)
        detail = "the conductor was lost; " + ("everything was undone" if undone else "see the manual steps")
        recorder.emit("drill.ended", holder, durable=True, outcome="interrupted", undone=undone, detail=detail)
    finally:
        if file is not None:
            file.close()
        runtime.close()
    return undone


def _continue(folder: DrillFolder, holder: str) -> tuple[Journal, JournalFile | None, list[Event]]:
    """The drill's journal, or a recovery journal beside it: a drill that has ended keeps its head, and a damaged
    journal must not keep a fault from being undone. Nor must a full disk: then there is no file, and nothing is told.
    """
    if not ended(folder):
        try:
            return take_over(folder.journal, holder)
        except JournalError:
            pass  # damaged: what can be read of it still tells the snapshot and the mitigations
    events = list(examine(folder.journal).events)
    try:
        journal, file, lost = _beside(folder, holder)
    except (JournalError, OSError):
        return Journal(_no_space, clock.now_ns, clock.utc), None, events
    return journal, file, [*events, lost]


def _beside(folder: DrillFolder, holder: str) -> tuple[Journal, JournalFile, Event]:
    path = folder.path / f"recovery-{len(_recoveries(folder)) + 1}.jsonl"
    journal, file = create(path)
    try:
        lost = journal.append("harness.lost", holder, {"holder": holder, "cut_bytes": 0, "bridged_by_wall_clock": True})
    except JournalError:
        path.unlink()  # an empty one would pass for a drill that has ended
        file.close()
        raise
    return journal, file, lost


def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _recoveries(folder: DrillFolder) -> list[Path]:
    return sorted(folder.path.glob("recovery-*.jsonl"))


def ended(folder: DrillFolder) -> bool:
    """Whether the drill came to its end: in its journal, or in a recovery journal. One that never began has ended."""
    return any(_is_over(path) for path in (folder.journal, *_recoveries(folder)))


def _is_over(journal: Path) -> bool:
    """Whether the last complete line is ``drill.ended``, or there is no complete line at all."""
    try:
        with journal.open("rb") as file:
            file.seek(max(0, journal.stat().st_size - _TAIL_BYTES))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return True
    if len(lines) < 2:
        return True
    try:
        return bool(json.loads(lines[-2])["kind"] == "drill.ended")
    except (ValueError, KeyError):
        return False


def orphans(state: State) -> list[DrillFolder]:
    """Drills that nobody works on, and that hold a lease or never came to their end."""
    return [
        folder
        for folder in state.all_drills()
        if not folder.alive and folder.journal.exists() and (folder.leases.all() or not ended(folder))
    ]


def undo_orphans(state: State, say: Callable[[str], None], finish: Callable[[DrillFolder], None]) -> int:
    """Undo every orphan, saying so; how many. Raises NotUndone when one could not be proved undone."""
    found = orphans(state)
    left = [folder for folder in found if not _undo_orphan(folder, say, finish)]
    if left:
        words = "; ".join(
            f"drill {folder.id}: something was not proved undone; {manual_steps(folder)}" for folder in left
        )
        raise NotUndone(words)
    return len(found)


def _undo_orphan(folder: DrillFolder, say: Callable[[str], None], finish: Callable[[DrillFolder], None]) -> bool:
    lock = FileLock(folder.journal_lock)
    if not lock.take():
        return True  # somebody else is at it
    try:
        say(f"drill {folder.id} lost its conductor and its guard: undoing what it left")
        undone = asyncio.run(take_over_drill(folder, "orphan"))
    finally:
        lock.free()
    finish(folder)
    if undone:
        say(f"drill {folder.id}: everything is undone, proved")
    return undone


def manual_steps(folder: DrillFolder) -> str:
    """What to do by hand for every lease that is left, in one line."""
    steps = [step for lease in folder.leases.all() for step in lease.manual]
    return "by hand: " + "; ".join(steps) if steps else f"see `drill journal show {folder.journal}`"
