"""What must hold within a playbook for its people: on call, rota, roles, checklist, clients, approval (C2, C8, D2)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from drill.loader.checks import NAME, above_zero, clock_time, dates, email, is_date, known, some, unique
from drill.loader.finding import Finding, show
from drill.model.people import ChecklistItem, ClientNotice, OnCall, Person, Rota, SignOff
from drill.model.playbook import Playbook


def check_people(playbook: Playbook) -> Iterator[Finding]:
    """Findings of everything in a playbook that concerns people."""
    yield from _on_call(playbook.on_call)
    yield from unique("roles", "role", [duty.role for duty in playbook.roles])
    yield from _checklist(playbook.checklist)
    yield from unique("clients", "name", [client.name for client in playbook.clients])
    if playbook.client_notice:
        yield from _notice(playbook.client_notice, playbook)
    yield from _sign_off(playbook.sign_off)


def _on_call(on_call: OnCall) -> Iterator[Finding]:
    yield from email("on_call.email", on_call.email)
    yield from some("on_call.pages", on_call.pages)
    if on_call.rota:
        yield from _rota("on_call.rota", on_call.rota)
    yield from _person("on_call.secondary", on_call.secondary)
    for index, step in enumerate(on_call.escalation):
        yield from above_zero([(f"on_call.escalation[{index}].after", step.after)])
        yield from _person(f"on_call.escalation[{index}].to", step.to)
    second = on_call.secondary is not None or (on_call.rota is not None and len(on_call.rota.people) > 1)
    for index, step in enumerate(on_call.escalation):
        if step.to is None and not second:
            yield Finding(f"on_call.escalation[{index}]", "leads to a secondary, and there is none; name one, or `to`")
    for index, (earlier, later) in enumerate(pairwise(on_call.escalation), start=1):
        if later.after <= earlier.after:
            yield Finding(f"on_call.escalation[{index}].after", "is not later than the step before; put them in order")


def _person(path: str, person: Person | None) -> Iterator[Finding]:
    if person:
        yield from email(f"{path}.email", person.email)


def _rota(path: str, rota: Rota) -> Iterator[Finding]:
    yield from dates(f"{path}.starts", rota.starts)
    yield from clock_time(f"{path}.hands_over", rota.hands_over)
    yield from above_zero([(f"{path}.days", rota.days)])
    yield from some(f"{path}.people", rota.people)
    for index, person in enumerate(rota.people):
        yield from _person(f"{path}.people[{index}]", person)


def _checklist(items: tuple[ChecklistItem, ...]) -> Iterator[Finding]:
    yield from unique("checklist", "id", [item.id for item in items])
    for index, item in enumerate(items):
        if not NAME.fullmatch(item.id):
            path = f"checklist[{index}].id"
            yield Finding(path, f"{show(item.id)} is no name; use small letters, digits and hyphens")
        yield from above_zero([(f"checklist[{index}].within", item.within)])


def _notice(notice: ClientNotice, playbook: Playbook) -> Iterator[Finding]:
    severities = [row.name for row in playbook.severities]
    for index, name in enumerate(notice.severities):
        yield from known(f"client_notice.severities[{index}]", name, severities, "severity")
    if notice.template:
        yield from known(
            "client_notice.template", notice.template, [row.name for row in playbook.templates], "template"
        )


def _sign_off(sign_off: SignOff) -> Iterator[Finding]:
    yield from dates("sign_off.approved", sign_off.approved)
    yield from dates("sign_off.next_review", sign_off.next_review)
    both = is_date(sign_off.approved) and is_date(sign_off.next_review)
    if both and sign_off.next_review <= sign_off.approved:
        yield Finding("sign_off.next_review", "is not after the approval; give a later date")
