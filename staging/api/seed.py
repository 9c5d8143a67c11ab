"""The customers that every new store starts with: the same forty each time."""

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
