"""The display while a drill runs: span clocks against targets, alerts, deadlines; plain lines when not a terminal."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from drill.cli.story import line_of
from drill.errors import DrillError
from drill.journal.chain import from_line
from drill.model.events import Event

if TYPE_CHECKING:
    from drill.store import DrillFolder

_LOOK_S = 0.1
_REDRAW_S = 0.25


class Tail:
    """The complete lines of a journal that were not read yet."""

    def __init__(self, folder: DrillFolder) -> None:
        self._path = folder.journal
        self._offset = 0
        self._rest = b""

    def more(self) -> list[Event]:
        """The events since the last call."""
        with self._path.open("rb") as file:
            file.seek(self._offset)
            block = file.read()
        self._offset += len(block)
        *lines, self._rest = (self._rest + block).split(b"\n")
        try:
            return [from_line(line) for line in lines]
        except DrillError:
            # The guard cut a torn line that we had read half of: begin again at what is certain.
            self._offset, self._rest = 0, b""
            return []


def follow(folder: DrillFolder) -> None:
    """Show a drill until it ends, or until nobody works on it any more. Ctrl-C is the caller's business."""
    if sys.stdout.isatty():
        _follow_live(folder)
    else:
        _follow_plainly(folder)


def _follow_plainly(folder: DrillFolder) -> None:
    tail, seen = Tail(folder), 0
    while True:
        alive = folder.alive
        for event in tail.more():
            if event.seq >= seen:
                seen = event.seq + 1
                if line := line_of(event):
                    click.echo(line)
            if event.kind == "drill.ended":
                return
        if not alive:
            return
        time.sleep(_LOOK_S)  # a file that another process writes: there is nothing to be told by


def _follow_live(folder: DrillFolder) -> None:
    from rich.live import Live

    from drill.cli.board import board

    tail, events, ended = Tail(folder), {}, False
    with Live(refresh_per_second=4, transient=False) as live:
        while not ended:
            alive = folder.alive
            events.update({event.seq: event for event in tail.more()})
            ordered = [events[seq] for seq in sorted(events)]
            ended = not alive or bool(ordered and ordered[-1].kind == "drill.ended")
            if ordered:
                live.update(board(ordered))
            time.sleep(_REDRAW_S)  # redraw rate
