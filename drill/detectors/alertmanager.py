"""Follows the stack's intake and turns what Alertmanager sends there into ``alert.fired`` and ``alert.cleared``."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from drill import clock
from drill.detectors import prometheus
from drill.detectors.intake import Answer, Delivery, IntakeLost, IntakeReader, Offset
from drill.detectors.notification import Notice, notices, text
from drill.model.config import IntakeConfig
from drill.model.playbook import DetectionSource
from drill.ports import Emit, Stack

_WAIT_S = 1.0
"""Short, so that a silent intake is noticed; a waiting reader wakes at once all the same."""
_NAP_S = 0.1
_LOST_NS = 3 * 10**9
_MEASURE_NS = 10 * 10**9
_MOST_IGNORED = 200


@dataclass(frozen=True, slots=True)
class _Arrival:
    """When a notification reached the intake: the ``data`` of an event, and the intake's own stamp."""

    utc_ns: int
    stamps: Mapping[str, Any]


class IntakeFollower:
    """An alert feed (``drill.ports.AlertFeed``). An alert counts from its arrival at the intake."""

    def __init__(
        self,
        stack: Stack,
        intake: IntakeConfig,
        sources: Sequence[DetectionSource],
        relative: Callable[[int], int],
    ) -> None:
        """``relative``: a boot-clock instant as ns since event 0. Sources of another type are left out."""
        self._stack = stack
        self._intake = intake
        self._relative = relative
        self._desk = AlertDesk([row for row in sources if row.type == "prometheus"])
        self._after = 0
        self._offset: Offset | None = None
        self._measured_ns = 0

    def disagreements(self) -> Sequence[str]:
        """Where the rules that the stack has loaded differ from the playbook. Blocking; raises StackError."""
        return [
            line
            for source in self._desk.sources
            for line in prometheus.disagreements(source, prometheus.rules(self._stack, source))
        ]

    async def watch(self, emit: Emit) -> None:
        """Until cancelled. What arrived before this call is acknowledged and skipped.

        ``intake.lost`` once it has not answered for 3 s, ``intake.back`` when it does again.
        """
        reader = IntakeReader(self._stack, self._intake)
        line = _Line(self._intake.service, emit)
        began_ns = clock.now_ns()
        try:
            while True:
                try:
                    await self._turn(reader, began_ns, emit)
                except IntakeLost as error:
                    line.silent(str(error))
                    await asyncio.sleep(_NAP_S)
                else:
                    line.answered()
        finally:
            await reader.aclose()

    async def _turn(self, reader: IntakeReader, began_ns: int, emit: Emit) -> None:
        if clock.now_ns() - self._measured_ns > _MEASURE_NS or self._offset is None:
            await self._measure(reader)
        answer = await reader.events(self._after, _WAIT_S)
        if answer.last < self._after:
            self._after = 0  # its data are gone, and it counts from one again
        if answer.events:
            await self._take(answer, reader, began_ns, emit)

    async def _take(self, answer: Answer, reader: IntakeReader, began_ns: int, emit: Emit) -> None:
        """Emit first, acknowledge then: what is lost in between comes again, and is known by its number."""
        offset = await self._measure(reader)
        for event in answer.events:
            at_ns = event.received_utc_ns + offset.ns
            if at_ns + offset.uncertainty_ns >= began_ns:
                self._desk.take(event, self._arrival(event, offset, answer.seen_ns), emit)
            self._after = event.id
        await reader.acknowledge(self._after)

    async def _measure(self, reader: IntakeReader) -> Offset:
        """The offset now. Where it moved since the last time, what arrived in between may lie on either side of it."""
        before, self._offset = self._offset, await reader.offset()
        self._measured_ns = clock.now_ns()
        moved_ns = abs(self._offset.ns - before.ns) if before is not None else 0
        return Offset(self._offset.ns, self._offset.uncertainty_ns + moved_ns)

    def _arrival(self, event: Delivery, offset: Offset, seen_ns: int) -> _Arrival:
        """Nothing arrives after we have read it: where the clocks say so, they are that much wrong."""
        at_ns = min(event.received_utc_ns + offset.ns, seen_ns)
        wrong_ns = max(0, event.received_utc_ns + offset.ns - seen_ns)
        uncertainty_ns = max(offset.uncertainty_ns, wrong_ns)
        stamps = {
            "at_ns": self._relative(at_ns),
            "uncertainty_ns": uncertainty_ns,
            "clock": f"intake, offset measured ±{uncertainty_ns / 1e6:.1f} ms",
        }
        return _Arrival(event.received_utc_ns, stamps)


