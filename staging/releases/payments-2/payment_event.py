"""What the payment provider's events mean for our books, amounts in any currency."""

from __future__ import annotations

from typing import Any, NamedTuple


class Booking(NamedTuple):
    """A confirmed payment, in the currency's smallest unit."""

    payment: str
    amount_cents: int


def booking(event: dict[str, Any]) -> Booking:
    """The booking that a ``payment.succeeded`` event asks for."""
    charge = event["data"]
    amount = charge["amount"]
    return Booking(str(charge["id"]), int(amount["value"]))
