"""The product's calls to its vendors, and the time that an answer of our own has left for them."""

from __future__ import annotations

import json
import time
from typing import Any

from common import Caller, CallFailed
from starlette.exceptions import HTTPException

from api import metrics
from api.dependencies import Dependencies

CALL_S = 0.6
ANSWER_S = 0.85
"""Bound on an answer of ours that needs a vendor, below the 1 s that a reference probe waits."""


class Budget:
    """Time for one answer, from now on."""

    def __init__(self, seconds: float = ANSWER_S) -> None:
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds, 0 when it is used up."""
        return max(0.0, self._end - time.monotonic())


class Refused(Exception):
    """A vendor gave no good answer. The text says how, and never quotes what it sent: that may hold secrets."""


class Upstream:
    """One vendor. Every outcome is counted and becomes the state of the dependency."""

    def __init__(self, name: str, url: str | None, caller: Caller, dependencies: Dependencies) -> None:
        self._name = name
        self._url = url
        self._caller = caller
        self._dependencies = dependencies

    async def post(self, path: str, body: dict[str, Any], budget: Budget) -> dict[str, Any]:
        """The answer's JSON object. Raises Refused; HTTPException 503 where the vendor is not configured."""
        if self._url is None:
            raise HTTPException(503, f"no {self._name} provider is configured")
        try:
            answer = await self._caller.call("POST", self._url + path, min(CALL_S, budget.left()), json=body)
        except CallFailed as error:
            self._count(str(error), up=False)
            raise Refused(f"the {self._name} provider gave no answer: {error}") from error
        found = _object(answer.content) if answer.is_success else None
        self._count(str(answer.status_code), up=found is not None)
        if found is None:
            raise Refused(f"the {self._name} provider answered with HTTP {answer.status_code}")
        return found

    def _count(self, status: str, up: bool) -> None:
        metrics.UPSTREAM.labels(self._name, status).inc()
        self._dependencies.saw(self._name, up)


def _object(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None
