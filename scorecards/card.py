"""The scorecard as frozen data: what the renderers, the history and the gap rules read. Times are integer ns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["pass", "fail", "unknown", "not-applicable", "no-target"]
"""``unknown`` is never a pass. ``no-target``: the boundary was seen, the playbook promises no time for it."""

Result = Literal["passed", "failed", "unknown", "voided", "running"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """One boundary of a span: event number, ns since event 0, ± ns, the clock that was read."""

    seq: int
    t_ns: int
    uncertainty_ns: int
    clock: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One span, judged. ``margin_ns`` is target minus observed (negative: too late)."""

    id: str
    title: str
    channel: str
    state: str
    start: Bound | None
    end: Bound | None
    observed_ns: int | None
    uncertainty_ns: int
    elapsed_ns: int | None
    """How long an open span had run when it was cut short, or until the last event."""
    claimed_ns: int | None
    target: str
    target_ns: int | None
    """The target as elapsed ns from the start; for business time it depends on when the span began."""
    real_target: str
    margin_ns: int | None
    verdict: Verdict
    required: bool
    points: int
    declared_target: str
    declared_verdict: Verdict | None
    """The same span under the severity that was declared, where that is another one."""
    from_declaration_ns: int | None
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One yes-or-no question, with the events that answer it."""

    id: str
    title: str
    verdict: Verdict
    required: bool
    points: int
    detail: str
    events: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A statement in plain words, with the numbers of the events that show it."""

    text: str
    events: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What a row or check means in this rule set, and the sources it comes from."""

    id: str
    text: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scorecard:
    """The judgement of one journal by one rule set.

    ``low``, ``high``: 0 to 100, unknown counted as fail and as pass; None where there is no score (voided) or
    nothing to score (absorbed). ``labels``: SMOKE and SCRIPTED where they apply; they belong beside every verdict.
    """

    rule_set: str
    recorded_rule_set: str
    drill_id: str
    scenario: str
    scenario_title: str
    story: str
    project: str
    playbook: str
    playbook_version: str
    began_utc: str
    length_ns: int
    mode: str
    smoke: bool
    labels: tuple[str, ...]
    outcome: str
    result: Result
    passed: bool
    headline: str
    absorbed: bool
    voided: bool
    low: float | None
    high: float | None
    severity_expected: str
    severity_declared: str
    targets_severity: str
    rows: tuple[Row, ...]
    checks: tuple[Check, ...]
    findings: tuple[Finding, ...]
    definitions: tuple[Definition, ...]
    events: int
