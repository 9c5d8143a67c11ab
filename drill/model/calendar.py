"""Business time: a severity policy that promises business days needs a zone, opening hours and holidays (C1)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from drill.model.playbook import Calendar
from drill.model.units import TimeTarget

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def deadline(start: datetime, target: TimeTarget, calendar: Calendar) -> datetime:
    """The UTC instant at which a promise made at ``start`` (aware) falls due.

    A target in seconds is wall time, around the clock. A target of N business days is N working days' worth of
    opening hours, counted as elapsed time from ``start``, or from the next opening when ``start`` is outside opening
    hours; one working day is worth ``closes`` minus ``opens``. Closed hours, weekends and holidays (local dates of
    the calendar's zone) do not count; a change to or from summer time inside opening hours counts for what it
    really lasts. So one business day from Friday 15:00 (09:00 to 17:00) is Monday 15:00, and from Saturday it is
    Monday 17:00. Raises ValueError for a naive ``start`` or a calendar that never opens.
    """
    if start.tzinfo is None:
        raise ValueError("a deadline counts from an aware time")
    left = timedelta(seconds=target.seconds)
    if not target.business_days:
        return start.astimezone(UTC) + left
    left = target.business_days * working_day(calendar)
    for opens, closes in _openings(start.astimezone(UTC), calendar):
        if left <= closes - opens:
            return opens + left
        left -= closes - opens
    raise ValueError("unreachable: a calendar's openings do not end")


def working_day(calendar: Calendar) -> timedelta:
    """What one working day is worth. Raises ValueError when the calendar never opens."""
    length = _clock(calendar.closes) - _clock(calendar.opens)
    if length <= timedelta(0):
        raise ValueError(
            f"the working day opens at {calendar.opens} and closes at {calendar.closes}: it must open first"
        )
    if not set(calendar.workdays) & set(_DAYS):
        raise ValueError(f"no working day: workdays take {', '.join(_DAYS)}")
    return length


def _clock(text: str) -> timedelta:
    """``HH:MM`` as time since midnight; 24:00 is the end of the day."""
    hours, _, minutes = text.partition(":")
    return timedelta(hours=int(hours), minutes=int(minutes or 0))


def _openings(start: datetime, calendar: Calendar) -> Iterator[tuple[datetime, datetime]]:
    """What is left of the opening hours from ``start`` on, as UTC intervals, without end."""
    zone = ZoneInfo(calendar.zone)
    day = start.astimezone(zone).date()
    while True:
        if _DAYS[day.weekday()] in calendar.workdays and day.isoformat() not in calendar.holidays:
            opens = max(start, _at(day, _clock(calendar.opens), zone))
            closes = _at(day, _clock(calendar.closes), zone)
            if closes > opens:
                yield opens, closes
        day += timedelta(days=1)


def _at(day: date, clock: timedelta, zone: ZoneInfo) -> datetime:
    # A local time that summer time skips is taken an hour on; one that comes twice is the first.
    local = datetime.combine(day, time()) + clock
    return local.replace(tzinfo=zone).astimezone(UTC)
