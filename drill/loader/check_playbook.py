"""What must hold within one playbook (C1 to C5, C8), whatever the stack."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from string import Formatter
from zoneinfo import ZoneInfo

from drill.loader.check_people import check_people
from drill.loader.check_smoke import check_smoke
from drill.loader.checks import above_zero, absolute, clock_time, dates, known, named_like, some, unique
from drill.loader.finding import Finding, hint, show, step
from drill.loader.holidays import check_country
from drill.model.playbook import Calendar, DetectionSource, Mitigation, Playbook, Severity, Template

HOLES = ("start", "what", "impact", "next_update", "severity", "incident", "end", "root_cause", "fix", "prevention")
"""What a template may leave open (C5)."""

_Fields = Mapping[str, tuple[tuple[str, ...], bool]]
_SOURCE_FIELDS: _Fields = {
    "path": (("http",), False),  # an http source without one fails as "no HTTP path"
    "alert": (("prometheus",), True),
    "match": (("prometheus",), False),
    "hold": (("prometheus",), False),
}
_MITIGATION_FIELDS: _Fields = {
    "flag": (("flag",), True),
    "image": (("image",), False),
    **dict.fromkeys(("promote", "proxy_service", "upstream"), (("failover",), True)),
    "proxy": (("failover", "block"), True),
    "env": (("config",), True),
    "route": (("block",), True),
    "command": (("exec",), True),
    "revert": (("exec",), False),
}
"""Field to the types that have it, and whether those need it."""

_UPSTREAM = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*:[0-9]{1,5}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def check_playbook(playbook: Playbook, stem: str) -> Iterator[Finding]:
    """Findings of a playbook from a file named ``stem``."""
    yield from named_like(playbook.id, stem)
    yield from _severities(playbook.severities)
    yield from unique("sources", "name", [source.name for source in playbook.sources])
    severities = [row.name for row in playbook.severities]
    for index, source in enumerate(playbook.sources):
        yield from _source(f"sources[{index}]", source)
        if source.severity:
            yield from known(f"sources[{index}].severity", source.severity, severities, "severity")
    yield from unique("mitigations", "name", [mitigation.name for mitigation in playbook.mitigations])
    for index, mitigation in enumerate(playbook.mitigations):
        yield from _mitigation(f"mitigations[{index}]", mitigation)
    for names in ("templates", "reports", "verification"):
        yield from unique(names, "name", [row.name for row in getattr(playbook, names)])
    steps = [row.name for row in playbook.verification]
    for index, template in enumerate(playbook.templates):
        yield from _template(f"templates[{index}]", template, steps)
    for index, report in enumerate(playbook.reports):
        yield from above_zero([(f"reports[{index}].every", 1 if report.every is None else report.every)])
    yield from _calendar(playbook.calendar)
    yield from check_people(playbook)
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
    if source.path or source.type == "http":
        yield from absolute(f"{path}.path", source.path)
    names = ("interval", "deadline", "failures", "successes")
    yield from above_zero((f"{path}.{name}", getattr(source, name)) for name in names)
    yield from _only(path, source, _SOURCE_FIELDS)


def _mitigation(path: str, mitigation: Mitigation) -> Iterator[Finding]:
    yield from _only(path, mitigation, _MITIGATION_FIELDS)
    if mitigation.upstream and not _UPSTREAM.fullmatch(mitigation.upstream):
        yield Finding(
            f"{path}.upstream", f"{show(mitigation.upstream)} is not host:port; write for example replica:5432"
        )
    if mitigation.route:
        yield from absolute(f"{path}.route", mitigation.route)
    for name in mitigation.env:
        if not _VARIABLE.fullmatch(name):
            yield Finding(step(f"{path}.env", name), f"{show(name)} is no name of a variable; correct it")


def _only(path: str, record: DetectionSource | Mitigation, fields: _Fields) -> Iterator[Finding]:
    """Fields that only some types have: missing where they are needed, without meaning elsewhere."""
    for name, (types, needed) in fields.items():
        value = getattr(record, name)
        if needed and record.type in types and not value:
            yield Finding(f"{path}.{name}", f"is missing; type {record.type} needs it")
        if value and record.type not in types:
            yield Finding(f"{path}.{name}", f"has no meaning for type {record.type}; remove it")


def _template(path: str, template: Template, steps: Collection[str]) -> Iterator[Finding]:
    for index, name in enumerate(template.needs):
        yield from known(f"{path}.needs[{index}]", name, steps, "verification step")
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
    wrong = [*clock_time("calendar.opens", calendar.opens), *clock_time("calendar.closes", calendar.closes)]
    yield from wrong
    if not wrong and calendar.opens >= calendar.closes:
        yield Finding("calendar.closes", "is not after opens; correct one of them")
    yield from check_country(calendar)
    yield from some("calendar.workdays", calendar.workdays)
    for index, day in enumerate(calendar.holidays):
        yield from dates(f"calendar.holidays[{index}]", day)
