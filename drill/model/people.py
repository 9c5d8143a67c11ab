"""The people of a playbook: who is on call and who comes next, roles, the first minutes, clients, approval (C2, D2)."""

from __future__ import annotations

from dataclasses import dataclass, field

from drill.model.scenario import doc
from drill.model.units import Seconds, TimeTarget


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who can be paged."""

    name: str = field(metadata=doc("Person or role."))
    email: str = field(metadata=doc("Address on the stack's capturing mail service."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rota:
    """Shifts that go round. The one whose turn is next is the secondary (C2)."""

    starts: str = field(metadata=doc("Day of the first hand-over, YYYY-MM-DD; the first person's shift begins."))
    people: tuple[Person, ...] = field(metadata=doc("In the order of their shifts."))
    days: int = field(default=7, metadata=doc("Length of a shift in days."))
    hands_over: str = field(default="09:00", metadata=doc("Time of the hand-over, local time of the calendar's zone."))


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """Who is paged as well when nobody has acknowledged (C2)."""

    after: Seconds = field(metadata=doc("Counted from the first page."))
    to: Person | None = field(default=None, metadata=doc("Whom to page; left out: the secondary."))


@dataclass(frozen=True, slots=True, kw_only=True)
class OnCall:
    """Who is paged, and how."""

    name: str = field(metadata=doc("Person or role; with a rota, what they are called together."))
    email: str = field(metadata=doc("Address on the stack's capturing mail service; without a rota pages go there."))
    pages: tuple[str, ...] = field(default=("email",), metadata=doc("Where pages go: `chat`, `email`, or both."))
    secondary: Person | None = field(default=None, metadata=doc("Who comes second, where there is no rota."))
    rota: Rota | None = field(default=None, metadata=doc("Who is on call when; left out: always the same."))
    escalation: tuple[Escalation, ...] = field(
        default=(), metadata=doc("What happens when nobody acknowledges, in order of time.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """What a role does during an incident (D2)."""

    role: str = field(metadata=doc("commander, technical-lead, communications or scribe."))
    duty: str = field(metadata=doc("What who has it does."))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecklistItem:
    """Something that belongs into the first minutes of an incident (D3)."""

    id: str = field(metadata=doc("Short name, unique in the list."))
    text: str = field(metadata=doc("What is to be done."))
    within: Seconds = field(default=Seconds(900), metadata=doc("By when, counted from detection."))
    verb: str = field(
        default="", metadata=doc("The responder's verb that does it; empty: somebody has to say that it is done.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A client whose system you operate, and what was agreed with them (A7)."""

    name: str = field(metadata=doc("Name of the client."))
    lead: str = field(default="", metadata=doc("The engineer whom they know by name."))
    contact: str = field(default="", metadata=doc("How to reach them at any hour."))
    review_within: TimeTarget | None = field(
        default=None, metadata=doc("When they get their copy of a review, counted from the end of the incident.")
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientNotice:
    """The promise to tell clients, counted from the confirmation of the impact (A5)."""

    applies: str = field(metadata=doc("To which incidents."))
    within: TimeTarget = field(default=TimeTarget(seconds=86400.0), metadata=doc("By when; 24 h if left out."))
    severities: tuple[str, ...] = field(
        default=(), metadata=doc("Severities that start the clock; empty: only the condition above decides.")
    )
    template: str = field(default="", metadata=doc("Template of the message."))


@dataclass(frozen=True, slots=True, kw_only=True)
class SignOff:
    """Approval of this version (C8)."""

    version: str = field(metadata=doc("Version of the playbook."))
    approved: str = field(metadata=doc("Date of approval, YYYY-MM-DD."))
    next_review: str = field(metadata=doc("Date of the next review, YYYY-MM-DD."))
    controls: tuple[str, ...] = field(default=(), metadata=doc("Controls that drills give evidence for."))
