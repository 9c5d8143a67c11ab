"""Who is on call when: shifts, hand-overs in local time, who comes second."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from drill.model.people import OnCall, Person, Rota
from drill.model.rota import watch_at

ADA, BO, CY = (Person(name=name, email=f"{name}@example.test") for name in ("ada", "bo", "cy"))
TEAM = OnCall(name="team", email="team@example.test")


def on_call(*people: Person, days: int = 7, secondary: Person | None = None) -> OnCall:
    rota = Rota(starts="2026-03-02", people=people, days=days, hands_over="09:00")
    return OnCall(name="team", email="team@example.test", rota=rota, secondary=secondary)


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


@pytest.mark.parametrize(
    ("when", "first", "second"),
    [
        ("2026-03-02 08:59", ADA, BO),  # the rota has not begun
        ("2026-03-02 09:00", ADA, BO),
        ("2026-03-09 08:59", ADA, BO),
        ("2026-03-09 09:00", BO, CY),
        ("2026-03-23 08:59", CY, ADA),
        ("2026-03-23 09:00", ADA, BO),
        ("2026-03-30 08:59", ADA, BO),  # summer time began the day before
        ("2026-03-30 09:00", BO, CY),
        ("2026-11-02 08:59", BO, CY),  # and has ended
        ("2026-11-02 09:00", CY, ADA),
    ],
)
def test_shifts_change_at_local_time(when: str, first: Person, second: Person) -> None:
    assert watch_at(on_call(ADA, BO, CY), "Europe/Berlin", berlin(when).astimezone(UTC)) == (first, second)


def test_a_shift_may_last_a_day() -> None:
    assert watch_at(on_call(ADA, BO, CY, days=1), "UTC", datetime(2026, 3, 4, 9, tzinfo=UTC)) == (CY, ADA)


def test_one_person_alone_has_the_named_second_or_none() -> None:
    now = datetime(2026, 5, 1, tzinfo=UTC)
    assert watch_at(on_call(ADA), "UTC", now) == (ADA, None)
    assert watch_at(on_call(ADA, secondary=BO), "UTC", now) == (ADA, BO)


def test_without_a_rota_it_is_always_the_same() -> None:
    first, second = watch_at(TEAM, "UTC", datetime(2026, 5, 1, tzinfo=UTC))
    assert (first.name, first.email, second) == ("team", "team@example.test", None)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        watch_at(TEAM, "UTC", datetime(2026, 5, 1))
