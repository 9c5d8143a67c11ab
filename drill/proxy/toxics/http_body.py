"""http_body: the upstream's answers come with a bad body."""

from __future__ import annotations

from dataclasses import dataclass

from drill.proxy.errors import bad_body
from drill.proxy.toxics.http import HttpToxic, Spoil

_MODES = ("truncate", "malformed", "replace")
_MALFORMED = b'{"malformed": [1, 2'


@dataclass(frozen=True)
class HttpBody(HttpToxic):
    """``mode`` truncate: the connection closes after ``bytes`` of the body; malformed: a body that is no JSON;
    replace: ``body``. Status and the other headers stay."""

    mode: str = "truncate"
    bytes: int = 0
    body: str = ""

    def check(self) -> None:
        """Raises ApiError 400 for a share, mode or number of bytes that makes no sense."""
        super().check()
        if self.mode not in _MODES:
            raise bad_body(f"attribute mode: {self.mode!r} is none of {', '.join(_MODES)}")
        if self.bytes < 0:
            raise bad_body(f"attribute bytes: {self.bytes} is negative")

    def spoil(self) -> Spoil:
        """By the mode."""
        if self.mode == "truncate":
            return Spoil(keep=self.bytes)
        return Spoil(body=_MALFORMED if self.mode == "malformed" else self.body.encode())
