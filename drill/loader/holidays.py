"""Public holidays of a country as plain dates, from the PyPI library ``holidays``. It is imported when one is named."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

from drill.errors import InvalidInput
from drill.loader.checks import known
from drill.loader.finding import Finding, show
from drill.model.playbook import Calendar, Playbook

YEARS = 3
"""The year of the drill and the two after it: no promise of a playbook reaches further."""


def check_country(calendar: Calendar) -> Iterator[Finding]:
    """Findings of a calendar whose country or subdivision the library does not know."""
    if not calendar.country:
        if calendar.subdivision:
            yield Finding("calendar.subdivision", "stands without a country; add calendar.country")
        return
    from holidays import list_supported_countries

    countries = list_supported_countries(include_aliases=False)
    if calendar.country not in countries:
        text = f"unknown country {show(calendar.country)}; write two letters, for example DE, or list the dates"
        yield Finding("calendar.country", text)
    elif calendar.subdivision:
        parts = countries[calendar.country]
        yield from known("calendar.subdivision", calendar.subdivision, parts, f"subdivision of {calendar.country}")


def with_holidays(playbook: Playbook, now: datetime) -> Playbook:
    """The playbook with its country's holidays as dates of the calendar, for the local year of ``now`` and two more.

    Without a country it is returned as it is. Raises InvalidInput for one that the library does not know.
    """
    calendar = playbook.calendar
    if not calendar.country:
        return playbook
    year = now.astimezone(ZoneInfo(calendar.zone)).year
    dates = {*calendar.holidays, *_public(calendar, range(year, year + YEARS))}
    return replace(playbook, calendar=replace(calendar, holidays=tuple(sorted(dates))))


def _public(calendar: Calendar, years: range) -> list[str]:
    from holidays import country_holidays

    try:
        found = country_holidays(calendar.country, subdiv=calendar.subdivision or None, years=years)
    except NotImplementedError as error:
        raise InvalidInput(f"calendar: {error}; correct country and subdivision, or list the dates") from error
    # Observed days may lie outside the years that were asked for; all of them are true.
    return [day.isoformat() for day in found]
