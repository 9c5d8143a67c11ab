"""What the three services share: settings from the environment, files that survive a kill, JSON over HTTP."""

from __future__ import annotations

import inspect
import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse


def setting(name: str, default: str | None = None) -> str:
    """An environment variable. Without it and without a default the service ends with one line."""
    value = os.environ.get(name, default)
    if value is None:
        raise SystemExit(f"{name} is not set; the service needs it in its environment")
    return value


def data_dir() -> Path:
    """The service's own folder, made when it is missing."""
    path = Path(setting("DATA_DIR"))
    path.mkdir(parents=True, exist_ok=True)
    return path


def sync_folder(path: Path) -> None:
    """Make a rename or a new file in this folder durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_durably(path: Path, content: bytes) -> None:
    """Replace a file so that after a kill it holds either the old content or the new."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    sync_folder(path.parent)


class JsonLines:
    """A file of one JSON object a line. What ``append`` returned from is on disk. One writer at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            write_durably(path, b"")
        self._cut_torn_tail()

    def _cut_torn_tail(self) -> None:
        """A kill in the middle of an append leaves half a line, which nobody was told had been kept."""
        content = self.path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole != len(content):
            os.truncate(self.path, whole)

    def read(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    def append(self, record: dict[str, Any]) -> None:
        with self.path.open("ab") as file:
            file.write(_line(record))
            file.flush()
            os.fsync(file.fileno())

    def replace(self, records: Iterable[dict[str, Any]]) -> None:
        write_durably(self.path, b"".join(_line(record) for record in records))


def _line(record: dict[str, Any]) -> bytes:
    return json.dumps(record, sort_keys=True).encode() + b"\n"


async def json_object(request: Request) -> dict[str, Any]:
    """The request's body as a JSON object; anything else is answered with 400."""
    try:
        body = await request.json()
    except ValueError as error:  # bad JSON and bad UTF-8 alike
        raise HTTPException(400, "the body is not JSON") from error
    if not isinstance(body, dict):
        raise HTTPException(400, "the body is not a JSON object")
    return body


def text_field(body: dict[str, Any], name: str) -> str:
    """A field that must be text with something in it; anything else is answered with 400."""
    value = body.get(name)
    if not isinstance(value, str) or not value.strip():
        raise HTTPException(400, f"the field {name!r} is missing or is not text")
    return value


async def error_as_json(_request: Request, error: Exception) -> JSONResponse:
    """Errors in the same form as answers."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


def serve(app: Starlette) -> None:
    """Run until SIGTERM on HOST (default 127.0.0.1) and PORT, and end within 2 s of it."""
    options: dict[str, Any] = {"host": setting("HOST", "127.0.0.1"), "port": int(setting("PORT"))}
    # Debian bookworm's uvicorn cannot bound the wait for open requests; the services answer within 1 s anyway.
    if "timeout_graceful_shutdown" in inspect.signature(uvicorn.Config).parameters:
        options["timeout_graceful_shutdown"] = 1
    uvicorn.run(app, loop="asyncio", http="h11", log_level="warning", access_log=False, **options)
