"""What the payment provider's events mean for our books."""

from __future__ import annotations

from typing import Any, NamedTuple


class Booking(NamedTuple):
    """A confirmed payment, in cents."""

    payment: str
    amount_cents: int


def booking(event: dict[str, Any]) -> Booking:
    """The booking that a ``payment.succeeded`` event asks for."""
    charge = event["data"]
    return Booking(str(charge["id"]), int(charge["amount_cents"]))
