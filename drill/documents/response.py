"""The parts of a playbook document that a responder uses: roles, checklist, detection, mitigations, messages."""

from __future__ import annotations

import shlex
from collections.abc import Iterator

from drill.documents.tables import fence, table
from drill.model.playbook import DetectionSource, Mitigation, Playbook, Template
from drill.model.units import format_seconds


def roles(playbook: Playbook) -> Iterator[str]:
    """Who does what; one person may hold several (D2)."""
    if playbook.roles:
        yield "## Roles"
        yield ""
        yield from table(("role", "what they do"), [(f"**{duty.role}**", duty.duty) for duty in playbook.roles])
        yield "One person may hold several."
        yield ""


def checklist(playbook: Playbook) -> Iterator[str]:
    """A box for each item, in order of time (D3)."""
    if not playbook.checklist:
        return
    last = max(item.within for item in playbook.checklist)
    yield f"## The first {format_seconds(last)}"
    yield ""
    for item in sorted(playbook.checklist, key=lambda item: item.within):
        how = f", by `drill {item.verb}`" if item.verb else ""
        yield f"- [ ] {' '.join(item.text.split())} (`{item.id}`, within {format_seconds(item.within)}{how})"
    yield ""


def detection(playbook: Playbook) -> Iterator[str]:
    """What watches, and what people report."""
    yield "## Detection"
    yield ""
    alerts = [
        (f"`{row.name}`", row.service, _fires(row), row.severity, row.owner, row.runbook) for row in playbook.sources
    ]
    yield from table(("alert", "watches", "fires", "severity", "owner", "first steps"), alerts)
    reports = [
        (f"`{row.name}`", row.how, format_seconds(row.every) if row.every else "", row.owner, row.runbook)
        for row in playbook.reports
    ]
    if reports:
        yield from table(("report", "how", "how often", "owner", "first steps"), reports)


def _fires(source: DetectionSource) -> str:
    every = format_seconds(source.interval)
    if source.type == "http":
        return f"{source.failures} bad answers in a row of {source.path}, asked every {every}"
    held = f", once it held for {format_seconds(source.hold)}" if source.hold else ""
    return f"rule {source.alert}, looked at every {every}{held}"


def mitigations(playbook: Playbook) -> Iterator[str]:
    """Each with what it does and how it is taken back."""
    yield "## Mitigations"
    yield ""
    heads = ("`drill act` …", "what it does and when", "how it is taken back")
    yield from table(heads, [(f"`{row.name}`", row.description, _back(row)) for row in playbook.mitigations])


def _back(mitigation: Mitigation) -> str:
    ways = {
        "restart": "nothing to take back",
        "flag": f"`{mitigation.flag}` is set to what it was",
        "image": "the image that ran before is deployed",
        "failover": "the stack's recipe lets the old primary rejoin",
        "config": "the variables are set to what they were",
        "block": "the proxy lets the route through again",
        "exec": f"`{shlex.join(mitigation.revert)}`" if mitigation.revert else "**no way back is named**",
    }
    return ways[mitigation.type]


def verification(playbook: Playbook) -> Iterator[str]:
    """What to look at before it is over (D5)."""
    if playbook.verification:
        yield "## Verification"
        yield ""
        yield "Look at the alert that fired first; it must be clear. Then:"
        yield ""
        rows = [(f"`{row.name}`", row.kind, row.do, row.expected) for row in playbook.verification]
        yield from table(("step", "kind", "do", "expected"), rows)


def templates(playbook: Playbook) -> Iterator[str]:
    """Every message, as it stands."""
    yield "## Messages"
    yield ""
    for template in playbook.templates:
        yield from _template(template)


def _template(template: Template) -> Iterator[str]:
    yield f"### {template.name}"
    yield ""
    yield f"For {template.channel}, status {template.status}."
    if template.needs:
        yield f"Only when these verification steps have passed: {', '.join(f'`{name}`' for name in template.needs)}."
    yield ""
    subject = f"Subject: {template.subject}\n\n" if template.subject else ""
    yield from fence(subject + template.body)
