"""Rules on people: on call, roles, the first minutes, clients, approval (C2, C8, D2, D3, A5, A7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from drill.lint.rule import Rule, at_least
from drill.loader.finding import Finding
from drill.model.playbook import Playbook

_NAMED = ("commander", "scribe")
_QUARTER = timedelta(days=100)
"""A quarter, with a week for finding a date."""
_CLIENTS_S = 24 * 3600.0


def _secondary(playbook: Playbook, _: date) -> Iterator[Finding]:
    rota = playbook.on_call.rota
    if playbook.on_call.secondary is None and (rota is None or len(rota.people) < 2):
        where = "on_call.rota.people" if rota else "on_call"
        yield Finding(
            where, "nobody comes second when the first does not answer; add `secondary`, or one more to the rota"
        )


def _escalation(playbook: Playbook, _: date) -> Iterator[Finding]:
    if not playbook.on_call.escalation:
        yield Finding("on_call", "a page that nobody acknowledges goes no further; add `escalation`")


def _escalation_late(playbook: Playbook, _: date) -> Iterator[Finding]:
    gravest = min(playbook.severities, key=lambda row: row.rank)
    steps = playbook.on_call.escalation
    if steps and steps[0].after >= at_least(gravest.acknowledge, playbook.calendar):
        text = f"the second is paged when {gravest.name} should be acknowledged ({gravest.acknowledge}); shorten it"
        yield Finding("on_call.escalation[0].after", text)


def _roles_named(playbook: Playbook, _: date) -> Iterator[Finding]:
    for index, row in enumerate(playbook.severities):
        if row.rank == 1 and (missing := [role for role in _NAMED if role not in row.roles]):
            yield Finding(
                f"severities[{index}]", f"{row.name} does not need a named {' and '.join(missing)}; add `roles`"
            )


def _duties(playbook: Playbook, _: date) -> Iterator[Finding]:
    told = {duty.role for duty in playbook.roles}
    needed = dict.fromkeys(role for row in playbook.severities for role in row.roles)
    if missing := [role for role in needed if role not in told]:
        yield Finding("roles" if told else "", f"nothing says what {', '.join(missing)} does; add it to `roles`")


def _checklist(playbook: Playbook, _: date) -> Iterator[Finding]:
    if not playbook.checklist:
        yield Finding("", "the first fifteen minutes have no checklist; add `checklist`")


def _client_lead(playbook: Playbook, _: date) -> Iterator[Finding]:
    for index, client in enumerate(playbook.clients):
        if not client.lead.strip():
            yield Finding(f"clients[{index}]", f"{client.name} has no named lead; add `lead`")


def _client_contact(playbook: Playbook, _: date) -> Iterator[Finding]:
    for index, client in enumerate(playbook.clients):
        if not client.contact.strip():
            yield Finding(f"clients[{index}]", f"{client.name} cannot be reached at night; add `contact`")


def _client_review(playbook: Playbook, _: date) -> Iterator[Finding]:
    for index, client in enumerate(playbook.clients):
        if client.review_within is None:
            yield Finding(f"clients[{index}]", f"{client.name} is promised no copy of reviews; add `review_within`")


def _client_notice(playbook: Playbook, _: date) -> Iterator[Finding]:
    if playbook.clients and playbook.client_notice is None:
        yield Finding("clients", "clients are named, but not by when they are told; add `client_notice`")


def _notice_limit(playbook: Playbook, _: date) -> Iterator[Finding]:
    notice = playbook.client_notice
    if notice and (notice.within.business_days or notice.within.seconds > _CLIENTS_S):
        yield Finding(
            "client_notice.within", f"{notice.within} can be more than 24 h after the confirmation; shorten it"
        )


def _review_passed(playbook: Playbook, today: date) -> Iterator[Finding]:
    if date.fromisoformat(playbook.sign_off.next_review) < today:
        text = f"the review was due on {playbook.sign_off.next_review}; review it, then set approved and next_review"
        yield Finding("sign_off.next_review", text)


def _approved_ahead(playbook: Playbook, today: date) -> Iterator[Finding]:
    if date.fromisoformat(playbook.sign_off.approved) > today:
        text = f"it is not approved before {playbook.sign_off.approved}; correct the date, or wait"
        yield Finding("sign_off.approved", text)


def _review_interval(playbook: Playbook, _: date) -> Iterator[Finding]:
    approved, review = (date.fromisoformat(getattr(playbook.sign_off, name)) for name in ("approved", "next_review"))
    if review - approved > _QUARTER:
        text = "is more than a quarter after the approval; review it after each quarterly drill"
        yield Finding("sign_off.next_review", text)


def _controls(playbook: Playbook, _: date) -> Iterator[Finding]:
    if not playbook.sign_off.controls:
        yield Finding("sign_off", "drills are evidence for no control; add `controls`")


PEOPLE = (
    Rule("on-call-secondary", "Somebody comes second.", ("C2",), _secondary),
    Rule("on-call-escalation", "A page that nobody acknowledges goes on.", ("C2",), _escalation),
    Rule(
        "escalation-too-late",
        "The second is paged before the time to acknowledge is over.",
        ("C2", "C1"),
        _escalation_late,
    ),
    Rule("roles-named", "The gravest severity needs a named commander and scribe.", ("D2",), _roles_named),
    Rule("roles-duties", "Each role that must be named has its duty written down.", ("D2", "E1"), _duties),
    Rule("checklist-missing", "The first fifteen minutes have a checklist.", ("D3",), _checklist),
    Rule("client-lead", "Each client knows an engineer by name.", ("A7",), _client_lead),
    Rule("client-contact", "Each client can be reached at any hour.", ("A7",), _client_contact),
    Rule("client-review", "Each client gets reviews by an agreed date.", ("A7",), _client_review),
    Rule("client-notice", "Where there are clients, there is a time to tell them.", ("A5",), _client_notice),
    Rule("client-notice-limit", "Clients are told within 24 h of the confirmation.", ("A5",), _notice_limit),
    Rule("review-passed", "The date of the next review has not passed.", ("C8",), _review_passed),
    Rule("approval-ahead", "The approval does not lie ahead.", ("C8",), _approved_ahead),
    Rule("review-interval", "It is reviewed every quarter, with the drill.", ("C7", "C8"), _review_interval),
    Rule("sign-off-controls", "Drills are evidence for a control.", ("C8",), _controls),
)
