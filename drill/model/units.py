"""Units that stand in YAML as text: durations and time targets.

``Seconds`` is wall time ("30s", "15m", "4h", "1h30m"); a ``TimeTarget`` is wall time or business time
("1 business day", "3 business days", "2 weeks"), because a severity policy promises either (C1).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType

Seconds = NewType("Seconds", float)

NS = 1_000_000_000
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d|w)")
_WORDS = re.compile(r"([0-9]+)\s+(business day|day|week|hour|minute|second)s?")
_WORD_S = {"day": 86400.0, "week": 604800.0, "hour": 3600.0, "minute": 60.0, "second": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeTarget:
    """A promise in time: wall seconds, or a number of business days of the playbook's calendar."""

    seconds: float = 0.0
    business_days: int = 0

    def __str__(self) -> str:
        if self.business_days:
            return f"{self.business_days} business day{'s' if self.business_days > 1 else ''}"
        return format_seconds(self.seconds)


def parse_seconds(text: str) -> Seconds:
    """Read ``30s``, ``1h30m`` or ``2 weeks`` as seconds. Raises ValueError with the accepted forms."""
    compact = text.strip()
    if words := _WORDS.fullmatch(compact):
        if words[2] == "business day":
            raise ValueError("business days are for targets of a severity only; write a duration such as 30s, 15m, 4h")
        return Seconds(float(words[1]) * _WORD_S[words[2]])
    parts = _PART.findall(compact)
    if not parts or "".join(number + unit for number, unit in parts) != compact:
        raise ValueError(f"{text!r} is no duration; write for example 500ms, 30s, 15m, 4h, 1h30m")
    return Seconds(sum(float(number) * _UNIT_S[unit] for number, unit in parts))


def parse_target(text: str) -> TimeTarget:
    """Read a time target: a duration, or ``N business days``. Raises ValueError."""
    words = _WORDS.fullmatch(text.strip())
    if words and words[2] == "business day":
        return TimeTarget(business_days=int(words[1]))
    return TimeTarget(seconds=parse_seconds(text))


def format_seconds(seconds: float) -> str:
    """Seconds for people: ``1.25 s``, ``2 min 05 s``, ``4 h``, ``14 d``. Negative ones keep their sign."""
    if seconds < 0:
        return "-" + format_seconds(-seconds)
    if seconds < 60:
        return f"{seconds:.2f}".rstrip("0").rstrip(".") + " s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min" + (f" {whole % 60:02d} s" if whole % 60 else "")
    if whole < 172800:
        return f"{whole // 3600} h" + (f" {whole % 3600 // 60:02d} min" if whole % 3600 // 60 else "")
    return f"{whole / 86400:.2f}".rstrip("0").rstrip(".") + " d"
