"""Bodies that strangers send, as plain data: bounded, and only what can be written down and answered again."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request

MOST_BYTES = 1024 * 1024
_DEEPEST = 64
_DRAINED_BYTES = 16 * MOST_BYTES


async def small_object(request: Request) -> dict[str, Any]:
    """The request's body as a JSON object. 413 when it is over 1 MiB, 400 when it is none.

    NaN, infinity and halves of a surrogate pair are no JSON that another program could read: one of them, once kept,
    would spoil every later answer. So would what is nested too deep for its reader.
    """
    raw = await _bounded(request)
    try:
        body = json.loads(raw)
        json.dumps(body, ensure_ascii=False, allow_nan=False).encode()
        _require_shallow(body, _DEEPEST)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "the body is not JSON") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return body


def _require_shallow(value: Any, left: int) -> None:
    """Raises ValueError for what is nested deeper than ``left``."""
    if left == 0:
        raise ValueError("nested too deep")
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _require_shallow(child, left - 1)


async def _bounded(request: Request) -> bytes:
    """What is too much is read on for a while and dropped: a sender that is still sending reads no answer."""
    raw, dropped = bytearray(), 0
    async for chunk in request.stream():
        if len(raw) + len(chunk) <= MOST_BYTES and not dropped:
            raw += chunk
            continue
        dropped += len(chunk)
        if dropped > _DRAINED_BYTES:
            break
    if dropped:
        raise HTTPException(413, f"the body is over {MOST_BYTES} bytes")
    return bytes(raw)


def short_text(body: dict[str, Any], name: str, most: int, *, empty: bool = False) -> str:
    """A field that must be text of at most so many characters; anything else is answered with 400."""
    value = body.get(name)
    if not isinstance(value, str) or not (empty or value.strip()):
        raise HTTPException(400, f"the field {name!r} is missing or is not text")
    if len(value) > most:
        raise HTTPException(400, f"the field {name!r} is longer than {most} characters")
    return value
