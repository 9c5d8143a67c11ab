"""The spans of a drill, one builder each, and the one rule that gives a span its state (`_close`)."""

from __future__ import annotations

from dataclasses import dataclass, replace

from drill.model.events import Event, instant
from drill.model.facts import Facts, mark, text
from drill.model.impact import Episode
from drill.model.playbook import ChannelRule, Playbook
from drill.model.reading import Alert, Detection, Ending, FaultRecord, Mark, MessageRecord, SeverityCall, Span
from drill.model.scenario import Scenario
from drill.model.units import NS

_MINUTE = 60 * NS
TIME_UP = "time up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What the span builders look at."""

    facts: Facts
    ending: Ending
    scenario: Scenario
    playbook: Playbook
    episodes: tuple[Episode, ...]
    faults: tuple[FaultRecord, ...]
    alerts: tuple[Alert, ...]
    messages: tuple[MessageRecord, ...]
    detections: tuple[Detection, ...]
    """The qualifying ones, first first."""
    calls: tuple[SeverityCall, ...]
    absorbed: bool

    @property
    def impact(self) -> Episode | None:
        return self.episodes[0] if self.episodes else None

    @property
    def detection(self) -> Detection | None:
        return self.detections[0] if self.detections else None

    @property
    def detected(self) -> Mark | None:
        return self.detection.mark if self.detection else None

    @property
    def declared(self) -> Mark | None:
        return self.calls[0].mark if self.calls else None


def spans(sight: Sight, targets: str) -> tuple[Span, ...]:
    severity = sight.playbook.severity(targets)
    found = (
        _impact(sight),
        _close(sight, Span(name="detect", state="running", start=_began(sight), end=sight.detected)),
        _page(sight),
        _acknowledge(sight),
        _close(sight, Span(name="triage", state="running", start=sight.detected, end=sight.declared)),
        _mitigate(sight),
        restore(sight, sight.impact),
        *(_repair(sight, fault) for fault in sight.faults),
        _verify(sight),
        *(_notify(sight, rule) for rule in (severity.channels if severity else ())),
    )
    return tuple(_absorb(span) for span in found) if sight.absorbed else found


def _absorb(span: Span) -> Span:
    if span.name == "repair":
        return span
    return Span(name=span.name, channel=span.channel, state="not-applicable", note="the stack absorbed the fault")


def _close(sight: Sight, span: Span, *, by_response: bool = False) -> Span:
    """Give a span its state. ``by_response``: only what came before any undo by the harness counts."""
    stop, stop_by = _stop(sight.ending, by_response)
    if span.end and (stop is None or span.end.t <= stop.t):
        if span.start:
            return replace(span, state="complete")
        note = "ended, but there is no start to count from"
        return replace(span, state="running" if sight.ending.outcome == "running" else "missing", note=note)
    if stop:
        note = "reached only after the cut" if span.end else span.note
        return replace(span, state="censored", end=None, cut=stop, cut_by=stop_by, note=note)
    if sight.ending.outcome == "running":
        return replace(span, state="running", note=span.note if span.start else "has not begun")
    if sight.ending.expired:
        return replace(span, state="censored", cut=sight.ending.undo or sight.ending.ended, cut_by=TIME_UP)
    return replace(span, state="missing")


def _stop(end: Ending, by_response: bool) -> tuple[Mark | None, str]:
    if by_response and end.undo and (end.cut is None or end.undo.t <= end.cut.t):
        # The closing undo of a drill whose time was up is no different from the expiry of its fault.
        return end.undo, TIME_UP if end.expired else end.undo_by
    return end.cut, end.cut_by


def _began(sight: Sight) -> Mark | None:
    return sight.impact.began if sight.impact else None


def _ended(sight: Sight) -> Mark | None:
    return sight.impact.ended if sight.impact else None


def later_episodes(sight: Sight) -> list[Episode]:
    """Later episodes that are the responders': what the harness's own undo stirs up is not."""
    undo = sight.ending.undo
    return [episode for episode in sight.episodes[1:] if undo is None or episode.began.t <= undo.t]


def _impact(sight: Sight) -> Span:
    start, end = _claims(sight)
    span = Span(
        name="impact", state="running", start=_began(sight), end=_ended(sight), claimed=end, claimed_start=start
    )
    closed = _close(sight, span)
    undo = sight.ending.undo
    after = closed.end is not None and undo is not None and closed.end.t > undo.t
    return replace(closed, note="ended only after the harness began to undo") if after else closed


def _claims(sight: Sight) -> tuple[Mark | None, Mark | None]:
    """Start and end of impact as the responders told them."""
    started = (_claim(event, "started") for event in sight.facts.all("impact.confirmed"))
    ended = (_claim(event, "ended") for event in sight.facts.all("incident.resolved"))
    return next((m for m in started if m), None), next((m for m in ended if m), None)


def _claim(event: Event, said: str) -> Mark | None:
    at = event.data.get("claimed_ns")
    if at is None:
        return None
    # "14:05" names a minute, "14:05:30" a second.
    precision = NS if text(event, said).count(":") > 1 else _MINUTE
    return Mark(seq=event.seq, t=int(at), uncertainty_ns=precision, clock="claimed")


