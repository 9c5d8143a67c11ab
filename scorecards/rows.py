"""Spans judged against targets, one row each."""

from __future__ import annotations

from drill.model.calendar import deadline
from drill.model.playbook import Playbook
from drill.model.reading import Mark, Reading, Span
from drill.model.units import NS, TimeTarget, format_seconds
from scorecards.card import Bound, Row, Verdict
from scorecards.rules import BY_ID


def rows(reading: Reading) -> tuple[Row, ...]:
    """A row for each span, later impact episodes last. A voided drill has none."""
    if reading.voided:
        return ()
    return tuple(_row(reading, span) for span in (*reading.spans, *reading.later))


def target(playbook: Playbook, severity: str, span: Span) -> TimeTarget | None:
    """What the playbook promises for this span at this severity; None where it promises nothing."""
    found = playbook.severity(severity)
    if found is None:
        return None
    if span.name == "notify":
        return next((rule.within for rule in found.channels if rule.channel == span.channel), None)
    by_span = {
        "detect": found.detect,
        "acknowledge": found.acknowledge,
        "triage": found.triage,
        "mitigate": found.mitigate,
        "restore": found.restore,
    }
    return by_span.get(span.name)


def allowed_ns(reading: Reading, span: Span, promise: TimeTarget | None) -> int | None:
    """The promise as elapsed ns from the span's start; business time needs the start to be known."""
    if promise is None:
        return None
    if not promise.business_days:
        return round(promise.seconds * NS)
    if span.start is None:
        return None
    start = reading.utc(span.start.t)
    return round((deadline(start, promise, reading.playbook.calendar) - start).total_seconds() * NS)


def judge(reading: Reading, span: Span, allowed: int | None, required: bool) -> Verdict:
    """The verdict on one span; ``allowed``: ns from its start, None without a target.

    An uncertainty that straddles the target is unknown. An open span has failed once its target has passed, or when
    the drill was played to its end and nobody did it; cut short before that it is unknown.
    """
    if span.state == "not-applicable":
        return "not-applicable"
    if span.state == "complete":
        return _judge_complete(span, allowed)
    if allowed is None and not required:
        return "no-target"
    elapsed = elapsed_ns(reading, span)
    if allowed is not None and elapsed is not None and elapsed - span.uncertainty_ns > allowed:
        return "fail"
    return "fail" if nobody_did(reading, span) else "unknown"


def nobody_did(reading: Reading, span: Span) -> bool:
    """The response was over without it: missing, or left to the harness's closing undo of a completed drill."""
    left_to_harness = span.state == "censored" and span.cut_by == "harness"
    return span.state == "missing" or (left_to_harness and reading.outcome == "completed")


def elapsed_ns(reading: Reading, span: Span) -> int | None:
    """How long an open span had run (ns) when it was cut, or until the drill's end or last event."""
    if span.start is None or span.state not in ("running", "censored", "missing"):
        return None
    return (span.cut or reading.ending.ended or reading.last).t - span.start.t


def _judge_complete(span: Span, allowed: int | None) -> Verdict:
    observed = span.duration_ns
    if allowed is None or observed is None:
        return "no-target"
    if observed + span.uncertainty_ns <= allowed:
        return "pass"
    return "fail" if observed - span.uncertainty_ns > allowed else "unknown"


def _row(reading: Reading, span: Span) -> Row:
    rule = BY_ID[span.name]
    promise = target(reading.playbook, reading.targets_severity, span)
    allowed = allowed_ns(reading, span, promise)
    observed = span.duration_ns
    declared, declared_verdict = _under_declared(reading, span, rule.required)
    return Row(
        id=span.name,
        title=rule.title,
        channel=span.channel,
        state=span.state,
        start=_bound(span.start),
        end=_bound(span.end),
        observed_ns=observed,
        uncertainty_ns=span.uncertainty_ns,
        elapsed_ns=elapsed_ns(reading, span),
        claimed_ns=span.claimed_ns,
        target=_words(promise),
        target_ns=allowed,
        real_target=_words(target(reading.real_playbook, reading.targets_severity, span)),
        margin_ns=None if allowed is None or observed is None else allowed - observed,
        verdict=judge(reading, span, allowed, rule.required),
        required=rule.required,
        points=rule.points,
        declared_target=declared,
        declared_verdict=declared_verdict,
        from_declaration_ns=reading.from_declaration.get(span.channel) if span.name == "notify" else None,
        note=_note(reading, span),
    )


def _under_declared(reading: Reading, span: Span, required: bool) -> tuple[str, Verdict | None]:
    """Target and verdict under the declared severity, where that is known and another one."""
    declared = reading.severity_declared
    if declared == reading.targets_severity or reading.playbook.severity(declared) is None:
        return "", None
    promise = target(reading.playbook, declared, span)
    return _words(promise), judge(reading, span, allowed_ns(reading, span, promise), required)


def _note(reading: Reading, span: Span) -> str:
    notes = [span.note] if span.note else []
    if span.state == "censored":
        notes.append(f"cut short: {span.cut_by}")
    if span.duration_ns is not None and span.duration_ns < 0:
        notes.append("early: reached before its start")
    if span.name == "detect":
        notes += [
            f"{format_seconds(s.duration_ns / NS)} from the onset of {s.channel}"
            for s in reading.onset_detect
            if s.duration_ns is not None
        ]
        notes += _delay(reading)
    return "; ".join(notes)


def _delay(reading: Reading) -> list[str]:
    """The parts of the alert's delay (C3), where an alert was the first detection."""
    found = reading.detection
    alert = next((a for a in reading.alerts if found and a.alert_id == found.alert_id), None)
    if alert is None:
        return []
    parts = {"interval at most": alert.interval_ns, "threshold": alert.threshold_ns, "delivery": alert.delivery_ns}
    words = [f"{name} {'unknown' if ns is None else format_seconds(ns / NS)}" for name, ns in parts.items()]
    return [f"{alert.source} alert: {', '.join(words)}"]


def _bound(mark: Mark | None) -> Bound | None:
    if mark is None:
        return None
    return Bound(seq=mark.seq, t_ns=mark.t, uncertainty_ns=mark.uncertainty_ns, clock=mark.clock)


def _words(promise: TimeTarget | None) -> str:
    return str(promise) if promise else ""
