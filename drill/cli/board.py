"""The live board: span clocks against their targets, alerts, and the latest events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from drill import clock
from drill.cli.story import line_of
from drill.model.events import Event
from drill.model.reading import Reading, Span
from drill.model.spans import read
from drill.model.units import NS, format_seconds

if TYPE_CHECKING:
    from rich.console import RenderableType

_LATEST = 14
_SHOWN = ("impact", "detect", "acknowledge", "triage", "mitigate", "restore", "verify", "notify")


def board(events: Sequence[Event]) -> RenderableType:
    """What a watcher sees of a drill so far."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    import scorecards

    reading, card = read(events), scorecards.score(events)
    targets = {(row.id, row.channel): row.target_ns for row in card.rows}
    labels = " · ".join((reading.mode.upper(), *(("SMOKE",) if reading.smoke else ())))
    table = Table(title=f"{reading.drill_id} · {reading.scenario.id} · {labels}", title_justify="left", expand=True)
    for heading in ("span", "clock", "target", "left"):
        table.add_column(heading, justify="left" if heading == "span" else "right")
    for span in reading.spans:
        if span.name in _SHOWN:
            table.add_row(*_cells(span, _now(events), targets.get((span.name, span.channel))))
    story = [line for line in map(line_of, events) if line][-_LATEST:]
    return Group(table, *[Text(line) for line in _alerts(reading)], *[Text(line) for line in story])


def _now(events: Sequence[Event]) -> int:
    """Now as ns since event 0, so that clocks run between events too; the last event's time once the drill is over."""
    first, last = events[0].data, events[-1]
    if last.kind == "drill.ended" or first["boot_id"] != clock.boot_id():
        return last.t
    return max(last.t, clock.now_ns() - int(first["boot_ns"]))


def _cells(span: Span, now_ns: int, target_ns: int | None) -> Iterator[str]:
    spent = span.duration_ns
    running = span.state == "running" and span.start is not None
    if running and span.start is not None:
        spent = now_ns - span.start.t
    yield f"{span.name} {span.channel}".strip()
    yield "—" if spent is None else format_seconds(spent / NS) + (" …" if running else "")
    yield "—" if target_ns is None else format_seconds(target_ns / NS)
    yield "—" if target_ns is None or spent is None else format_seconds((target_ns - spent) / NS)


def _alerts(reading: Reading) -> Iterator[str]:
    for alert in reading.alerts:
        if alert.cleared is None:
            yield f"ALERT {alert.source} is firing"
