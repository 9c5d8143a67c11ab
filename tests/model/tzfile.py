"""Time zones read from the compiled files by hand, for a check of business time that shares no code with it.

Only struct and whole numbers: no library knows here what a zone or a date is.
"""

from __future__ import annotations

import functools
import importlib.resources
import re
import struct
from bisect import bisect_right
from pathlib import Path

_FOLDERS = ("/usr/share/zoneinfo", "/usr/lib/zoneinfo", "/usr/share/lib/zoneinfo", "/etc/zoneinfo")
_NAME = r"(?:[A-Za-z]{3,}|<[^>]+>)"
_OFFSET = r"[-+]?\d{1,2}(?::\d{2}){0,2}"
_RULE = re.compile(rf"{_NAME}({_OFFSET})(?:{_NAME}({_OFFSET})?,M([^,/]+)(?:/([^,]+))?,M([^,/]+)(?:/([^,]+))?)?")


def days_of(year: int, month: int, day: int) -> int:
    """Days since 1970-01-01 of a date of the Gregorian calendar."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def date_of(days: int) -> str:
    """YYYY-MM-DD of a day since 1970-01-01."""
    days += 719468
    era = days // 146097
    of_era = days - era * 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return f"{year + era * 400 + (month <= 2):04d}-{month:02d}-{of_year - (153 * shifted + 2) // 5 + 1:02d}"


def weekday_of(days: int) -> int:
    """0 is Monday; 1970-01-01 was a Thursday."""
    return (days + 3) % 7


class Zone:
    """Offsets of a zone: seconds to add to UTC."""

    def __init__(self, name: str) -> None:
        body = _read(name)
        first = _counts(body, 0)
        start = 44 + _length(first, 4)
        counts = _counts(body, start)
        _, _, _, times, types, _ = counts
        at = start + 44
        self._times = list(struct.unpack_from(f">{times}q", body, at))
        kinds = body[at + 8 * times : at + 9 * times]
        table = [struct.unpack_from(">lbb", body, at + 9 * times + 6 * number) for number in range(types)]
        self._offsets = [table[0][0], *(table[kind][0] for kind in kinds)]
        self._rule = body[start + 44 + _length(counts, 8) :].decode().strip("\n")

    def offset(self, t: int) -> int:
        """Seconds east of UTC at a time in seconds since 1970."""
        place = bisect_right(self._times, t)
        if place < len(self._times) or not self._rule:
            return int(self._offsets[place])
        return _by_rule(self._rule, t)


@functools.cache
def zone(name: str) -> Zone:
    """The zone of that name."""
    return Zone(name)


def _read(name: str) -> bytes:
    for folder in _FOLDERS:
        if (path := Path(folder, name)).is_file():
            return path.read_bytes()
    return importlib.resources.files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


def _counts(body: bytes, at: int) -> tuple[int, ...]:
    assert body[at : at + 4] == b"TZif"
    return struct.unpack_from(">6l", body, at + 20)


def _length(counts: tuple[int, ...], wide: int) -> int:
    is_ut, is_std, leaps, times, types, letters = counts
    return times * wide + times + types * 6 + letters + leaps * (wide + 4) + is_std + is_ut


def _by_rule(rule: str, t: int) -> int:
    found = _RULE.fullmatch(rule)
    assert found, rule
    standard = -_clock(found[1])
    if found[3] is None:
        return standard
    summer = -_clock(found[2]) if found[2] else standard + 3600
    year = int(date_of((t + standard) // 86400)[:4])
    begins = _change(year, found[3], found[4]) - standard
    ends = _change(year, found[5], found[6]) - summer
    inside = begins <= t < ends if begins < ends else not ends <= t < begins
    return summer if inside else standard


@functools.cache
def _change(year: int, day: str, clock: str | None) -> int:
    """Local time, as if it were UTC, of ``Mm.w.d/time`` in a year."""
    month, week, weekday = map(int, day.split("."))
    first = days_of(year, month, 1)
    found = first + (weekday - 1 - weekday_of(first)) % 7 + 7 * (week - 1)
    after = days_of(year + month // 12, month % 12 + 1, 1)
    return (found if found < after else found - 7) * 86400 + (_clock(clock) if clock else 7200)


def _clock(text: str) -> int:
    sign = -1 if text.startswith("-") else 1
    parts = [int(part) for part in text.lstrip("+-").split(":")] + [0, 0]
    return sign * (parts[0] * 3600 + parts[1] * 60 + parts[2])
