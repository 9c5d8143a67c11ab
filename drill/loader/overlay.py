"""The smoke overlay, applied: the same playbook with the shorter values of its ``smoke`` section."""

from __future__ import annotations

from dataclasses import replace

from drill.errors import InvalidInput
from drill.loader.check_smoke import SHORTER, TARGETS
from drill.model.people import OnCall
from drill.model.playbook import DetectionSource, Playbook, Severity, Smoke
from drill.model.units import Seconds


def with_smoke(playbook: Playbook) -> Playbook:
    """A copy with the overlay applied to sources and severities. Raises InvalidInput where there is no overlay."""
    smoke = playbook.smoke
    if smoke is None:
        raise InvalidInput(f"playbook {playbook.id} has no smoke section; add one or run without --smoke")
    return replace(
        playbook,
        sources=tuple(_source(source, smoke) for source in playbook.sources),
        severities=tuple(_severity(row, smoke) for row in playbook.severities),
        on_call=_on_call(playbook.on_call, smoke),
    )


def _on_call(on_call: OnCall, smoke: Smoke) -> OnCall:
    if smoke.escalate_every is None:
        return on_call
    apart = smoke.escalate_every
    steps = (replace(row, after=Seconds(apart * number)) for number, row in enumerate(on_call.escalation, start=1))
    return replace(on_call, escalation=tuple(steps))


def _source(source: DetectionSource, smoke: Smoke) -> DetectionSource:
    short = smoke.sources.get(source.name)
    if short is None:
        return source
    shorter = {name: getattr(short, name) for name in SHORTER if getattr(short, name) is not None}
    return replace(source, match={**source.match, **short.match}, **shorter)


def _severity(row: Severity, smoke: Smoke) -> Severity:
    short = smoke.targets.get(row.name)
    if short is None:
        return row
    targets = {name: getattr(short, name) or getattr(row, name) for name in TARGETS}
    channels = tuple(replace(rule, within=short.channels.get(rule.channel, rule.within)) for rule in row.channels)
    return replace(row, channels=channels, **targets)
