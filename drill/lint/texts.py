"""Rules on messages, mitigations and verification (C4, C5, D4, D5)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from drill.lint.rule import Rule
from drill.loader.finding import Finding
from drill.model.messages import fill, lint, mark
from drill.model.playbook import Playbook

_FILLED = {
    "start": "10:00",
    "end": "10:40",
    "next_update": "10:30",
    "severity": "SEV-1",
    "incident": "INC-20260101-01",
    **dict.fromkeys(("what", "impact", "root_cause", "fix", "prevention"), "this"),
}
_LEARNED = ("root_cause", "fix", "prevention")
_DATA_IS_SAFE = re.compile(
    r"\bdata\b[^.\n]{0,40}\b(?:safe|secure|intact|not affected|unaffected|none was lost)\b"
    r"|\bno\b[^.\n]{0,30}\bdata\b[^.\n]{0,30}\b(?:lost|leaked|exposed|affected|accessed)\b",
    re.IGNORECASE,
)


def _channel_template(playbook: Playbook, _: date) -> Iterator[Finding]:
    written = {template.channel for template in playbook.templates if template.status != "resolved"}
    for index, row in enumerate(playbook.severities):
        for number, rule in enumerate(row.channels):
            if rule.channel not in written:
                text = f"{row.name} is told by {rule.channel}, but no template is written for it; add one"
                yield Finding(f"severities[{index}].channels[{number}].channel", text)


def _findings_of(playbook: Playbook) -> Iterator[tuple[str, str]]:
    """Path and finding of each template as the program's own lint sees it with every hole filled in."""
    for index, template in enumerate(playbook.templates):
        subject, body = mark(fill(template.subject, _FILLED), fill(template.body, _FILLED))
        for said in lint(template.channel, template.status, subject, body):
            yield f"templates[{index}]", said


def _next_update(playbook: Playbook, _: date) -> Iterator[Finding]:
    for path, said in _findings_of(playbook):
        if said.startswith("no-next-update"):
            yield Finding(
                f"{path}.body", "does not say when the next update comes; add `Next update: {next_update} UTC`"
            )


def _complete(playbook: Playbook, _: date) -> Iterator[Finding]:
    for path, said in _findings_of(playbook):
        if not said.startswith("no-next-update"):
            yield Finding(f"{path}.body", f"would not pass as a message: {said.partition(': ')[2]}")


def _resolution(playbook: Playbook, _: date) -> Iterator[Finding]:
    if not any(rule.channel == "email" for row in playbook.severities for rule in row.channels):
        return
    last = [row.body for row in playbook.templates if (row.channel, row.status) == ("email", "resolved")]
    if not any(all(f"{{{hole}}}" in body for hole in _LEARNED) for body in last):
        text = (
            "no e-mail tells customers afterwards what the root cause was, what was done, and what prevents it; add one"
        )
        yield Finding("templates", text)


def _data_safety(playbook: Playbook, _: date) -> Iterator[Finding]:
    data = {step.name for step in playbook.verification if step.kind == "sql"}
    for index, template in enumerate(playbook.templates):
        claims = _DATA_IS_SAFE.search(f"{template.subject}\n{template.body}")
        if claims and not data & set(template.needs):
            text = "says that data is safe without having looked; name the sql steps of `verification` in `needs`"
            yield Finding(f"templates[{index}]", text)


def _way_back(playbook: Playbook, _: date) -> Iterator[Finding]:
    for index, mitigation in enumerate(playbook.mitigations):
        if mitigation.type == "exec" and not mitigation.revert:
            yield Finding(f"mitigations[{index}]", f"{mitigation.name} names no way back; add `revert`")


def _options(playbook: Playbook, _: date) -> Iterator[Finding]:
    types = {mitigation.type for mitigation in playbook.mitigations}
    for type_, words in {"image": "roll a release back", "flag": "switch a feature off"}.items():
        if type_ not in types:
            yield Finding("mitigations", f"nothing can {words}; add a mitigation of type {type_}")


def _verification(playbook: Playbook, _: date) -> Iterator[Finding]:
    kinds = {step.kind for step in playbook.verification}
    if missing := [kind for kind in ("http", "browser", "sql", "external") if kind not in kinds]:
        text = f"recovery is not verified by {', '.join(missing)}; add steps of that kind"
        yield Finding("verification" if kinds else "", text)


TEXTS = (
    Rule("channel-template", "Each channel of a severity has a template.", ("C5",), _channel_template),
    Rule(
        "template-next-update",
        "Each message before the end says when the next comes.",
        ("C5", "E5", "E13"),
        _next_update,
    ),
    Rule("template-incomplete", "A template that is filled in passes the lint of messages.", ("C5", "D6"), _complete),
    Rule("template-resolution", "An e-mail afterwards tells cause, mend and prevention.", ("C5",), _resolution),
    Rule("template-data-safety", "A sentence on the safety of data needs the data checks.", ("C5", "D5"), _data_safety),
    Rule("mitigation-way-back", "Each mitigation that changes something can be taken back.", ("D4",), _way_back),
    Rule("mitigation-options", "There is a way to roll back and one to switch off.", ("C4", "D4"), _options),
    Rule(
        "verification-kinds",
        "Recovery is verified by endpoint, workflow, data and providers.",
        ("D5", "E9"),
        _verification,
    ),
)
