"""The one place where a running drill's events are made: journal first, then everybody who listens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drill.errors import JournalError
from drill.journal.writer import Journal
from drill.model.events import Event

Listener = Callable[[Event], None]


class Recorder:
    """Appends to the journal and tells listeners. Not thread-safe: call it on the loop."""

    def __init__(self, journal: Journal, events: list[Event] | None = None) -> None:
        self._journal = journal
        self._listeners: list[Listener] = []
        self.events: list[Event] = events if events is not None else []
        self.broken: JournalError | None = None
        """Set when the journal could not be written: from then on nothing is applied, but undoing goes on."""

    @property
    def origin_ns(self) -> int:
        """Event 0 on the boot clock, ns."""
        return self._journal.origin_ns

    def begin(self) -> None:
        """Start the clock: the next event is event 0."""
        self._journal.begin()

    @property
    def head(self) -> str:
        """Hash of the last line."""
        return self._journal.head

    def relative(self, boot_ns: int) -> int:
        """A boot-clock instant as ns since event 0."""
        return boot_ns - self._journal.origin_ns

    def listen(self, listener: Listener) -> None:
        """Call ``listener`` with every further event."""
        self._listeners.append(listener)

    def emit(self, kind: str, source: str, /, *, durable: bool = False, **data: Any) -> None:
        """Append one event; with ``durable`` it is on disk before this returns. Never raises for a full disk, which
        must not keep a fault from being undone: it sets ``broken``, and :meth:`require` raises before the next fault.
        """
        if self.broken is not None:
            return
        try:
            event = self._journal.append(kind, source, data, durable=durable)
        except JournalError as error:
            self.broken = error
            return
        self.events.append(event)
        for listener in self._listeners:
            listener(event)

    def require(self) -> None:
        """Raises JournalError when something could not be written."""
        if self.broken is not None:
            raise self.broken

    def of(self, *kinds: str) -> list[Event]:
        """The events so far of these kinds."""
        return [event for event in self.events if event.kind in kinds]