class AlertDesk:
    """Which alert fires and which has cleared, by source of the playbook."""

    def __init__(self, sources: Sequence[DetectionSource]) -> None:
        self.sources = sources
        self._firing: dict[tuple[str, str], str] = {}
        self._fired: Counter[str] = Counter()
        self._ignored: set[str] = set()

    def take(self, event: Delivery, arrival: _Arrival, emit: Emit) -> None:
        """Emit what is new in one delivery."""
        found = notices(event.body)
        if found is None:
            self._ignore("", {"hook": text(event.source)}, "not a notification of Alertmanager (version 4)", emit)
            return
        for notice in found:
            source = next((row for row in self.sources if belongs(notice, row)), None)
            if source is None:
                self._leave(notice, emit)
            elif notice.firing:
                self._fire(source, notice, arrival, emit)
            elif alert_id := self._firing.pop((source.name, notice.key), ""):
                names = {"alert_id": alert_id, "source": source.name}
                emit("alert.cleared", source.name, durable=True, **names, **arrival.stamps)

    def _fire(self, source: DetectionSource, notice: Notice, arrival: _Arrival, emit: Emit) -> None:
        if (source.name, notice.key) in self._firing:
            return
        self._fired[source.name] += 1
        alert_id = self._firing[source.name, notice.key] = f"{source.name}-{self._fired[source.name]}"
        emit(
            "alert.fired",
            source.name,
            durable=True,
            alert_id=alert_id,
            source=source.name,
            detail=notice.detail,
            interval_ns=int(source.interval * 1e9),
            threshold_ns=int(source.hold * 1e9),
            delivery_ns=_delivery_ns(notice, arrival),
            **arrival.stamps,
        )

    def _leave(self, notice: Notice, emit: Emit) -> None:
        """An alert of no source is named, except a source's own under another profile: that one fires beside it."""
        wanted = [row for row in self.sources if row.alert == notice.name]
        if any(row.match.keys() <= notice.labels.keys() for row in wanted):
            return
        reason = "no detection source of the playbook has this alert"
        if wanted:
            reason = f"it lacks a label of source {' or '.join(row.name for row in wanted)}"
        self._ignore(notice.name, notice.labels, reason, emit)

    def _ignore(self, alert: str, labels: Mapping[str, str], reason: str, emit: Emit) -> None:
        """Once for each; a stranger who sends ever new ones does not fill the journal."""
        known = f"{alert} {sorted(labels.items())}"
        if known in self._ignored or len(self._ignored) >= _MOST_IGNORED:
            return
        self._ignored.add(known)
        if len(self._ignored) == _MOST_IGNORED:
            reason += f"; further ones are not listed, {_MOST_IGNORED} are enough"
        emit("alert.ignored", "intake", alert=alert, labels=dict(labels), reason=reason)


def belongs(notice: Notice, source: DetectionSource) -> bool:
    """Whether it is the source's alert and carries every label that the source asks for."""
    return notice.name == source.alert and all(notice.labels.get(key) == value for key, value in source.match.items())


def _delivery_ns(notice: Notice, arrival: _Arrival) -> int | None:
    """From Alertmanager's start to the arrival; None when the start is not known, or lies behind the arrival."""
    if notice.started_utc_ns is None or notice.started_utc_ns > arrival.utc_ns:
        return None
    return arrival.utc_ns - notice.started_utc_ns


class _Line:
    """Whether the intake answers, told once for each change."""

    def __init__(self, service: str, emit: Emit) -> None:
        self._service = service
        self._emit = emit
        self._good_ns = clock.now_ns()
        self._lost = False

    def answered(self) -> None:
        now_ns = clock.now_ns()
        if self._lost:
            self._emit("intake.back", "intake", lost_ns=now_ns - self._good_ns)
        self._good_ns, self._lost = now_ns, False

    def silent(self, why: str) -> None:
        if not self._lost and clock.now_ns() - self._good_ns > _LOST_NS:
            self._lost = True
            self._emit("intake.lost", "intake", detail=f"{self._service}: {why}")
