"""A playbook as a document to read and to sign: every part of the data, in the order in which people need it."""

from __future__ import annotations

from collections.abc import Iterator

from drill.documents import response
from drill.documents.tables import NONE, cell, table
from drill.model.people import OnCall, Person
from drill.model.playbook import Calendar, ChannelRule, Playbook, Severity
from drill.model.units import format_seconds

_CHANNELS = {"status-page": "status page", "email": "e-mail", "banner": "banner in the product"}
_DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}


def render_playbook(playbook: Playbook) -> str:
    """Markdown. A part that the playbook does not have is left out; the same playbook gives the same bytes."""
    parts = (
        _head(playbook),
        _severities(playbook),
        _communications(playbook),
        response.roles(playbook),
        response.checklist(playbook),
        response.detection(playbook),
        response.mitigations(playbook),
        response.verification(playbook),
        response.templates(playbook),
        _on_call(playbook.on_call),
        _calendar(playbook.calendar),
        _clients(playbook),
        _sign_off(playbook),
    )
    return "\n".join(line for part in parts for line in part).rstrip("\n") + "\n"


def _head(playbook: Playbook) -> Iterator[str]:
    sign_off = playbook.sign_off
    yield f"# {playbook.title}"
    yield ""
    yield f"Version {sign_off.version}, approved {sign_off.approved}, next review {sign_off.next_review}."
    yield ""


def _severities(playbook: Playbook) -> Iterator[str]:
    rows = sorted(playbook.severities, key=lambda row: row.rank)
    yield "## Severities"
    yield ""
    heads = ("severity", "definition", "acknowledged within", "restored within", "updates", "review")
    yield from table(heads, [_severity(row) for row in rows])
    for row in rows:
        yield from _response(row)


def _severity(row: Severity) -> tuple[str, ...]:
    every = f"every {format_seconds(row.update_every)}" if row.update_every else NONE
    within = f", within {row.review_within}" if row.review_within else ""
    review = f"{row.review}{within}" if row.review else NONE
    return (f"**{row.name}**", row.definition, str(row.acknowledge), str(row.restore), every, review)


def _response(row: Severity) -> Iterator[str]:
    if not (row.response or row.examples or row.roles or row.here):
        return
    yield f"### {row.name}"
    yield ""
    if row.response:
        yield " ".join(row.response.split())
        yield ""
    if row.roles:
        yield f"Must be held by somebody with a name: {', '.join(row.roles)}."
        yield ""
    if row.here:
        yield "Its page calls everybody in the chat room."
        yield ""
    if row.examples:
        yield "Examples:"
        yield ""
        yield from (f"- {cell(example)}" for example in row.examples)
        yield ""


def _communications(playbook: Playbook) -> Iterator[str]:
    rows = [(row, rule) for row in playbook.severities for rule in row.channels]
    silent = [row.name for row in playbook.severities if not row.channels]
    if not rows:
        return
    yield "## What customers are told"
    yield ""
    cells = [(f"**{row.name}**", _CHANNELS.get(rule.channel, rule.channel), *_when(rule)) for row, rule in rows]
    yield from table(("severity", "where", "by when", "condition"), cells)
    yield "Times count from detection."
    if silent:
        yield f"Nothing is said at {', '.join(silent)}."
    yield ""


def _when(rule: ChannelRule) -> tuple[str, str]:
    condition = f"if it lasts longer than {format_seconds(rule.if_longer_than)}" if rule.if_longer_than else "always"
    return f"within {rule.within}" if rule.within else "no deadline", condition


def _on_call(on_call: OnCall) -> Iterator[str]:
    yield "## On call"
    yield ""
    paged = "whose shift it is" if on_call.rota else _who(Person(name=on_call.name, email=on_call.email))
    yield f"Pages go by {' and '.join(on_call.pages)} to {paged}."
    yield ""
    if rota := on_call.rota:
        days = f"{rota.days} days" if rota.days > 1 else "1 day"
        yield f"Shifts of {days} from {rota.starts}, handed over at {rota.hands_over}; whose turn is next comes second:"
        yield ""
        yield from (f"{number}. {_who(person)}" for number, person in enumerate(rota.people, start=1))
        yield ""
    elif on_call.secondary:
        yield f"Second: {_who(on_call.secondary)}."
        yield ""
    if on_call.escalation:
        yield "When nobody acknowledges:"
        yield ""
        for step in on_call.escalation:
            yield f"- after {format_seconds(step.after)}: {_who(step.to) if step.to else 'the second'}"
        yield ""


def _who(person: Person) -> str:
    return f"{person.name} <{person.email}>"


def _calendar(calendar: Calendar) -> Iterator[str]:
    days = ", ".join(_DAYS[day] for day in calendar.workdays)
    yield "## Business time"
    yield ""
    yield f"{days}, {calendar.opens} to {calendar.closes}, time zone {calendar.zone}."
    if calendar.country:
        part = f", {calendar.subdivision}" if calendar.subdivision else ""
        yield f"The public holidays of {calendar.country}{part} do not count."
    if calendar.holidays:
        yield f"These days do not count either: {', '.join(calendar.holidays)}."
    yield ""


def _clients(playbook: Playbook) -> Iterator[str]:
    notice = playbook.client_notice
    if notice is None and not playbook.clients:
        return
    yield "## Clients"
    yield ""
    if notice:
        yield f"Clients are told within {notice.within} of the confirmation. It applies when: {cell(notice.applies)}"
        if notice.severities:
            yield f"Declaring {', '.join(notice.severities)} starts the clock."
        yield ""
    if playbook.clients:
        heads = ("client", "engineering lead", "at any hour", "copy of reviews")
        rows = [
            (client.name, client.lead, client.contact, f"within {client.review_within}" if client.review_within else "")
            for client in playbook.clients
        ]
        yield from table(heads, rows)


def _sign_off(playbook: Playbook) -> Iterator[str]:
    sign_off = playbook.sign_off
    yield "## Approval"
    yield ""
    rows = [
        ("version", sign_off.version),
        ("approved", sign_off.approved),
        ("next review", sign_off.next_review),
        ("drills are evidence for", ", ".join(sign_off.controls)),
    ]
    yield from table(("", ""), rows)
