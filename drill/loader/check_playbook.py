"""What must hold within one playbook (C1 to C5, C8), whatever the stack."""

from __future__ import annotations

import re
from collections.abc import Iterator
from string import Formatter
from zoneinfo import ZoneInfo

from drill.loader.check_smoke import check_smoke
from drill.loader.checks import above_zero, absolute, dates, is_date, named_like, some, unique
from drill.loader.finding import Finding, hint, show
from drill.model.playbook import Calendar, DetectionSource, Mitigation, Playbook, Severity, SignOff, Template

HOLES = ("start", "what", "impact", "next_update", "severity", "incident", "end", "root_cause", "fix", "prevention")
"""What a template may leave open (C5)."""

_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def check_playbook(playbook: Playbook, stem: str) -> Iterator[Finding]:
    """Findings of a playbook from a file named ``stem``."""
    yield from named_like(playbook.id, stem)
    yield from _severities(playbook.severities)
    yield from unique("sources", "name", [source.name for source in playbook.sources])
    for index, source in enumerate(playbook.sources):
        yield from _source(f"sources[{index}]", source)
    yield from unique("mitigations", "name", [mitigation.name for mitigation in playbook.mitigations])
    for index, mitigation in enumerate(playbook.mitigations):
        yield from _mitigation(f"mitigations[{index}]", mitigation)
    yield from unique("templates", "name", [template.name for template in playbook.templates])
    for index, template in enumerate(playbook.templates):
        yield from _template(f"templates[{index}]", template)
    if not _EMAIL.fullmatch(playbook.on_call.email):
        yield Finding("on_call.email", f"{show(playbook.on_call.email)} is no mail address; write name@host")
    yield from _calendar(playbook.calendar)
    yield from _sign_off(playbook.sign_off)
    yield from check_smoke(playbook)


def _severities(rows: tuple[Severity, ...]) -> Iterator[Finding]:
    yield from some("severities", rows)
    yield from unique("severities", "name", [row.name for row in rows])
    if rows and sorted(row.rank for row in rows) != list(range(1, len(rows) + 1)):
        yield Finding("severities", f"ranks must be 1 (gravest) to {len(rows)}, each once; number them again")
    for index, row in enumerate(rows):
        path = f"severities[{index}]"
        yield from unique(f"{path}.channels", "channel", [rule.channel for rule in row.channels])
        if row.update_every is not None:
            yield from above_zero([(f"{path}.update_every", row.update_every)])


def _source(path: str, source: DetectionSource) -> Iterator[Finding]:
    yield from absolute(f"{path}.path", source.path)
    names = ("interval", "deadline", "failures", "successes")
    yield from above_zero((f"{path}.{name}", getattr(source, name)) for name in names)


def _mitigation(path: str, mitigation: Mitigation) -> Iterator[Finding]:
    if mitigation.type == "flag" and not mitigation.flag:
        yield Finding(f"{path}.flag", "is missing; name the flag that this mitigation sets")
    if mitigation.type != "flag" and mitigation.flag:
        yield Finding(f"{path}.flag", f"has no meaning for type {mitigation.type}; remove it or use type flag")


def _template(path: str, template: Template) -> Iterator[Finding]:
    yield from _holes(f"{path}.body", template.body)
    yield from _holes(f"{path}.subject", template.subject)
    if "\n" in template.subject:
        yield Finding(f"{path}.subject", "has more than one line; shorten it")
    if template.channel == "email" and not template.subject.strip():
        yield Finding(f"{path}.subject", "is missing; an e-mail needs one")


def _holes(path: str, text: str) -> Iterator[Finding]:
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        yield Finding(path, f"braces do not match ({error}); write {{{{ and }}}} for braces that are meant as such")
        return
    for _, name, form, conversion in parts:
        if name is not None and (name not in HOLES or form or conversion):
            yield Finding(path, f"unknown hole {show('{' + name + '}')}; {hint(name, HOLES)}")


def _calendar(calendar: Calendar) -> Iterator[Finding]:
    try:
        ZoneInfo(calendar.zone)
    except (KeyError, ValueError, OSError):
        yield Finding("calendar.zone", f"unknown time zone {show(calendar.zone)}; write for example Europe/Berlin")
    clocks = {name: getattr(calendar, name) for name in ("opens", "closes")}
    wrong = {name: value for name, value in clocks.items() if not _TIME.fullmatch(value)}
    for name, value in wrong.items():
        yield Finding(f"calendar.{name}", f"{show(value)} is no time of day; write for example '09:00'")
    if not wrong and calendar.opens >= calendar.closes:
        yield Finding("calendar.closes", "is not after opens; correct one of them")
    yield from some("calendar.workdays", calendar.workdays)
    for index, day in enumerate(calendar.holidays):
        yield from dates(f"calendar.holidays[{index}]", day)


def _sign_off(sign_off: SignOff) -> Iterator[Finding]:
    yield from dates("sign_off.approved", sign_off.approved)
    yield from dates("sign_off.next_review", sign_off.next_review)
    both = is_date(sign_off.approved) and is_date(sign_off.next_review)
    if both and sign_off.next_review <= sign_off.approved:
        yield Finding("sign_off.next_review", "is not after the approval; give a later date")
