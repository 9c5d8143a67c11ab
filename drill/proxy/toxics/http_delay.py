"""http_delay: requests reach the upstream late."""

from __future__ import annotations

import random
from dataclasses import dataclass

from drill.proxy.toxics.http import HttpToxic


@dataclass(frozen=True)
class HttpDelay(HttpToxic):
    """Holds a request back for ``delay`` ± ``jitter`` ms, and with it those behind it on the same connection."""

    delay: int = 0
    jitter: int = 0

    def delay_s(self) -> float:
        """Drawn anew for each request."""
        return max(self.delay + random.uniform(-1, 1) * max(self.jitter, 0), 0) / 1000  # noqa: S311 - chance, no secret
