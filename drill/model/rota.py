"""Who is on call at a given moment (C2)."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drill.model.people import OnCall, Person


class Watch(NamedTuple):
    """Who is paged first, and who comes second, if anybody does."""

    primary: Person
    secondary: Person | None


def watch_at(on_call: OnCall, zone: str, when: datetime) -> Watch:
    """The watch at ``when`` (aware). Hand-overs are at local time of ``zone``, whatever the clocks do.

    Before the rota starts the first person has it. Raises ValueError for a naive ``when``.
    """
    if when.tzinfo is None:
        raise ValueError("a watch is asked for at an aware time")
    rota = on_call.rota
    if rota is None:
        return Watch(Person(name=on_call.name, email=on_call.email), on_call.secondary)
    local = when.astimezone(ZoneInfo(zone))
    day = local.date() - timedelta(days=local.time() < time.fromisoformat(rota.hands_over))
    shift = max((day - date.fromisoformat(rota.starts)).days // rota.days, 0)
    people = rota.people
    second = people[(shift + 1) % len(people)] if len(people) > 1 else on_call.secondary
    return Watch(people[shift % len(people)], second)
