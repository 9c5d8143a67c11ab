"""What every new store starts with, the same each time: forty customers, and what their companies spend."""

from __future__ import annotations

from typing import NamedTuple

_NAMES = (
    "Ada Archer", "Bela Brandt", "Chidi Castell", "Dana Duval", "Emre Ekman", "Farah Flint", "Goran Gray", "Hana Holm",
    "Ines Ivers", "Jonas Jarl", "Kavya Klein", "Lucas Lowe", "Mina Moreau", "Nils North", "Olga Oakes", "Pavel Park",
    "Quinn Quist", "Rosa Reyes", "Sami Stone", "Tara Thorne",
)  # fmt: skip
_COMPANIES = ("Northwind Bakery", "Harbour Clinic", "Cedar Logistics", "Lumen Studio", "Quarry Tools")
_PLANS = ("starter", "team", "team", "enterprise")


class Account(NamedTuple):
    """A customer account."""

    id: int
    email: str
    name: str
    company: str
    plan: str


def accounts() -> list[Account]:
    """Forty accounts; the addresses are in a domain that is reserved for examples."""
    return [_account(number) for number in range(1, 41)]


def _account(number: int) -> Account:
    name = _NAMES[number % len(_NAMES)]
    company = _COMPANIES[number % len(_COMPANIES)]
    email = f"{name.lower().replace(' ', '.')}.{number}@example.com"
    return Account(number, email, name, company, _PLANS[number % len(_PLANS)])


class Spending(NamedTuple):
    """What a company paid for one month before and with the product, in cents."""

    company: str
    month: str
    before_cents: int
    now_cents: int


def spending() -> list[Spending]:
    """Six months of every company; all of them save something."""
    return [_spending(place, month) for place in range(len(_COMPANIES)) for month in range(1, 7)]


def _spending(place: int, month: int) -> Spending:
    before = 120_000 + 37_500 * place + 4_100 * month
    return Spending(_COMPANIES[place], f"2026-{month:02d}", before, before * (88 - 2 * month) // 100)
