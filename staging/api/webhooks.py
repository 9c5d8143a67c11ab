"""``/api/webhooks/payments``: the receiver of the payment provider's signed events."""

from __future__ import annotations

import hmac
import json
import re
import time
from typing import Any

from common import webhook_signature
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from api.accounts import unavailable
from api.payment_event import booking
from api.store import Store, StoreDown

TOLERANCE_S = 300
_SIGNATURE = re.compile(r"t=(\d{1,12}),v1=[0-9a-f]{64}")


class PaymentWebhooks:
    """An event is answered with 200 once its booking is durable; until then the provider repeats it."""

    def __init__(self, store: Store, secret: str) -> None:
        self._store = store
        self._secret = secret

    async def receive(self, request: Request) -> JSONResponse:
        body = await request.body()
        self._check(request.headers.get("X-Signature", ""), body)
        event: dict[str, Any] = json.loads(body)
        if event["type"] != "payment.succeeded":
            return JSONResponse({"status": "ignored"})
        payment, amount_cents = booking(event)
        try:
            await self._store.book(payment, amount_cents)
        except StoreDown as error:
            raise unavailable(error) from error
        return JSONResponse({"status": "booked"})

    def _check(self, signature: str, body: bytes) -> None:
        """400 for what the provider did not sign, or signed more than 5 minutes ago."""
        found = _SIGNATURE.fullmatch(signature)
        if found is None:
            raise HTTPException(400, "X-Signature is missing or has not the form t=TIME,v1=DIGEST")
        at = int(found[1])
        if not hmac.compare_digest(signature, webhook_signature(self._secret, at, body)):
            raise HTTPException(400, "the signature does not fit the body")
        if abs(time.time() - at) > TOLERANCE_S:
            raise HTTPException(400, "the signature is too old, or from the future")
