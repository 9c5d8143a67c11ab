"""Rules on the severity policy, the calendar and the detection sources (C1, C3, A1 to A4)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from drill.lint.rule import Rule, at_least
from drill.loader.finding import Finding
from drill.model.playbook import Playbook, Severity

_GRAVE = 2
"""Ranks up to this one wake people up, are told to customers at once and get a review."""
_CADENCE_S = {1: 1800.0, 2: 3600.0}
_VAGUE = ("tbd", "tba", "todo", "none", "n/a", "na", "nobody", "unknown", "-", "?", "???", "...", "x")


def _rows(playbook: Playbook) -> Iterator[tuple[str, Severity]]:
    yield from ((f"severities[{index}]", row) for index, row in enumerate(playbook.severities))


def _examples(playbook: Playbook, _: date) -> Iterator[Finding]:
    for path, row in _rows(playbook):
        if not row.examples:
            yield Finding(path, f"{row.name} has no examples; add two or three, people classify by them")


def _response(playbook: Playbook, _: date) -> Iterator[Finding]:
    for path, row in _rows(playbook):
        if not row.response.strip():
            yield Finding(path, f"{row.name} does not say what must be done; add `response`")


def _order(playbook: Playbook, _: date) -> Iterator[Finding]:
    ranked = sorted(_rows(playbook), key=lambda item: item[1].rank)
    for (_path, graver), (path, row) in pairwise(ranked):
        for name in ("acknowledge", "restore"):
            ours, theirs = (at_least(getattr(each, name), playbook.calendar) for each in (row, graver))
            if ours < theirs:
                yield Finding(
                    f"{path}.{name}", f"{row.name} is given less time than {graver.name}; swap or correct them"
                )


def _cadence(playbook: Playbook, _: date) -> Iterator[Finding]:
    for path, row in _rows(playbook):
        if row.update_every is None and (row.channels or row.rank <= _GRAVE):
            yield Finding(path, f"{row.name} is told to people but has no rhythm of updates; add `update_every`")


def _cadence_limit(playbook: Playbook, _: date) -> Iterator[Finding]:
    for path, row in _rows(playbook):
        limit = _CADENCE_S.get(row.rank)
        if limit and row.update_every is not None and row.update_every > limit:
            text = f"{row.name} is updated less often than every {limit / 60:.0f} min; shorten it"
            yield Finding(f"{path}.update_every", text)


def _channel_deadline(playbook: Playbook, _: date) -> Iterator[Finding]:
    for path, row in _rows(playbook):
        for index, rule in enumerate(row.channels):
            if row.rank <= _GRAVE and rule.within is None and rule.if_longer_than is None:
                text = f"{rule.channel} has neither a deadline nor a condition; add `within`, or `if_longer_than`"
                yield Finding(f"{path}.channels[{index}]", text)


def _told_too_late(playbook: Playbook, _: date) -> Iterator[Finding]:
    for path, row in _rows(playbook):
        for index, rule in enumerate(row.channels):
            end = at_least(row.restore, playbook.calendar)
            if rule.within is not None and at_least(rule.within, playbook.calendar) > end:
                text = f"{rule.channel} may come after {row.name} is over ({row.restore}); shorten it"
                yield Finding(f"{path}.channels[{index}].within", text)


def _condition(playbook: Playbook, _: date) -> Iterator[Finding]:
    for path, row in _rows(playbook):
        for index, rule in enumerate(row.channels):
            end = at_least(row.restore, playbook.calendar)
            if rule.if_longer_than is not None and rule.if_longer_than >= end:
                text = f"{row.name} is to be over before that ({row.restore}), so nobody is told; shorten it"
                yield Finding(f"{path}.channels[{index}].if_longer_than", text)


def _review(playbook: Playbook, _: date) -> Iterator[Finding]:
    for path, row in _rows(playbook):
        if row.rank <= _GRAVE and not row.review:
            yield Finding(path, f"{row.name} owes no review; add `review` and `review_within`")
        elif row.review and row.review_within is None:
            yield Finding(f"{path}.review", f"the review of {row.name} has no date; add `review_within`")


def _here(playbook: Playbook, _: date) -> Iterator[Finding]:
    for path, row in _rows(playbook):
        if row.here and row.rank > _GRAVE:
            yield Finding(f"{path}.here", f"{row.name} calls everybody, and soon nobody will listen; set it to false")
        if not row.here and row.rank == 1 and "chat" in playbook.on_call.pages:
            yield Finding(path, f"{row.name} calls nobody in the chat room; add `here: true`")


def _holidays(playbook: Playbook, _: date) -> Iterator[Finding]:
    promises = [promise for row in playbook.severities for promise in (row.acknowledge, row.restore, row.review_within)]
    counted = any(promise is not None and promise.business_days for promise in promises)
    if counted and not playbook.calendar.country and not playbook.calendar.holidays:
        text = "business days are promised, but every holiday counts as one; add `country`, or the dates in `holidays`"
        yield Finding("calendar", text)


def _owner(playbook: Playbook, _: date) -> Iterator[Finding]:
    for name in ("sources", "reports"):
        for index, row in enumerate(getattr(playbook, name)):
            if _vague(row.owner):
                yield Finding(f"{name}[{index}].owner", f"nobody answers for {row.name}; name a person or a role")


def _runbook(playbook: Playbook, _: date) -> Iterator[Finding]:
    for name in ("sources", "reports"):
        for index, row in enumerate(getattr(playbook, name)):
            if _vague(row.runbook):
                text = f"{row.name} wakes somebody who then has nothing to go by; write the first steps, or delete it"
                yield Finding(f"{name}[{index}].runbook", text)


def _vague(text: str) -> bool:
    return text.strip(" .!").lower() in _VAGUE or not text.strip(" .!?-")


def _source_severity(playbook: Playbook, _: date) -> Iterator[Finding]:
    for index, source in enumerate(playbook.sources):
        if not source.severity:
            yield Finding(
                f"sources[{index}]", f"{source.name} suggests no severity, so it calls nobody; add `severity`"
            )


def _detectable(playbook: Playbook, _: date) -> Iterator[Finding]:
    for index, source in enumerate(playbook.sources):
        row = playbook.severity(source.severity)
        if row is None or row.detect is None:
            continue
        http = source.type == "http"
        slowest = source.interval * source.failures + source.deadline if http else source.interval + source.hold
        if slowest > at_least(row.detect, playbook.calendar):
            text = (
                f"{source.name} needs up to {slowest:g} s, more than {row.name} allows ({row.detect}); make it quicker"
            )
            yield Finding(f"sources[{index}]", text)


def _outside(playbook: Playbook, _: date) -> Iterator[Finding]:
    if not any(source.type == "http" for source in playbook.sources):
        yield Finding("sources", "nothing looks from outside, as a customer would; add a source of type http")


def _customers(playbook: Playbook, _: date) -> Iterator[Finding]:
    if not playbook.reports:
        yield Finding("", "no way is named in which customers report a problem; add `reports`")


POLICY = (
    Rule("severity-examples", "Each severity has examples.", ("D1",), _examples),
    Rule("severity-response", "Each severity says what must be done.", ("D1",), _response),
    Rule("severity-order", "A graver severity is never given more time than a lighter one.", ("C1",), _order),
    Rule("severity-cadence", "Each severity that people are told of has a rhythm of updates.", ("A4", "E5"), _cadence),
    Rule(
        "cadence-limit", "Updates come at least every 30 min at rank 1, 60 min at rank 2.", ("A4", "E5"), _cadence_limit
    ),
    Rule(
        "channel-deadline", "At ranks 1 and 2 each channel has a deadline or a condition.", ("C1",), _channel_deadline
    ),
    Rule("channel-too-late", "No deadline of a channel lies after the restore target.", ("C1",), _told_too_late),
    Rule("channel-condition", "A channel's condition can come true before the restore target.", ("C1",), _condition),
    Rule("severity-review", "Ranks 1 and 2 owe a review, with a date.", ("C6", "A6", "A3"), _review),
    Rule("severity-here", "The gravest severity calls everybody, those below rank 2 do not.", ("C2",), _here),
    Rule("calendar-holidays", "Where business days are promised, holidays are known.", ("C1",), _holidays),
    Rule("source-owner", "Each alert and report has an owner, and no placeholder for one.", ("A1",), _owner),
    Rule("source-runbook", "Each alert and report has a runbook, and no placeholder for one.", ("A1",), _runbook),
    Rule("source-severity", "Each alert suggests a severity.", ("C2",), _source_severity),
    Rule("source-too-slow", "An alert can fire within its severity's time to detect.", ("C3",), _detectable),
    Rule("source-outside", "Something looks from outside.", ("C3", "A2"), _outside),
    Rule("reports-missing", "Customers have a way to report.", ("C3",), _customers),
)
