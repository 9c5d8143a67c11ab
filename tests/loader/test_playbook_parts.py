"""The parts of a playbook that concern people, time and recovery: what they hold, what is wrong, and where."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from loader_samples import PLAYBOOK, dump, write

from drill import shipped
from drill.errors import InvalidInput
from drill.loader import (
    load_config,
    load_playbook,
    load_playbook_with_lines,
    problems,
    reference_problems,
    with_holidays,
    with_smoke,
)
from drill.model.codec import decode, encode
from drill.model.playbook import Calendar, Playbook
from drill.model.units import Seconds

ON_CALL = "on_call: {name: me, email: me@example.test}\n"
NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


def on_call(text: str) -> str:
    return PLAYBOOK.replace(ON_CALL, f"on_call: {{name: me, email: me@example.test, {text}}}\n")


def mitigation(text: str) -> str:
    return PLAYBOOK.replace("type: restart, service: api,", f"{text},")


def added(text: str) -> str:
    return PLAYBOOK + text + "\n"


ADA = "{name: Ada, email: ada@example.test}"
WRONG = {
    "secondary without a mail address": (
        on_call("secondary: {name: a, email: b}"),
        "on_call.secondary.email",
        "name@host",
    ),
    "empty rota": (on_call("rota: {starts: 2026-01-05, people: []}"), "on_call.rota.people", "is empty"),
    "rota from no date": (on_call(f"rota: {{starts: monday, people: [{ADA}]}}"), "on_call.rota.starts", "is no date"),
    "hand-over at no time": (
        on_call(f"rota: {{starts: 2026-01-05, hands_over: '25:00', people: [{ADA}]}}"),
        "on_call.rota.hands_over",
        "no time of day",
    ),
    "shift of no days": (
        on_call(f"rota: {{starts: 2026-01-05, days: 0, people: [{ADA}]}}"),
        "on_call.rota.days",
        "than 0",
    ),
    "escalation to nobody": (on_call("escalation: [{after: 5m}]"), "on_call.escalation[0]", "there is none"),
    "escalation out of order": (
        on_call(f"secondary: {ADA}, escalation: [{{after: 5m}}, {{after: 5m, to: {ADA}}}]"),
        "on_call.escalation[1].after",
        "not later",
    ),
    "unknown role": (added("roles: [{role: king, duty: rules}]"), "roles[0].role", "known: commander"),
    "role twice": (
        added("roles: [{role: scribe, duty: a}, {role: scribe, duty: b}]"),
        "roles[1].role",
        "is used twice",
    ),
    "checklist item of an unknown verb": (
        added("checklist: [{id: a, text: b, verb: akk}]"),
        "checklist[0].verb",
        "did you mean ack?",
    ),
    "checklist id that is no name": (added("checklist: [{id: A b, text: b}]"), "checklist[0].id", "is no name"),
    "notice by no template": (
        added("client_notice: {applies: data, template: letter}"),
        "client_notice.template",
        "unknown template",
    ),
    "notice at no severity": (
        added("client_notice: {applies: data, severities: [SEV-7]}"),
        "client_notice.severities[0]",
        "did you mean",
    ),
    "verification of an unknown kind": (
        added("verification: [{name: a, kind: telepathy, do: b, expected: c}]"),
        "verification[0].kind",
        "known: browser",
    ),
    "template needs an unknown step": (
        PLAYBOOK.replace("channel: email, subject", "channel: email, needs: [audit], subject"),
        "templates[0].needs[0]",
        "unknown verification step",
    ),
    "unknown country": (added("calendar: {country: XX}"), "calendar.country", "write two letters"),
    "unknown subdivision": (
        added("calendar: {country: DE, subdivision: ZZ}"),
        "calendar.subdivision",
        "subdivision of DE",
    ),
    "subdivision alone": (added("calendar: {subdivision: BE}"), "calendar.subdivision", "without a country"),
    "config without variables": (
        mitigation("type: config, service: api"),
        "mitigations[0].env",
        "type config needs it",
    ),
    "config of no variable": (
        mitigation("type: config, service: api, env: {a b: c}"),
        "mitigations[0].env.'a b'",
        "no name of a variable",
    ),
    "block without a route": (
        mitigation("type: block, service: api, proxy: p"),
        "mitigations[0].route",
        "type block needs it",
    ),
    "block of no path": (
        mitigation("type: block, service: api, proxy: p, route: x"),
        "mitigations[0].route",
        "no HTTP path",
    ),
    "exec without a command": (mitigation("type: exec, service: api"), "mitigations[0].command", "type exec needs it"),
    "command of a restart": (
        mitigation("type: restart, service: api, command: [a]"),
        "mitigations[0].command",
        "no meaning for type restart",
    ),
    "shorter escalation of none": (
        PLAYBOOK.replace("smoke:\n", "smoke:\n  escalate_every: 3s\n"),
        "smoke.escalate_every",
        "no meaning without",
    ),
    "longer escalation": (
        on_call(f"secondary: {ADA}, escalation: [{{after: 5m}}]").replace("smoke:\n", "smoke:\n  escalate_every: 6m\n"),
        "smoke.escalate_every",
        "longer than the real value",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_said_with_its_place(what: str, tmp_path: Path) -> None:
    text, path, words = WRONG[what]
    (found,) = problems(write(tmp_path, text))
    assert f": {path}: " in found
    assert words in found


def test_a_block_needs_a_proxy_service_of_the_stack(tmp_path: Path) -> None:
    path = write(tmp_path, mitigation("type: block, service: api, proxy: payments, route: /payments"))
    (found,) = reference_problems(path, load_playbook(path), load_config(shipped.reference_config()), {})
    assert "mitigations[0].service" in found
    assert "role toxiproxy" in found


def test_an_older_playbook_without_the_new_parts_is_still_read(tmp_path: Path) -> None:
    loaded = load_playbook(write(tmp_path, PLAYBOOK))
    old = encode(loaded)
    for name in ("reports", "verification", "roles", "checklist", "clients", "client_notice"):
        del old[name]
    for name in ("secondary", "rota", "escalation"):
        del old["on_call"][name]
    for row in old["severities"]:
        for name in ("response", "roles", "review", "review_within"):
            del row[name]
    for name in ("env", "route", "command", "revert"):
        del old["mitigations"][0][name]
    del old["calendar"]["country"], old["calendar"]["subdivision"], old["smoke"]["escalate_every"]
    assert decode(Playbook, old) == loaded


@pytest.mark.parametrize("name", shipped.playbooks())
def test_a_shipped_playbook_survives_yaml_and_json(name: str, tmp_path: Path) -> None:
    playbook = load_playbook(shipped.playbook_path(name))
    assert decode(Playbook, encode(playbook)) == playbook
    assert load_playbook(write(tmp_path, dump(playbook), f"{name}.yaml")) == playbook


def test_the_smoke_overlay_brings_the_escalation_forward() -> None:
    real = load_playbook(shipped.playbook_path("standard"))
    short = with_smoke(real).on_call.escalation
    assert [step.after for step in short] == [Seconds(6), Seconds(12)]
    assert [step.to for step in short] == [step.to for step in real.on_call.escalation]


def test_a_playbook_tells_the_line_of_each_of_its_paths(tmp_path: Path) -> None:
    _, line = load_playbook_with_lines(write(tmp_path, PLAYBOOK))
    rows = PLAYBOOK.splitlines()
    assert rows[line("sources[0].owner") - 1].startswith("  - {name: uptime")
    assert rows[line("severities[1].nothing") - 1].startswith("  - {name: SEV-2")
    assert line("") == 1


# Holidays


def playbook_of(calendar: Calendar) -> Playbook:
    return replace(load_playbook(shipped.playbook_path("standard")), calendar=calendar)


def holidays(calendar: Calendar, now: datetime = NOW) -> tuple[str, ...]:
    return with_holidays(playbook_of(calendar), now).calendar.holidays


def test_a_country_becomes_dates_of_this_year_and_the_two_after() -> None:
    found = holidays(Calendar(country="DE", holidays=("2026-12-24",)))
    assert {"2026-10-03", "2026-12-24", "2026-12-25", "2027-01-01", "2027-03-26", "2028-12-26"} <= set(found)
    assert "2026-12-31" not in found
    assert {day[:4] for day in found} == {"2026", "2027", "2028"}
    assert list(found) == sorted(set(found))


def test_a_subdivision_has_holidays_of_its_own() -> None:
    women = "2027-03-08"
    assert women in holidays(Calendar(country="DE", subdivision="BE"))
    assert women not in holidays(Calendar(country="DE", subdivision="BY"))


def test_the_year_is_that_of_the_calendars_zone() -> None:
    eve = datetime(2026, 12, 31, 23, tzinfo=UTC)
    assert min(holidays(Calendar(country="JP", zone="Asia/Tokyo"), eve)) == "2027-01-01"
    assert min(holidays(Calendar(country="JP", zone="America/New_York"), eve)) == "2026-01-01"


def test_without_a_country_the_playbook_stays_as_it_is() -> None:
    playbook = playbook_of(Calendar(holidays=("2026-12-24",)))
    assert with_holidays(playbook, NOW) is playbook


def test_a_country_that_the_library_does_not_know_is_refused() -> None:
    with pytest.raises(InvalidInput, match="correct country"):
        holidays(Calendar(country="XX"))
