"""``/api/payments``: a checkout asks the provider for a charge, and counts as paid once its webhook was booked."""

from __future__ import annotations

import asyncio

from common import count_field, json_object, text_field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.accounts import unavailable
from api.store import Store, StoreDown
from api.upstream import Budget, Refused, Upstream

CONFIRM_S = 1.5
LOOK_S = 0.05


class Payments:
    def __init__(self, store: Store, provider: Upstream) -> None:
        self._store = store
        self._provider = provider

    async def pay(self, request: Request) -> JSONResponse:
        """201: booked. 202: charged, the confirmation is still to come. 503: not charged, or not known to be.

        The same id again is the same charge, so a customer may repeat after any answer.
        """
        body = await json_object(request)
        payment, amount_cents = text_field(body, "id"), count_field(body, "amount_cents")
        try:
            booked = await self._store.is_booked(payment)
        except StoreDown as error:
            raise unavailable(error) from error  # nobody is charged for what we could not book
        if not booked:
            await self._charge(payment, amount_cents)
            booked = await self._confirmed(payment)
        status = "confirmed" if booked else "pending"
        return JSONResponse({"id": payment, "status": status}, status_code=201 if booked else 202)

    async def _charge(self, payment: str, amount_cents: int) -> None:
        try:
            await self._provider.post("/payments/charges", {"id": payment, "amount_cents": amount_cents}, Budget())
        except Refused as error:
            raise HTTPException(503, str(error)) from error

    async def _confirmed(self, payment: str) -> bool:
        """Look in the store, because the webhook may reach another replica."""
        budget = Budget(CONFIRM_S)
        while budget.left():
            try:
                if await self._store.is_booked(payment):
                    return True
            except StoreDown:
                pass  # charged it is; the provider repeats the webhook until it is booked
            await asyncio.sleep(min(LOOK_S, budget.left()))
        return False

    async def list(self, _request: Request) -> JSONResponse:
        """Each confirmed payment and how often it was booked: more than once would be a customer who paid twice."""
        try:
            return JSONResponse(await self._store.payments())
        except StoreDown as error:
            raise unavailable(error) from error
