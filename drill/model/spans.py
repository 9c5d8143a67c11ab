"""The pure reduction from a journal, or any prefix of one, to spans: no clock, no files, no Docker.

Boundaries are those of the definitions that the scorecard prints (C3, C4, C7, E9). A boundary that was reached
before its start is early and signed, never clipped. After the harness began to undo, nothing is credited to people.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from drill.model.codec import decode
from drill.model.config import Config
from drill.model.events import Event, instant
from drill.model.facts import Facts, alerts, ending, mark, messages, proofs, text
from drill.model.impact import episodes, faults
from drill.model.phases import Sight, from_declaration, later_episodes, onset_detect, restore, spans
from drill.model.playbook import Playbook
from drill.model.reading import Alert, Detection, Mark, Reading, SeverityCall
from drill.model.scenario import Scenario


def read(events: Sequence[Event]) -> Reading:
    """Read a journal, complete or not. Raises ValueError or TypeError when event 0 is no event 0 of a drill."""
    facts = Facts.of(events)
    head = events[0].data
    scenario, playbook = decode(Scenario, head["scenario"]), decode(Playbook, head["playbook"])
    sight = _sight(facts, scenario, playbook)
    targets = _targets_severity(sight)
    clock, basis = _client_clock(sight)
    return Reading(
        drill_id=str(head.get("drill_id", "")),
        mode=str(head.get("mode", "live")),
        smoke=bool(head.get("smoke")),
        script=str(head.get("script", "")),
        rule_set=str(head.get("rule_set", "")),
        began_utc=_utc(events[0].utc),
        last=replace(mark(events[-1]), t=max(event.t for event in events)),
        scenario=scenario,
        playbook=playbook,
        real_playbook=decode(Playbook, head["real_playbook"]) if head.get("real_playbook") else playbook,
        config=decode(Config, head["config"]),
        ending=sight.ending,
        absorbed=sight.absorbed,
        spans=spans(sight, targets),
        later=tuple(restore(sight, episode, f"episode {episode.number}") for episode in later_episodes(sight)),
        onset_detect=tuple(onset_detect(sight, fault) for fault in sight.faults if fault.onset),
        from_declaration=from_declaration(sight),
        detection=sight.detection,
        alerts=sight.alerts,
        faults=sight.faults,
        messages=sight.messages,
        severity_expected=scenario.expected.severity,
        severity_declared=sight.calls[0].severity if sight.calls else "",
        severity_calls=sight.calls,
        targets_severity=targets,
        client_clock=clock,
        client_clock_basis=basis,
        proofs=proofs(facts),
        interruptions=tuple(mark(event) for event in facts.all("harness.lost")),
    )


def _utc(text_utc: str) -> datetime:
    when = datetime.fromisoformat(text_utc)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def _sight(facts: Facts, scenario: Scenario, playbook: Playbook) -> Sight:
    records = faults(facts, scenario)
    onset = min((fault.onset for fault in records if fault.onset), key=lambda m: m.t, default=None)
    found = alerts(facts, scenario, playbook, onset)
    end, impact = ending(facts), episodes(facts)
    return Sight(
        facts=facts,
        ending=end,
        scenario=scenario,
        playbook=playbook,
        episodes=impact,
        faults=records,
        alerts=found,
        messages=messages(facts),
        detections=tuple(sorted(_detections(facts, found, onset), key=lambda d: (d.mark.t, d.mark.seq))),
        calls=tuple(_call(event) for event in facts.all("incident.declared", "severity.changed")),
        absorbed=end.outcome == "completed" and not impact and any(fault.active for fault in records),
    )


def _call(event: Event) -> SeverityCall:
    return SeverityCall(mark=mark(event), player=text(event, "player"), severity=text(event, "severity"))


def _detections(facts: Facts, found: Sequence[Alert], onset: Mark | None) -> Iterator[Detection]:
    for alert in found:
        if not alert.noise:
            yield Detection(mark=alert.fired, source=alert.source, alert_id=alert.alert_id)
    for event in facts.all("detection.reported"):
        if onset and instant(event) >= onset.t - onset.uncertainty_ns:
            yield Detection(mark=mark(event), player=text(event, "player"))


def _targets_severity(sight: Sight) -> str:
    """The expected severity, or the first declared one where that is stricter: declaring low buys no time."""
    expected = sight.scenario.expected.severity
    declared = sight.playbook.severity(sight.calls[0].severity) if sight.calls else None
    known = sight.playbook.severity(expected)
    stricter = declared is not None and (known is None or declared.rank < known.rank)
    return declared.name if declared and stricter else expected


def _client_clock(sight: Sight) -> tuple[Mark | None, str]:
    if confirmed := sight.facts.first("impact.confirmed"):
        return mark(confirmed), "impact.confirmed"
    return sight.detected, "detection" if sight.detected else ""
