"""http_status: requests are answered with a status of our choice; the upstream does not see them."""

from __future__ import annotations

from dataclasses import dataclass

from drill.proxy.toxics.http import Answer, HttpToxic, check_status


@dataclass(frozen=True)
class HttpStatus(HttpToxic):
    """Answers ``status`` with ``body``."""

    status: int = 503
    body: str = ""

    def check(self) -> None:
        """Raises ApiError 400 for a share or status that makes no sense."""
        super().check()
        check_status(self.status)

    def answer(self) -> Answer:
        """The same every time."""
        return Answer(self.status, self.body)
