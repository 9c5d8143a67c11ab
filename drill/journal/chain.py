"""How an event becomes a line, and a line a link of the chain."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from drill.errors import JournalError
from drill.model.events import Event

_FIELDS = ("seq", "t", "utc", "kind", "source", "data", "prev")


def to_line(event: Event) -> bytes:
    """The canonical line of an event, without the newline: sorted keys, no spaces, UTF-8."""
    record = {name: getattr(event, name) for name in _FIELDS}
    return json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def from_line(line: bytes) -> Event:
    """The event of a line. Raises JournalError when it is not one."""
    try:
        record: Any = json.loads(line)
    except ValueError as error:
        raise JournalError(f"not a JSON line: {error}") from error
    if not isinstance(record, dict) or set(record) != set(_FIELDS):
        raise JournalError("not an event: its fields are not " + ", ".join(_FIELDS))
    if not _typed(record):
        raise JournalError("not an event: a field has the wrong type")
    return Event(**record)


def _typed(record: dict[str, Any]) -> bool:
    numbers = all(type(record[name]) is int for name in ("seq", "t"))
    texts = all(isinstance(record[name], str) for name in ("utc", "kind", "source", "prev"))
    return numbers and texts and isinstance(record["data"], dict)


def link(line: bytes) -> str:
    """SHA-256 of a line without its newline: what the next line carries as ``prev``."""
    return hashlib.sha256(line).hexdigest()
