"""Deadlines against a second way to find them: every minute is looked at, in zones that were read by hand.

The second way shares no library with the first: no datetime, no zoneinfo (``tzfile`` reads the compiled zones).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import tzfile

from drill.model.calendar import deadline
from drill.model.playbook import Calendar
from drill.model.units import TimeTarget, parse_target

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Changes at 1, 2 and 3 o'clock, at midnight and the minute before; by 30 minutes and by 2 hours; a winter time that is
# the exception; none at all; both hemispheres; half and quarter hours.
ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/London",
    "Europe/Dublin",
    "America/New_York",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Havana",
    "America/Asuncion",
    "America/Nuuk",
    "Atlantic/Azores",
    "Africa/Casablanca",
    "Africa/Cairo",
    "Asia/Beirut",
    "Asia/Tehran",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Asia/Pyongyang",
    "Asia/Gaza",
    "Australia/Sydney",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "Antarctica/Troll",
)
FIRST, LAST = tzfile.days_of(2015, 1, 1), tzfile.days_of(2038, 12, 31)


@dataclass(frozen=True)
class Case:
    """``start``: seconds since 1970."""

    start: int
    target: TimeTarget
    calendar: Calendar

    def by_program(self) -> int:
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        due = deadline(epoch + timedelta(seconds=self.start), self.target, self.calendar)
        return round((due - epoch) / timedelta(seconds=1))

    def by_hand(self) -> int:
        return self.start + int(self.target.seconds) if not self.target.business_days else Hand(self).due()


class Hand:
    """Counts the seconds of every minute in which business is open."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self._zone = tzfile.zone(case.calendar.zone)
        self._opens, self._closes = (_clock(text) for text in (case.calendar.opens, case.calendar.closes))
        self._hours: dict[int, tuple[int, int]] = {}

    def due(self) -> int:
        left = self._case.target.business_days * (self._closes - self._opens)
        minute = self._case.start // 60 * 60
        while True:
            seconds = min(60, minute + 60 - self._case.start)
            if self._is_open(minute):
                if left <= seconds:
                    return minute + 60 - seconds + left
                left -= seconds
            minute += 60

    def _is_open(self, minute: int) -> bool:
        day = (minute + self._zone.offset(minute)) // 86400
        # A change of the clock can carry a closing time over midnight.
        return any(begins <= minute < ends for begins, ends in map(self._hours_of, (day - 1, day)))

    def _hours_of(self, day: int) -> tuple[int, int]:
        if day not in self._hours:
            calendar = self._case.calendar
            closed = DAYS[tzfile.weekday_of(day)] not in calendar.workdays or tzfile.date_of(day) in calendar.holidays
            hours = (self._when(day * 86400 + self._opens), self._when(day * 86400 + self._closes))
            self._hours[day] = (0, 0) if closed else hours
        return self._hours[day]

    def _when(self, local: int) -> int:
        """When clocks show a local time first; a time that they skip is counted by the clock before the change."""
        around = sorted({self._zone.offset(local - hours * 3600) for hours in (-26, 26)} | self._offsets_near(local))
        shown = [local - offset for offset in around if self._zone.offset(local - offset) == offset]
        return min(shown) if shown else local - around[0]

    def _offsets_near(self, local: int) -> set[int]:
        return {self._zone.offset(local + minutes * 60) for minutes in range(-16 * 60, 16 * 60 + 1, 30)}


def _clock(text: str) -> int:
    return int(text[:2]) * 3600 + int(text[3:]) * 60


def case_of(seed: int) -> Case:
    chance = random.Random(seed)
    name = chance.choice(ZONES)
    start = _near_a_change(name, chance) if chance.random() < 0.5 else chance.randrange(FIRST * 86400, LAST * 86400)
    opens, closes = sorted(chance.sample(range(0, 24 * 60 + 1, 15), 2))
    if chance.random() < 0.5:
        opens, closes = chance.choice([(540, 1020), (510, 1080), (60, 150), (0, 1440), (120, 180), (0, 90)])
    today = start // 86400
    calendar = Calendar(
        zone=name,
        opens=f"{opens // 60:02d}:{opens % 60:02d}",
        closes=f"{closes // 60:02d}:{closes % 60:02d}",
        workdays=tuple(chance.sample(DAYS, chance.choice([1, 3, 5, 5, 5, 6, 7]))),
        holidays=tuple(tzfile.date_of(today + chance.randrange(-1, 14)) for _ in range(chance.randrange(5))),
    )
    words = ["1 business day", "2 business days", "3 business days", "5 business days", "2 weeks", "4h", "1 day"]
    return Case(start, parse_target(chance.choice(words)), calendar)


def _near_a_change(name: str, chance: random.Random) -> int:
    """A moment of the three days before the clocks of that zone change, where they do within a year."""
    zone = tzfile.zone(name)
    at = chance.randrange(FIRST * 86400, (LAST - 366) * 86400)
    offset = zone.offset(at)
    for hour in range(366 * 24):
        if zone.offset(at + hour * 3600) != offset:
            return at + hour * 3600 - chance.randrange(3 * 86400)
    return at


def check(seeds: range) -> None:
    wrong = [seed for seed in seeds if case_of(seed).by_program() != case_of(seed).by_hand()]
    assert wrong == [], f"first: {case_of(wrong[0])}"


def test_deadlines_agree_with_counting_every_minute() -> None:
    check(range(500))


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_deadlines_agree_with_counting_every_minute_10_000_times() -> None:
    check(range(500, 10_500))


def test_the_cases_hold_what_they_are_about() -> None:
    cases = [case_of(seed) for seed in range(500)]
    changed = [
        case
        for case in cases
        if tzfile.zone(case.calendar.zone).offset(case.start)
        != tzfile.zone(case.calendar.zone).offset(case.by_program())
    ]
    assert len(changed) > 100
    assert sum(bool(case.target.business_days) for case in cases) > 200
    assert sum(bool(case.calendar.holidays) for case in cases) > 200


@pytest.mark.parametrize("name", ZONES)
def test_the_zones_read_by_hand_are_those_of_the_system(name: str) -> None:
    """Both read the same data; if this fails the files were read wrongly, and nothing above can be believed."""
    from zoneinfo import ZoneInfo

    chance = random.Random(name)
    for _ in range(300):
        t = chance.randrange(FIRST * 86400, LAST * 86400)
        local = datetime.fromtimestamp(t, ZoneInfo(name))
        offset = tzfile.zone(name).offset(t)
        assert local.utcoffset() == timedelta(seconds=offset)
        day = (t + offset) // 86400
        assert (local.date().isoformat(), local.weekday()) == (tzfile.date_of(day), tzfile.weekday_of(day))
