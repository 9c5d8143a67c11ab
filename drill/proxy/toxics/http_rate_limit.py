"""http_rate_limit: too many requests are answered 429, as an API with a quota does."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from drill.proxy.errors import bad_body
from drill.proxy.toxics.http import Answer, HttpToxic, check_status


class Bucket:
    """Tokens that come back with time; a request takes one. All connections of the proxy share it."""

    def __init__(self) -> None:
        self._tokens: float | None = None
        self._looked = 0.0

    def take(self, rate: float, capacity: int) -> bool:
        """Whether there was a token. ``rate``: tokens a second; it begins full."""
        now = time.monotonic()
        before = capacity if self._tokens is None else self._tokens + (now - self._looked) * rate
        self._tokens, self._looked = min(before, capacity), now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(frozen=True)
class HttpRateLimit(HttpToxic):
    """Lets ``limit`` requests per ``window`` ms pass, in bursts of ``burst`` (0: of ``limit``); limit 0 limits all.

    The others get ``status`` with ``Retry-After: retry_after`` (seconds; 0 leaves the header out) and ``body``.
    """

    status: int = 429
    retry_after: int = 1
    limit: int = 0
    window: int = 1000
    burst: int = 0
    body: str = ""
    bucket: Bucket = field(default_factory=Bucket, compare=False, repr=False)

    def check(self) -> None:
        """Raises ApiError 400 for a share, status, window or number that makes no sense."""
        super().check()
        check_status(self.status)
        if self.window <= 0:
            raise bad_body(f"attribute window: {self.window} is not positive")
        for name in ("retry_after", "limit", "burst"):
            if getattr(self, name) < 0:
                raise bad_body(f"attribute {name}: {getattr(self, name)} is negative")

    def answer(self) -> Answer | None:
        """None while there are tokens."""
        if self.limit and self.bucket.take(self.limit * 1000 / self.window, self.burst or self.limit):
            return None
        headers = (("Retry-After", str(self.retry_after)),) if self.retry_after else ()
        return Answer(self.status, self.body, headers)
