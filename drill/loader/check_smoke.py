"""The smoke overlay shortens what is there: it names existing things and is never longer than the real value."""

from __future__ import annotations

from collections.abc import Iterator

from drill.loader.checks import above_zero, known
from drill.loader.finding import Finding, step
from drill.model.people import OnCall
from drill.model.playbook import Calendar, DetectionSource, Playbook, Severity, SmokeSource, SmokeTargets
from drill.model.units import TimeTarget

SHORTER = ("interval", "failures", "deadline", "hold")
TARGETS = ("detect", "acknowledge", "triage", "mitigate", "restore")


def check_smoke(playbook: Playbook) -> Iterator[Finding]:
    """Findings of a playbook's ``smoke`` section, if it has one."""
    if playbook.smoke is None:
        return
    for name, short in playbook.smoke.sources.items():
        path = step("smoke.sources", name)
        yield from known(path, name, [source.name for source in playbook.sources], "detection source")
        if source := playbook.source(name):
            yield from _source(path, short, source)
    if playbook.smoke.escalate_every is not None:
        yield from _escalation(playbook.smoke.escalate_every, playbook.on_call)
    for name, targets in playbook.smoke.targets.items():
        path = step("smoke.targets", name)
        yield from known(path, name, [row.name for row in playbook.severities], "severity")
        if severity := playbook.severity(name):
            yield from _targets(path, targets, severity, playbook.calendar)


def _source(path: str, short: SmokeSource, real: DetectionSource) -> Iterator[Finding]:
    for name in SHORTER:
        value = getattr(short, name)
        if value is None:
            continue
        if name != "hold":
            yield from above_zero([(f"{path}.{name}", value)])
        if value > getattr(real, name):
            yield _longer(f"{path}.{name}")
    if short.match and real.type != "prometheus":
        yield Finding(f"{path}.match", f"has no meaning for type {real.type}; remove it")


def _escalation(apart: float, on_call: OnCall) -> Iterator[Finding]:
    path = "smoke.escalate_every"
    yield from above_zero([(path, apart)])
    if not on_call.escalation:
        yield Finding(path, "has no meaning without on_call.escalation; remove it")
    if any(apart * number > step.after for number, step in enumerate(on_call.escalation, start=1)):
        yield _longer(path)


def _targets(path: str, short: SmokeTargets, real: Severity, calendar: Calendar) -> Iterator[Finding]:
    for name in TARGETS:
        if _exceeds(getattr(short, name), getattr(real, name), calendar):
            yield _longer(f"{path}.{name}")
    rules = {rule.channel: rule for rule in real.channels}
    for channel, within in short.channels.items():
        where = step(f"{path}.channels", channel)
        yield from known(where, channel, rules, "channel of this severity")
        if channel in rules and _exceeds(within, rules[channel].within, calendar):
            yield _longer(where)


def _exceeds(short: TimeTarget | None, real: TimeTarget | None, calendar: Calendar) -> bool:
    return short is not None and real is not None and _least(short, calendar) > _least(real, calendar)


def _least(target: TimeTarget, calendar: Calendar) -> float:
    """Seconds that a target lasts at the least: a business day is never shorter than its opening hours."""
    return target.seconds + target.business_days * (_clock(calendar.closes) - _clock(calendar.opens))


def _clock(text: str) -> float:
    hours, _, minutes = text.partition(":")
    valid = hours.isascii() and hours.isdigit() and minutes.isascii() and minutes.isdigit()
    return int(hours) * 3600.0 + int(minutes) * 60.0 if valid and len(text) == 5 else 0.0


def _longer(path: str) -> Finding:
    return Finding(path, "is longer than the real value; the smoke overlay may only shorten")
