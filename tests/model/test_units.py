"""Durations and targets: reading and writing."""

from __future__ import annotations

import pytest

from drill.model.units import TimeTarget, format_seconds, parse_seconds, parse_target


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("500ms", 0.5),
        ("1h30m", 5400),
        ("2 weeks", 1209600),
        ("1 day", 86400),
        ("1.5h", 5400),
        (" 4h ", 14400),
    ],
)
def test_a_duration_is_read_as_seconds(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "30", "h", "1h 30m", "-5s", "5s!", "1 business day", "٣s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_seconds(text)


@pytest.mark.parametrize(
    ("text", "target", "shown"),
    [
        ("15m", TimeTarget(seconds=900), "15 min"),
        ("1 business day", TimeTarget(business_days=1), "1 business day"),
        ("3 business days", TimeTarget(business_days=3), "3 business days"),
        ("2 weeks", TimeTarget(seconds=1209600), "14 d"),
    ],
)
def test_a_target_is_wall_or_business_time(text: str, target: TimeTarget, shown: str) -> None:
    assert parse_target(text) == target
    assert str(target) == shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (1.25, "1.25 s"),
        (10, "10 s"),
        (125, "2 min 05 s"),
        (14400, "4 h"),
        (5400, "1 h 30 min"),
        (1209600, "14 d"),
        (216000, "2.5 d"),
        (86400 * 1000, "1000 d"),
        (-30, "-30 s"),
    ],
)
def test_seconds_are_written_for_people(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text
