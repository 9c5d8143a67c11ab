"""Each rule on playbooks: it finds the one thing that it is about, and nothing in the playbooks that are shipped."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from drill import shipped
from drill.lint import RULES
from drill.loader import load_playbook
from drill.model.people import Escalation
from drill.model.playbook import Playbook
from drill.model.units import Seconds, TimeTarget

LEAST = """\
id: sample
title: A sample
sign_off: {version: "1", approved: 2026-10-01, next_review: 2026-12-01}
severities:
  - {name: Sev 0, rank: 1, definition: all, acknowledge: 1 business day, restore: 15m, channels: [{channel: banner}]}
sources: []
mitigations: []
templates: []
on_call: {name: me, email: me@example.test}
"""
TODAY = date(2026, 11, 21)
DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(scope="module")
def clients() -> Playbook:
    return load_playbook(shipped.playbook_path("clients"))


def found(playbook: Playbook, today: date = TODAY) -> list[tuple[str, str]]:
    """Rule and path of each finding."""
    return [(rule.id, finding.path) for rule in RULES for finding in rule.look(playbook, today)]


def item(part: str, index: int, **changes: Any) -> Callable[[Playbook], Playbook]:
    """The playbook with one record of a list changed."""

    def change(playbook: Playbook) -> Playbook:
        rows = list(getattr(playbook, part))
        rows[index] = replace(rows[index], **changes)
        return replace(playbook, **{part: tuple(rows)})

    return change


def part(name: str, **changes: Any) -> Callable[[Playbook], Playbook]:
    """The playbook with one part changed."""
    return lambda playbook: replace(playbook, **{name: replace(getattr(playbook, name), **changes)})


def without(name: str, value: Any = ()) -> Callable[[Playbook], Playbook]:
    return lambda playbook: replace(playbook, **{name: value})


def channel(severity: int, index: int, **changes: Any) -> Callable[[Playbook], Playbook]:
    def change(playbook: Playbook) -> Playbook:
        rules = list(playbook.severities[severity].channels)
        rules[index] = replace(rules[index], **changes)
        return item("severities", severity, channels=tuple(rules))(playbook)

    return change


def template(name: str, **changes: Any) -> Callable[[Playbook], Playbook]:
    def change(playbook: Playbook) -> Playbook:
        index = [row.name for row in playbook.templates].index(name)
        return item("templates", index, **changes)(playbook)

    return change


def no(name: str, /, **kept: Any) -> Callable[[Playbook], Playbook]:
    """The playbook without the records of a list that have these values."""

    def change(playbook: Playbook) -> Playbook:
        rows = getattr(playbook, name)
        left = tuple(row for row in rows if any(getattr(row, key) != value for key, value in kept.items()))
        assert len(left) < len(rows)
        return replace(playbook, **{name: left})

    return change


def both(*changes: Callable[[Playbook], Playbook]) -> Callable[[Playbook], Playbook]:
    def change(playbook: Playbook) -> Playbook:
        for one in changes:
            playbook = one(playbook)
        return playbook

    return change


DAY = TimeTarget(seconds=86400)
SPOILT: dict[str, tuple[Callable[[Playbook], Playbook], str]] = {
    "severity-examples": (item("severities", 2, examples=()), "severities[2]"),
    "severity-response": (item("severities", 0, response=" "), "severities[0]"),
    "severity-order": (item("severities", 1, acknowledge=TimeTarget(seconds=60)), "severities[1].acknowledge"),
    "severity-cadence": (item("severities", 2, update_every=None), "severities[2]"),
    "cadence-limit": (item("severities", 1, update_every=Seconds(3601)), "severities[1].update_every"),
    "channel-deadline": (channel(1, 1, within=None), "severities[1].channels[1]"),
    "channel-too-late": (channel(0, 1, within=DAY), "severities[0].channels[1].within"),
    "channel-condition": (
        channel(0, 1, if_longer_than=Seconds(14400)),
        "severities[0].channels[1].if_longer_than",
    ),
    "severity-review": (item("severities", 1, review_within=None), "severities[1].review"),
    "severity-here": (item("severities", 2, here=True), "severities[2].here"),
    "calendar-holidays": (part("calendar", country="", subdivision=""), "calendar"),
    "source-owner": (item("sources", 3, owner="TBD."), "sources[3].owner"),
    "source-runbook": (item("reports", 0, runbook="..."), "reports[0].runbook"),
    "source-severity": (item("sources", 0, severity=""), "sources[0]"),
    "source-too-slow": (item("sources", 0, failures=5), "sources[0]"),
    "source-outside": (no("sources", type="http"), "sources"),
    "reports-missing": (without("reports"), ""),
    "channel-template": (no("templates", channel="banner"), "severities[2].channels[0].channel"),
    "template-next-update": (
        template("investigating-email", body="Since {start} UTC: {what}. Impact: {impact}"),
        "templates[1].body",
    ),
    "template-incomplete": (
        template("investigating-status", body="Impact: {impact}. Next update: {next_update}"),
        "templates[0].body",
    ),
    "template-resolution": (
        both(no("templates", name="resolved-email"), no("templates", name="resolved-email-data-safe")),
        "templates",
    ),
    "template-data-safety": (template("resolved-email-data-safe", needs=("alive",)), "templates[6]"),
    "mitigation-way-back": (item("mitigations", 8, revert=()), "mitigations[8]"),
    "mitigation-options": (no("mitigations", type="image"), "mitigations"),
    "verification-kinds": (both(without("verification"), no("templates", name="resolved-email-data-safe")), ""),
    "on-call-secondary": (
        lambda playbook: part("on_call", rota=replace(playbook.on_call.rota, people=playbook.on_call.rota.people[:1]))(
            playbook
        ),
        "on_call.rota.people",
    ),
    "on-call-escalation": (part("on_call", escalation=()), "on_call"),
    "escalation-too-late": (
        part("on_call", escalation=(Escalation(after=Seconds(900)),)),
        "on_call.escalation[0].after",
    ),
    "roles-named": (item("severities", 0, roles=("commander", "communications")), "severities[0]"),
    "roles-duties": (no("roles", role="scribe"), "roles"),
    "checklist-missing": (without("checklist"), ""),
    "client-lead": (item("clients", 1, lead=""), "clients[1]"),
    "client-contact": (item("clients", 0, contact=" "), "clients[0]"),
    "client-review": (item("clients", 0, review_within=None), "clients[0]"),
    "client-notice": (without("client_notice", None), "clients"),
    "client-notice-limit": (part("client_notice", within=TimeTarget(business_days=1)), "client_notice.within"),
    "review-passed": (part("sign_off", next_review="2026-11-20"), "sign_off.next_review"),
    "approval-ahead": (part("sign_off", approved="2026-11-22"), "sign_off.approved"),
    "review-interval": (part("sign_off", next_review="2027-04-01"), "sign_off.next_review"),
    "sign-off-controls": (part("sign_off", controls=()), "sign_off"),
}


@pytest.mark.parametrize("name", shipped.playbooks())
def test_nothing_is_found_in_a_shipped_playbook_while_its_review_is_not_due(name: str) -> None:
    assert found(load_playbook(shipped.playbook_path(name))) == []


def test_every_rule_has_a_playbook_that_breaks_it() -> None:
    assert sorted(SPOILT) == sorted(rule.id for rule in RULES)
    assert len({rule.id for rule in RULES}) == len(RULES) >= 15


@pytest.mark.parametrize("rule", SPOILT)
def test_a_rule_finds_what_it_is_about_and_no_other_rule_does(rule: str, clients: Playbook) -> None:
    spoil, path = SPOILT[rule]
    assert found(spoil(clients)) == [(rule, path)]


def test_a_finding_is_one_line_that_says_what_to_do(clients: Playbook) -> None:
    for rule in RULES:
        for finding in rule.look(SPOILT[rule.id][0](clients), TODAY):
            assert "\n" not in finding.text
            assert re.search(r"[;,:] \w+", finding.text), finding


def test_every_rule_names_requirements_that_exist_and_is_explained() -> None:
    required = (DOCS / "requirements.md").read_text()
    guide = (DOCS / "playbook.md").read_text()
    for rule in RULES:
        assert [source for source in rule.sources if f"| {source} |" not in required] == []
        assert f"| `{rule.id}` | {rule.says} | {', '.join(rule.sources)} |" in guide


def test_a_playbook_that_has_hardly_anything_is_judged_too(tmp_path: Path) -> None:
    """The least that loads: most rules find something, and none stumbles."""
    path = tmp_path / "sample.yaml"
    path.write_text(LEAST)
    rules = {rule for rule, _ in found(load_playbook(path))}
    assert {"severity-cadence", "channel-template", "on-call-secondary", "checklist-missing"} <= rules


def test_the_day_decides_whether_a_review_has_passed(clients: Playbook) -> None:
    assert found(clients, date(2027, 1, 1)) == []
    assert found(clients, date(2027, 1, 2)) == [("review-passed", "sign_off.next_review")]


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("Your data: none was lost.", True),
        ("No customer data was lost or exposed.", True),
        ("Your data is safe.", True),
        ("The data of your orders was not affected.", True),
        ("We are looking at the data.", False),
        ("No exports. Your data may be old.", False),
    ],
)
def test_a_sentence_on_the_safety_of_data_is_recognised(text: str, claims: bool, clients: Playbook) -> None:
    spoilt = template("resolved-status", body=clients.templates[2].body + text)(clients)
    assert bool(found(spoilt)) is claims
