"""Events by kind, and what can be read from them one subject at a time: the ending, alerts, messages, proofs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from drill.model.events import Event, instant
from drill.model.playbook import Playbook
from drill.model.reading import Alert, Ending, Mark, MessageRecord, Proof
from drill.model.scenario import Scenario

_CUTS = {
    "drill.aborting": "abort",
    "drill.voided": "void",
    "stop.triggered": "stop condition",
    "harness.error": "harness error",
    "harness.lost": "harness lost",
}
_OVER = ("incident.resolved", "script.finished", "script.stuck")
_CUTTING_UNDO = ("abort", "guard", "orphan")


def mark(event: Event) -> Mark:
    """The instant that an event tells of."""
    data = event.data
    return Mark(
        seq=event.seq,
        t=instant(event),
        uncertainty_ns=int(data.get("uncertainty_ns") or 0),
        clock=str(data.get("clock") or "journal"),
    )


def text(event: Event | None, key: str) -> str:
    """A payload value as text; empty where there is none."""
    value = event.data.get(key) if event else None
    return "" if value is None else str(value)


@dataclass(frozen=True, slots=True)
class Facts:
    """A journal, or any prefix of one, with its events by kind."""

    events: Sequence[Event]
    kinds: dict[str, list[Event]]

    @classmethod
    def of(cls, events: Sequence[Event]) -> Facts:
        """Index the events. Raises ValueError when event 0 is not ``drill.started``."""
        if not events or events[0].kind != "drill.started":
            raise ValueError("this is no drill journal: event 0 is not drill.started")
        kinds: dict[str, list[Event]] = defaultdict(list)
        for event in events:
            kinds[event.kind].append(event)
        return cls(events, dict(kinds))

    def all(self, *kinds: str) -> list[Event]:
        """Events of these kinds, in journal order."""
        return sorted((e for kind in kinds for e in self.kinds.get(kind, ())), key=lambda e: e.seq)

    def first(self, *kinds: str) -> Event | None:
        """The first event of these kinds, or None."""
        return next(iter(self.all(*kinds)), None)

    def of_key(self, kind: str, key: str, value: str) -> Iterator[Event]:
        """Events of a kind whose payload has this value under this key."""
        return (event for event in self.kinds.get(kind, ()) if text(event, key) == value)

    def about(self, kind: str, key: str, value: str) -> Event | None:
        """The first such event, or None."""
        return next(self.of_key(kind, key, value), None)


def ending(facts: Facts) -> Ending:
    """How it ended: outcome, where it was cut short, where undo by the harness began."""
    ended = facts.first("drill.ended")
    outcome = (text(ended, "outcome") or "failed") if ended else "running"
    cut, cut_by = _cut(facts, ended, outcome)
    undo = next((e for e in facts.all("fault.undoing", "fault.expired") if text(e, "by") != "responder"), None)
    undo_by = ("expiry" if undo.kind == "fault.expired" else text(undo, "by") or "harness") if undo else ""
    over = facts.first(*_OVER) is not None
    return Ending(
        outcome=outcome,
        ended=mark(ended) if ended else None,
        cut=cut,
        cut_by=cut_by,
        undo=mark(undo) if undo else None,
        undo_by=undo_by,
        expired=undo_by == "expiry" or (outcome == "completed" and not over),
    )


def _cut(facts: Facts, ended: Event | None, outcome: str) -> tuple[Mark | None, str]:
    for event in facts.all(*_CUTS, "fault.undoing"):
        if event.kind in _CUTS:
            return _cut_mark(facts, event), _CUTS[event.kind]
        if text(event, "by") in _CUTTING_UNDO:
            return mark(event), text(event, "by")
    if ended and outcome != "completed":
        return mark(ended), outcome
    return None, ""


def _cut_mark(facts: Facts, event: Event) -> Mark:
    """Where the recording stops. For a lost harness that is the last event before the loss: nobody looked after it."""
    if event.kind != "harness.lost":
        return mark(event)
    before = max((e.t for e in facts.events if e.seq < event.seq), default=event.t)
    return Mark(seq=event.seq, t=before, clock="last event before the loss")


def alerts(facts: Facts, scenario: Scenario, playbook: Playbook, onset: Mark | None) -> tuple[Alert, ...]:
    """Every alert, with the reason why it is noise where it is."""
    clear = _clear_at_steady_state(facts)
    found = []
    for event in facts.all("alert.fired"):
        cleared = facts.about("alert.cleared", "alert_id", text(event, "alert_id"))
        noise = _noise(event, scenario, playbook, onset, clear)
        found.append(
            Alert(
                alert_id=text(event, "alert_id"),
                source=text(event, "source"),
                fired=mark(event),
                cleared=mark(cleared) if cleared else None,
                noise=noise,
                interval_ns=_whole(event, "interval_ns"),
                threshold_ns=_whole(event, "threshold_ns"),
                delivery_ns=_whole(event, "delivery_ns"),
            )
        )
    return tuple(found)


def _whole(event: Event, key: str) -> int | None:
    value = event.data.get(key)
    return None if value is None else int(value)


def _clear_at_steady_state(facts: Facts) -> dict[str, Any]:
    first = facts.first("fault.applying", "fault.applied")
    checks = [e for e in facts.all("steady.checked") if first is None or e.seq < first.seq]
    return dict(checks[-1].data.get("sources") or {}) if checks else {}


def _noise(event: Event, scenario: Scenario, playbook: Playbook, onset: Mark | None, clear: dict[str, Any]) -> str:
    name = text(event, "source")
    source = playbook.source(name)
    if source is None:
        return "not a detection source of the playbook"
    if clear.get(name) is not True:
        return "not seen clear at steady state"
    if onset is None or instant(event) < onset.t - onset.uncertainty_ns:
        return "fired before the onset"
    if source.service not in scenario.blast_radius and name not in scenario.expected.detection:
        return "not attributable to the fault"
    return ""


def messages(facts: Facts) -> tuple[MessageRecord, ...]:
    """Every customer message that was sent, with what became of it."""
    return tuple(_message(facts, event) for event in facts.all("message.sent"))


def _message(facts: Facts, sent: Event) -> MessageRecord:
    key = text(sent, "message_id")
    accepted = facts.about("message.accepted", "message_id", key)
    failed = facts.about("message.failed", "message_id", key)
    seen = facts.about("message.seen", "message_id", key)
    lint = accepted.data.get("lint") if accepted else None
    return MessageRecord(
        message_id=key,
        channel=text(sent, "channel"),
        player=text(sent, "player"),
        status=text(sent, "status"),
        subject=text(sent, "subject"),
        sent=mark(sent),
        accepted=mark(accepted) if accepted else None,
        lint=None if lint is None else tuple(str(item) for item in lint),
        seen=_known(seen.data.get("ok")) if seen else None,
        failed=text(failed, "detail") or ("not accepted" if failed else ""),
    )


def _known(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def proofs(facts: Facts) -> dict[str, Proof]:
    """The last word on each restoration proof."""
    return {text(event, "proof"): _proof(event) for event in facts.all("restoration.checked")}


def _proof(event: Event) -> Proof:
    return Proof(
        proof=text(event, "proof"),
        ok=_known(event.data.get("ok")),
        detail=text(event, "detail"),
        differences=tuple(str(item) for item in event.data.get("differences") or ()),
        seq=event.seq,
    )
