"""Small rules that several kinds of file share. Each yields findings and raises nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date

from drill.loader.finding import Finding, hint, show

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_EMAIL = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def named_like(identifier: str, stem: str) -> Iterator[Finding]:
    """An id is a slug and the file's own name, so that one can be found from the other."""
    if not NAME.fullmatch(identifier):
        yield Finding("id", f"{show(identifier)} is no name; use small letters, digits and hyphens")
    elif identifier != stem:
        yield Finding("id", f"{show(identifier)} differs from the file name {show(stem)}; rename one of them")


def unique(path: str, field: str, names: Sequence[str]) -> Iterator[Finding]:
    """No name stands twice in a list of records."""
    for index, name in enumerate(names):
        if name in names[:index]:
            yield Finding(f"{path}[{index}].{field}", f"{show(name)} is used twice; names must differ")


def some(path: str, items: Collection[object]) -> Iterator[Finding]:
    """A list that may not be empty."""
    if not items:
        yield Finding(path, "is empty; at least one is needed")


def above_zero(rows: Iterable[tuple[str, float]]) -> Iterator[Finding]:
    """Numbers and durations that make no sense at zero or below."""
    for path, value in rows:
        if value <= 0:
            yield Finding(path, "must be more than 0; give a larger value")


def absolute(path: str, value: str) -> Iterator[Finding]:
    """An HTTP path begins with a slash and holds no blanks."""
    if not value.startswith("/") or any(letter.isspace() for letter in value):
        yield Finding(path, f"{show(value)} is no HTTP path; begin it with / and leave no blanks")


def known(path: str, name: str, names: Collection[str], what: str) -> Iterator[Finding]:
    """A name refers to something that exists."""
    if name not in names:
        yield Finding(path, f"unknown {what} {show(name)}; {hint(name, names)}")


def dates(path: str, value: str) -> Iterator[Finding]:
    """A calendar date, YYYY-MM-DD."""
    if not is_date(value):
        yield Finding(path, f"{show(value)} is no date; write it as 2026-12-31")


def clock_time(path: str, value: str) -> Iterator[Finding]:
    """A time of day, HH:MM."""
    if not _TIME.fullmatch(value):
        yield Finding(path, f"{show(value)} is no time of day; write for example '09:00'")


def email(path: str, value: str) -> Iterator[Finding]:
    """A mail address."""
    if not _EMAIL.fullmatch(value):
        yield Finding(path, f"{show(value)} is no mail address; write name@host")


def is_date(value: str) -> bool:
    """Whether the text is a date of the calendar, YYYY-MM-DD."""
    try:
        return bool(_DATE.fullmatch(value)) and bool(date.fromisoformat(value))
    except ValueError:
        return False
