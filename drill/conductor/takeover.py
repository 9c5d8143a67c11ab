"""Taking a drill over after its conductor died, and finding drills that nobody works on any more."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

from drill.conductor.assemble import stack_of, world_of
from drill.conductor.order import read_order
from drill.engine.closing import close
from drill.engine.recorder import Recorder
from drill.errors import JournalError, NotUndone
from drill.journal.lock import FileLock
from drill.journal.writer import take_over
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
    journal, file, events = take_over(folder.journal, holder)
    runtime = AsyncRuntime()
    try:
        recorder = Recorder(journal, events)
        world = world_of(order, folder, stack_of(order), recorder, runtime)
        undone = await close(world, order.config, order.playbook, holder)
        detail = (
            "the conductor was lost; everything was undone" if undone else "the conductor was lost; see manual steps"
        )
        recorder.emit("drill.ended", holder, durable=True, outcome="interrupted", undone=undone, detail=detail)
    finally:
        file.close()
        runtime.close()
    return undone


def ended(folder: DrillFolder) -> bool:
    """Whether the last complete line of the journal is ``drill.ended``."""
    try:
        with folder.journal.open("rb") as file:
            file.seek(max(0, folder.journal.stat().st_size - _TAIL_BYTES))
            lines = file.read().split(b"\n")
    except FileNotFoundError:
        return True
    if len(lines) < 2:
        return False
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
    for folder in found:
        say(f"drill {folder.id} lost its conductor and its guard: undoing what it left")
        lock = FileLock(folder.journal_lock)
        if not lock.take():
            continue
        try:
            undone = _take_over(folder, say)
        finally:
            lock.free()
        finish(folder)
        if not undone:
            raise NotUndone(f"drill {folder.id}: something was not proved undone; {manual_steps(folder)}")
        say(f"drill {folder.id}: everything is undone, proved")
    return len(found)


def _take_over(folder: DrillFolder, say: Callable[[str], None]) -> bool:
    try:
        return asyncio.run(take_over_drill(folder, "orphan"))
    except JournalError as error:
        say(str(error))
        return not folder.leases.all()


def manual_steps(folder: DrillFolder) -> str:
    """What to do by hand for every lease that is left, in one line."""
    steps = [step for lease in folder.leases.all() for step in lease.manual]
    return "by hand: " + "; ".join(steps) if steps else f"see `drill journal show {folder.journal}`"
