"""The journal's writer, and how a second process takes it over."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from drill import clock
from drill.errors import JournalError
from drill.journal import chain
from drill.journal.reader import read
from drill.journal.redact import redact
from drill.model.events import GENESIS, KINDS, Event

Store = Callable[[bytes, bool], None]
"""Writes one line with its newline; the flag asks for fsync."""


def utc_text(moment: datetime) -> str:
    """UTC with milliseconds, for the annotation of an event."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Journal:
    """Appends events. ``origin_ns`` is event 0 on the boot clock."""

    def __init__(
        self,
        store: Store,
        now_ns: Callable[[], int],
        utc: Callable[[], datetime],
        *,
        origin_ns: int | None = None,
        last: Event | None = None,
    ) -> None:
        self._store = store
        self._now_ns = now_ns
        self._utc = utc
        self.origin_ns = now_ns() if origin_ns is None else origin_ns
        self._seq = -1 if last is None else last.seq
        self._t = 0 if last is None else last.t
        self.head = GENESIS if last is None else chain.link(chain.to_line(last))

    def begin(self) -> None:
        """Start the clock now: what comes next is event 0."""
        self.origin_ns = self._now_ns()

    def append(self, kind: str, source: str, data: Mapping[str, Any], *, durable: bool = False) -> Event:
        """Write one event; with ``durable`` it is on disk before this returns. Raises JournalError."""
        if kind not in KINDS:
            raise JournalError(f"event kind {kind!r} is not in the list of kinds")
        if self._seq >= 0:
            self._t = max(self._t, self._now_ns() - self.origin_ns)
        event = Event(
            seq=self._seq + 1,
            t=self._t,
            utc=utc_text(self._utc()),
            kind=kind,
            source=source,
            data=redact(data),
            prev=self.head,
        )
        line = chain.to_line(event)
        try:
            self._store(line + b"\n", durable)
        except OSError as error:
            why = f"the journal cannot be written: {error.strerror}; free space, then `drill undo`"
            raise JournalError(why) from error
        self._seq = event.seq
        self.head = chain.link(line)
        return event


class JournalFile:
    """The append-only file behind a journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def store(self, line: bytes, durable: bool) -> None:
        """Write a whole line; a short write is completed or raises OSError."""
        rest = memoryview(line)
        while rest:
            rest = rest[os.write(self._fd, rest) :]
        if durable:
            os.fsync(self._fd)

    def close(self) -> None:
        """Flush to disk and close."""
        os.fsync(self._fd)
        os.close(self._fd)


def create(path: Path) -> tuple[Journal, JournalFile]:
    """A new journal. Raises JournalError when there is one already."""
    if path.exists():
        raise JournalError(f"{path}: there is a journal already; a drill never appends to another's")
    file = JournalFile(path)
    return Journal(file.store, clock.now_ns, clock.utc), file


def take_over(path: Path, holder: str) -> tuple[Journal, JournalFile, list[Event]]:
    """Continue a journal whose writer died: cut a torn last line, keep its clock, append ``harness.lost``.

    The caller holds the journal's lock. On another boot the gap is bridged by wall time, and the event says so.
    """
    recording = read(path)
    if not recording.events:
        raise JournalError(f"{path}: holds no complete line, so nothing was leased and there is nothing to undo")
    if recording.torn_bytes:
        os.truncate(path, path.stat().st_size - recording.torn_bytes)
    first, last = recording.events[0], recording.events[-1]
    same_boot = first.data.get("boot_id") == clock.boot_id()
    origin = int(first.data["boot_ns"]) if same_boot else _bridge(last)
    file = JournalFile(path)
    journal = Journal(file.store, clock.now_ns, clock.utc, origin_ns=origin, last=last)
    lost = journal.append(
        "harness.lost",
        holder,
        {"holder": holder, "cut_bytes": recording.torn_bytes, "bridged_by_wall_clock": not same_boot},
        durable=True,
    )
    return journal, file, [*recording.events, lost]


def _bridge(last: Event) -> int:
    wall_gap_s = max(0.0, (clock.utc() - datetime.fromisoformat(last.utc)).total_seconds())
    return clock.now_ns() - last.t - int(wall_gap_s * 1e9)
