from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drill.model.calendar import deadline, working_day
from drill.model.playbook import Calendar
from drill.model.units import TimeTarget

BERLIN = Calendar(zone="Europe/Berlin", holidays=("2026-12-25", "2026-12-26", "2027-01-01"))
ROUND_THE_CLOCK = Calendar(
    zone="Europe/Berlin", opens="00:00", closes="24:00", workdays=("mon", "tue", "wed", "thu", "fri", "sat", "sun")
)
CALENDARS = st.sampled_from(
    [
        Calendar(),
        BERLIN,
        ROUND_THE_CLOCK,
        Calendar(zone="America/New_York", opens="01:30", closes="03:15", holidays=("2026-07-03",)),
        Calendar(zone="Pacific/Auckland", opens="08:00", closes="20:00", workdays=("sun", "mon", "tue")),
        Calendar(zone="Australia/Lord_Howe", opens="01:00", closes="02:15", workdays=("sun", "wed")),
    ]
)
STARTS = st.datetimes(datetime(2026, 1, 1), datetime(2027, 12, 31)).map(lambda when: when.replace(tzinfo=UTC))
DAYS = st.integers(1, 12)


def days(number: int) -> TimeTarget:
    return TimeTarget(business_days=number)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("start", "number", "due"),
    [
        ("2026-11-20 15:00", 1, "2026-11-23 15:00"),  # Friday to Monday
        ("2026-11-21 12:00", 1, "2026-11-23 17:00"),  # Saturday counts from Monday's opening
        ("2026-11-23 09:00", 1, "2026-11-23 17:00"),
        ("2026-11-23 20:00", 1, "2026-11-24 17:00"),
        ("2026-11-23 10:00", 3, "2026-11-26 10:00"),
        ("2026-12-24 13:00", 1, "2026-12-28 13:00"),  # two holidays, one of them a Saturday, and a Sunday
        ("2026-03-27 16:00", 1, "2026-03-30 16:00"),  # summer time begins on the Sunday between
        ("2026-10-23 16:00", 1, "2026-10-26 16:00"),  # and ends
    ],
)
def test_business_days_count_opening_hours_only(start: str, number: int, due: str) -> None:
    assert deadline(berlin(start), days(number), BERLIN) == berlin(due)


def test_a_day_that_summer_time_shortens_is_made_up_the_day_after() -> None:
    start = berlin("2026-03-29 00:00")
    assert deadline(start, days(1), ROUND_THE_CLOCK) - start.astimezone(UTC) == timedelta(hours=24)
    assert deadline(start, days(1), ROUND_THE_CLOCK) == berlin("2026-03-30 01:00")


def test_wall_time_runs_around_the_clock() -> None:
    assert deadline(berlin("2026-11-21 12:00"), TimeTarget(seconds=3600), BERLIN) == berlin("2026-11-21 13:00")


def test_a_calendar_that_never_opens_is_refused() -> None:
    for broken in (Calendar(opens="17:00", closes="09:00"), Calendar(workdays=("someday",))):
        with pytest.raises(ValueError, match="working day"):
            deadline(berlin("2026-11-21 12:00"), days(1), broken)


def test_a_naive_start_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        deadline(datetime(2026, 1, 1), days(1), BERLIN)


@given(STARTS, STARTS, DAYS, CALENDARS)
def test_a_later_start_never_falls_due_earlier(a: datetime, b: datetime, number: int, calendar: Calendar) -> None:
    first, second = sorted((a, b))
    assert deadline(first, days(number), calendar) <= deadline(second, days(number), calendar)


@given(STARTS, DAYS, DAYS, CALENDARS)
def test_days_add_up(start: datetime, a: int, b: int, calendar: Calendar) -> None:
    assert deadline(deadline(start, days(a), calendar), days(b), calendar) == deadline(start, days(a + b), calendar)


@given(STARTS, DAYS, CALENDARS)
def test_nothing_falls_due_on_a_closed_day(start: datetime, number: int, calendar: Calendar) -> None:
    due = deadline(start, days(number), calendar)
    # The end of a day's opening hours belongs to that day.
    day = (due - timedelta(microseconds=1)).astimezone(ZoneInfo(calendar.zone))
    assert day.strftime("%a").lower() in calendar.workdays
    assert day.date().isoformat() not in calendar.holidays


@given(STARTS, DAYS, CALENDARS)
def test_a_deadline_is_at_least_the_opening_hours_away(start: datetime, number: int, calendar: Calendar) -> None:
    assert deadline(start, days(number), calendar) - start >= number * working_day(calendar)
