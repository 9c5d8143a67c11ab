"""What the services share: settings from the environment, files that survive a kill, HTTP both ways."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import hmac
import inspect
import json
import logging
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

if TYPE_CHECKING:
    import httpx


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
        """Raises OSError, on a full disk for one; then nothing of the record is left behind."""
        line = _line(record)
        with self.path.open("ab", buffering=0) as file:
            whole = file.tell()
            try:
                written = file.write(line)
                if written != len(line):
                    raise OSError(errno.ENOSPC, f"only {written} of {len(line)} bytes could be written", str(self.path))
                os.fsync(file.fileno())
            except OSError:
                file.truncate(whole)
                raise

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


def count_field(body: dict[str, Any], name: str) -> int:
    """A field that must be a whole number above 0; anything else is answered with 400."""
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
        raise HTTPException(400, f"the field {name!r} is missing or is not a whole number above 0")
    return value


async def error_as_json(_request: Request, error: Exception) -> JSONResponse:
    """Errors in the same form as answers."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type alone
    return JSONResponse({"error": error.detail}, status_code=error.status_code)


async def unexpected_as_json(_request: Request, _error: Exception) -> JSONResponse:
    """The answer to a defect of ours, which the log has in full. The server hangs up after it, so it says so."""
    return JSONResponse({"error": "internal error"}, status_code=500, headers={"Connection": "close"})


async def metrics_page(_request: Request) -> Response:
    """Everything that this process counts, in Prometheus' text format."""
    from prometheus_client import CONTENT_TYPE_LATEST, generate_latest  # the mailboxes count nothing

    return Response(generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})


def webhook_signature(secret: str, at: int, body: bytes) -> str:
    """The ``X-Signature`` header of a webhook sent at a time in Unix seconds."""
    digest = hmac.new(secret.encode(), b"%d." % at + body, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def look_at(task: asyncio.Future[Any]) -> None:
    """Take the outcome of a call that nobody waits for any more, so that asyncio does not report it as lost."""
    if not task.cancelled():
        task.exception()


class CallFailed(Exception):
    """A call to another service brought no answer. The text is ``timeout`` or ``unreachable``: fit for a label."""


class Caller:
    """HTTP to other services: a total deadline and a connection of its own for each call.

    A kept connection would show a service as well that no new client can reach.
    """

    def __init__(self) -> None:
        import httpx  # only where a service calls others

        self._failures = (httpx.HTTPError, OSError)
        self._client = httpx.AsyncClient(
            limits=httpx.Limits(max_keepalive_connections=0),
            timeout=None,  # noqa: S113 - each call has a total deadline instead
            trust_env=False,
            follow_redirects=False,
        )

    async def call(self, method: str, url: str, deadline_s: float, **content: Any) -> httpx.Response:
        """Send and read the whole answer; ``content`` as httpx takes it (json, content, headers). Raises CallFailed."""
        task = asyncio.ensure_future(self._client.request(method, url, **content))
        try:
            # Not asyncio.timeout: what Debian bookworm's anyio does inside makes it miss its own cancelling.
            await asyncio.wait({task}, timeout=deadline_s)
        finally:
            late = not task.done()
            task.add_done_callback(look_at)
            task.cancel()
        if late:
            raise CallFailed("timeout")
        try:
            return task.result()
        except self._failures as error:
            raise CallFailed("unreachable") from error

    async def close(self) -> None:
        await self._client.aclose()


@contextlib.asynccontextmanager
async def running(*endless: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Background tasks for as long as the service runs. One that fails ends the service: half of one would lie."""
    tasks = [asyncio.create_task(work) for work in endless]
    for task in tasks:
        task.add_done_callback(end_service_with)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


def end_service_with(task: asyncio.Task[None]) -> None:
    """For a task that nobody awaits: should it have failed, log why and end the service as SIGTERM does."""
    if not task.cancelled() and (error := task.exception()) is not None:
        logging.getLogger("uvicorn.error").error("a background task failed; the service ends", exc_info=error)
        os.kill(os.getpid(), signal.SIGTERM)


def serve(app: Starlette) -> None:
    """Run until SIGTERM on HOST (default 127.0.0.1) and PORT, and end within 2 s of it."""
    options: dict[str, Any] = {"host": setting("HOST", "127.0.0.1"), "port": int(setting("PORT"))}
    # Debian bookworm's uvicorn cannot bound the wait for open requests; the services answer within 1 s anyway.
    if "timeout_graceful_shutdown" in inspect.signature(uvicorn.Config).parameters:
        options["timeout_graceful_shutdown"] = 1
    uvicorn.run(app, loop="asyncio", http="h11", log_level="warning", access_log=False, **options)
