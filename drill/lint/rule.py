"""What a rule is: an id, the requirement that it comes from, and a look at a playbook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

from drill.loader.finding import Finding
from drill.model.playbook import Calendar, Playbook
from drill.model.units import TimeTarget


@dataclass(frozen=True, slots=True)
class Rule:
    """``says``: what it wants, one line; ``sources``: ids of docs/requirements.md; ``look``: playbook and today."""

    id: str
    says: str
    sources: tuple[str, ...]
    look: Callable[[Playbook, date], Iterator[Finding]]


def at_least(target: TimeTarget, calendar: Calendar) -> float:
    """Seconds that a target lasts at the least: a business day is never shorter than its opening hours."""
    hours, minutes = (
        int(a) - int(b) for a, b in zip(calendar.closes.split(":"), calendar.opens.split(":"), strict=True)
    )
    return target.seconds + target.business_days * (hours * 3600.0 + minutes * 60.0)
