"""What the timeline chart shows, as data: items on lanes, times in ns since event 0. Drawing is ``chart``'s part."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from drill.model.events import Event, instant
from drill.model.facts import Facts, text
from drill.model.impact import episodes
from drill.model.reading import FaultRecord, Reading
from drill.model.units import NS, format_seconds
from scorecards.card import Row, Scorecard, Verdict

_ALERTS = "Alerts, pages"
LANES = ("Faults", "Impact", _ALERTS, "Responders", "Messages", "Targets", "Harness")

_SIGN: dict[Verdict, str] = {"pass": "✓", "fail": "✗", "unknown": "?", "not-applicable": "n/a", "no-target": ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A point (``end`` None) or a bar. ``observed``: where a target's bar was really met. ``faint``: noise, dirty."""

    lane: str
    label: str
    start: int
    end: int | None = None
    observed: int | None = None
    faint: bool = False


def items(events: Sequence[Event], reading: Reading, card: Scorecard) -> tuple[Item, ...]:
    """Everything on the chart, lane by lane, in order of time within a lane; targets in the order of the phases."""
    facts = Facts.of(events)
    found = [
        *(_fault(facts, reading, fault) for fault in reading.faults if fault.onset),
        *_impact(facts, reading),
        *_points(facts, reading),
        *(item for row in card.rows for item in _target(row)),
    ]
    return tuple(sorted(found, key=lambda item: (LANES.index(item.lane), item.lane != "Targets" and item.start)))


def _fault(facts: Facts, reading: Reading, fault: FaultRecord) -> Item:
    undone = [e for e in facts.all("fault.undone") if e.seq in fault.seqs]
    onset = fault.onset or reading.last
    end = fault.gone.t if fault.gone else instant(undone[0]) if undone else reading.last.t
    words = {
        "responder": "repaired",
        "harness": "undone by harness",
        "expiry": "expired",
        "plan": "over as planned",
        "itself": "momentary",
        "stack": "restarted by the stack",
        "routed-around": "routed around",
    }
    left = words.get(fault.gone_by, "gone" if undone else "still there")
    return Item(lane="Faults", start=onset.t, end=end, label=f"{fault.kind} on {fault.service}: {left}")


def _impact(facts: Facts, reading: Reading) -> Iterator[Item]:
    for episode in episodes(facts):
        # Nobody probes any more once the harness has begun to undo.
        end = (episode.ended or reading.ending.undo or reading.ending.cut or reading.last).t
        end = max(end, episode.began.t)
        label = format_seconds((end - episode.began.t) / NS) + ("" if episode.ended else ", end not seen")
        label = label if episode.number == 1 else f"episode {episode.number}: {label}"
        yield Item(lane="Impact", start=episode.began.t, end=end, label=label)


def _points(facts: Facts, reading: Reading) -> Iterator[Item]:
    noise = {alert.alert_id for alert in reading.noise}
    for event in facts.all(*_POINTS):
        lane, words = _POINTS[event.kind]
        noisy = lane == _ALERTS and text(event, "alert_id") in noise
        label = f"noise: {words(event)}" if noisy else words(event)
        yield Item(lane=lane, start=instant(event), label=label, faint=noisy or bool(event.data.get("lint")))


def _short(event: Event, key: str) -> str:
    words = text(event, key)
    return words if len(words) <= 28 else words[:27] + "…"


def _message(event: Event) -> str:
    return f"{text(event, 'channel')}: {'does not count' if event.data.get('lint') else 'accepted'}"


_POINTS: dict[str, tuple[str, Callable[[Event], str]]] = {
    "alert.fired": (_ALERTS, lambda e: f"{text(e, 'source')} fired"),
    "alert.cleared": (_ALERTS, lambda e: f"{text(e, 'source')} clear"),
    "page.delivered": (_ALERTS, lambda _: "page delivered"),
    "page.failed": (_ALERTS, lambda _: "page failed"),
    "detection.reported": ("Responders", lambda _: "reported"),
    "incident.acknowledged": ("Responders", lambda _: "acknowledged"),
    "incident.declared": ("Responders", lambda e: f"declared {text(e, 'severity')}"),
    "severity.changed": ("Responders", lambda e: f"changed to {text(e, 'severity')}"),
    "impact.confirmed": ("Responders", lambda _: "impact confirmed"),
    "role.taken": ("Responders", lambda e: text(e, "role")),
    "note.added": ("Responders", lambda e: f"{text(e, 'type')}: {_short(e, 'text')}"),
    "mitigation.started": ("Responders", lambda e: f"act {_short(e, 'mitigation')}"),
    "mitigation.finished": (
        "Responders",
        lambda e: f"{_short(e, 'mitigation')} {'done' if e.data.get('ok') else 'failed'}",
    ),
    "source.checked": ("Responders", lambda e: f"looked at {text(e, 'source')}"),
    "update.posted": ("Responders", lambda e: f"update: {text(e, 'status')}"),
    "incident.resolved": ("Responders", lambda _: "resolved"),
    "message.accepted": ("Messages", _message),
    "message.failed": ("Messages", lambda e: f"{text(e, 'channel')}: not accepted"),
    "drill.aborting": ("Harness", lambda _: "aborted"),
    "drill.voided": ("Harness", lambda _: "voided"),
    "stop.triggered": ("Harness", lambda _: "stop condition"),
    "harness.lost": ("Harness", lambda _: "harness lost"),
    "harness.error": ("Harness", lambda _: "harness failed"),
    "fault.expired": ("Harness", lambda _: "fault expired"),
    "fault.undoing": ("Harness", lambda e: f"undo ({text(e, 'by')})"),
    "drill.ended": ("Harness", lambda e: f"ended: {text(e, 'outcome')}"),
}


def _target(row: Row) -> Iterator[Item]:
    """A promise as a bar from the span's start to its deadline, with what was observed."""
    if row.start is None or row.target_ns is None or row.state == "not-applicable":
        return
    name = f"{row.title} {row.channel}".strip()
    if row.observed_ns is None:
        words = f"{name}: {row.state}, target {row.target} {_SIGN[row.verdict]}"
    else:
        words = f"{name}: {format_seconds(row.observed_ns / NS)} of {row.target} {_SIGN[row.verdict]}"
    yield Item(
        lane="Targets",
        start=row.start.t_ns,
        end=row.start.t_ns + row.target_ns,
        observed=None if row.observed_ns is None or row.end is None else row.end.t_ns,
        label=words.rstrip(),
        faint=row.verdict != "pass",
    )