def _page(sight: Sight) -> Span:
    """Delivery of the page: the part of acknowledging that is not the person's."""
    found = sight.detection
    if found and found.player:
        return Span(name="page", state="not-applicable", start=found.mark, note="a player reported it")
    delivered = sight.facts.about("page.delivered", "alert_id", found.alert_id) if found else None
    span = Span(name="page", state="running", start=sight.detected, end=mark(delivered) if delivered else None)
    return _close(sight, span)


def _acknowledge(sight: Sight) -> Span:
    found = sight.detection
    reporter = found.player if found else ""
    noise = {alert.alert_id for alert in sight.alerts if alert.noise}
    acks = (
        event
        for event in sight.facts.all("incident.acknowledged")
        if text(event, "alert_id") not in noise and (not reporter or text(event, "player") != reporter)
    )
    ack = next(acks, None)
    if reporter and ack is None:
        return Span(name="acknowledge", state="not-applicable", start=sight.detected, note=f"{reporter} reported it")
    return _close(
        sight, Span(name="acknowledge", state="running", start=sight.detected, end=mark(ack) if ack else None)
    )


def _mitigate(sight: Sight) -> Span:
    span = Span(name="mitigate", state="running", start=sight.declared, end=_ended(sight), claimed=_claims(sight)[1])
    return _close(sight, span, by_response=True)


def restore(sight: Sight, episode: Episode | None, channel: str = "") -> Span:
    start, end = (None, None) if channel else _claims(sight)
    span = Span(
        name="restore",
        state="running",
        channel=channel,
        start=episode.began if episode else None,
        end=episode.ended if episode else None,
        claimed=end,
        claimed_start=start,
    )
    return _close(sight, span, by_response=True)


_NO_REPAIR = {
    "itself": "the fault was over by itself",
    "stack": "the stack's own restart policy ended it",
    "plan": "the scenario ended it after its duration",
}


def _repair(sight: Sight, fault: FaultRecord) -> Span:
    if fault.gone_by in _NO_REPAIR:
        return Span(name="repair", state="not-applicable", channel=fault.fault_id, note=_NO_REPAIR[fault.gone_by])
    note = {
        "routed-around": "routed around: still there when the impact ended",
        "unknown": "nobody saw who removed it" if fault.undone or fault.gone else "",
    }.get(fault.gone_by, "")
    end = fault.gone if fault.gone_by == "responder" else None
    span = Span(name="repair", state="running", channel=fault.fault_id, start=fault.onset, end=end, note=note)
    return _close(sight, span, by_response=True)


def _verify(sight: Sight) -> Span:
    """From the end of impact until the source that fired is clear and a player has looked at it (C4)."""
    alert = next((a for a in sight.alerts if not a.noise), None)
    if alert is None and sight.detection:
        return Span(name="verify", state="not-applicable", start=_ended(sight), note="no source fired")
    end = _verified(sight, alert) if alert else None
    return _close(sight, Span(name="verify", state="running", start=_ended(sight), end=end), by_response=True)


def _verified(sight: Sight, alert: Alert) -> Mark | None:
    looks = (
        mark(event)
        for event in sight.facts.of_key("source.checked", "source", alert.source)
        if event.data.get("clear") is True and text(event, "player") and instant(event) >= alert.fired.t
    )
    look = next(looks, None)
    return max(look, alert.cleared, key=lambda m: m.t) if look and alert.cleared else None


def _notify(sight: Sight, rule: ChannelRule) -> Span:
    span = Span(name="notify", state="running", channel=rule.channel, start=sight.detected)
    sent = _told(sight, rule.channel)
    if not _owed(sight, rule):
        restored = restore(sight, sight.impact)
        note = f"owed only when the impact lasts longer than {rule.if_longer_than:g} s"
        if restored.state == "complete":
            return replace(span, state="not-applicable", note=note)
        return _close(sight, replace(span, end=sent, note=note)) if sent else _undecided(sight, span, restored, note)
    return _close(sight, replace(span, end=sent))


def _undecided(sight: Sight, span: Span, restored: Span, note: str) -> Span:
    """The impact was cut short before it was long enough for this channel: nobody knows whether it was owed."""
    if restored.state == "censored":
        return replace(span, state="censored", cut=restored.cut, cut_by=restored.cut_by, note=note)
    return replace(_close(sight, span), note=note)


def _owed(sight: Sight, rule: ChannelRule) -> bool:
    if rule.if_longer_than is None or sight.impact is None:
        return True
    restored = restore(sight, sight.impact)
    until = restored.end or restored.cut or mark(sight.facts.events[-1])
    return until.t - sight.impact.began.t > rule.if_longer_than * NS


def _told(sight: Sight, channel: str) -> Mark | None:
    marks = (m.accepted for m in sight.messages if m.channel == channel and m.counts and m.accepted)
    return min(marks, key=lambda m: m.t, default=None)


def from_declaration(sight: Sight) -> dict[str, int]:
    declared = sight.declared
    told = {m.channel: _told(sight, m.channel) for m in sight.messages}
    return {channel: m.t - declared.t for channel, m in told.items() if m and declared}


def onset_detect(sight: Sight, fault: FaultRecord) -> Span:
    """From one fault's onset to the first qualifying detection at or after it (a latent fault shows here)."""
    late = (d.mark for d in sight.detections if fault.onset and d.mark.t >= fault.onset.t - fault.onset.uncertainty_ns)
    end = min(late, key=lambda m: m.t, default=None)
    span = Span(name="detect from onset", state="running", channel=fault.fault_id, start=fault.onset, end=end)
    return _close(sight, span)
