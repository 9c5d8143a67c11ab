"""What the HTTP toxics share: which requests they are for. They act on the whole exchange, whatever their stream."""

from __future__ import annotations

import random
from dataclasses import dataclass

from drill.proxy.errors import bad_body
from drill.proxy.toxics.base import Toxic


@dataclass(frozen=True)
class Answer:
    """What the proxy answers in place of the upstream."""

    status: int
    body: str
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Spoil:
    """What becomes of the upstream's answer: another body, or a cut after so many bytes of it (``keep``)."""

    body: bytes = b""
    keep: int | None = None


@dataclass(frozen=True)
class HttpToxic(Toxic):
    """``route``: prefix of the path; ``method``: empty for any; ``share``: percent of the requests that match."""

    route: str = ""
    method: str = ""
    share: int = 100

    def check(self) -> None:
        """Raises ApiError 400 for a share outside 0 to 100."""
        if not 0 <= self.share <= 100:
            raise bad_body(f"attribute share: {self.share} is not between 0 and 100")

    def matches(self, method: str, target: str) -> bool:
        """Whether a request is hit; for a share below 100 it is drawn."""
        if self.method and self.method.upper() != method.upper():
            return False
        path = target.split("?", 1)[0]
        return path.startswith(self.route) and random.random() * 100 < self.share  # noqa: S311 - chance, no secret

    def delay_s(self) -> float:
        """How long a request that is hit waits, seconds."""
        return 0.0

    def answer(self) -> Answer | None:
        """The answer to a request that is hit, without the upstream; None lets it pass."""
        return None

    def spoil(self) -> Spoil | None:
        """What is done to the upstream's answer; None leaves it alone."""
        return None


def check_status(status: int) -> None:
    """Raises ApiError 400 for what is no final HTTP status."""
    if not 200 <= status <= 599:
        raise bad_body(f"attribute status: {status} is not between 200 and 599")
