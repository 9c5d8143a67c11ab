"""A mail server that keeps everything and delivers nothing: SMTP in, a list over HTTP out.

Settings: PORT (HTTP), SMTP_PORT, HOST, DATA_DIR.
"""

from __future__ import annotations

import asyncio
import contextlib
import email
import email.policy
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from common import JsonLines, data_dir, error_as_json, serve, setting
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


class Mailbox:
    """Every message that was accepted, on disk before the sender is told so."""

    def __init__(self) -> None:
        self._file = JsonLines(data_dir() / "messages.jsonl")
        self._messages = self._file.read()
        self._turn = asyncio.Lock()

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        record = as_record(envelope)
        async with self._turn:
            try:
                await asyncio.to_thread(self._file.append, record)
            except OSError as error:
                return f"451 cannot keep the message: {error.strerror}"
            self._messages.append(record)
        return "250 kept"

    async def health(self, _request: Request) -> JSONResponse:
        return JSONResponse({"status": "ok", "messages": len(self._messages)})

    async def list(self, _request: Request) -> JSONResponse:
        return JSONResponse(self._messages)

    async def show(self, request: Request) -> JSONResponse:
        wanted = request.path_params["id"]
        for message in self._messages:
            if message["id"] == wanted:
                return JSONResponse(message)
        raise HTTPException(404, f"there is no message {wanted!r}")

    @contextlib.asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        """SMTP listens as long as HTTP does, on the same loop."""
        server = await asyncio.get_running_loop().create_server(
            lambda: SMTP(self, hostname="mail.staging", enable_SMTPUTF8=True),
            setting("HOST", "127.0.0.1"),
            int(setting("SMTP_PORT")),
        )
        try:
            yield
        finally:
            server.close()


def as_record(envelope: Envelope) -> dict[str, Any]:
    """What a reader of the mail sees, as plain data."""
    content = envelope.content if isinstance(envelope.content, bytes) else b""
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)  # noqa: S101 - what that policy makes
    return {
        "id": str(message["Message-ID"] or f"{uuid.uuid4()}@mail.staging").strip().strip("<>"),
        "from": envelope.mail_from or "",
        "to": list(envelope.rcpt_tos),
        "subject": str(message["Subject"] or ""),
        "body": body_of(message),
        "received": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }


def body_of(message: EmailMessage) -> str:
    """The plain text, else the HTML, else nothing. A part in an unknown encoding is shown as well as can be."""
    part = message.get_body(preferencelist=("plain", "html"))
    if part is None:
        return ""
    try:
        return str(part.get_content()).replace("\r\n", "\n")
    except (LookupError, ValueError):
        payload = part.get_payload(decode=True)
        return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else ""


def main() -> None:
    mailbox = Mailbox()
    routes = [
        Route("/health", mailbox.health),
        Route("/messages", mailbox.list),
        Route("/messages/{id:path}", mailbox.show),
    ]
    serve(Starlette(routes=routes, lifespan=mailbox.lifespan, exception_handlers={HTTPException: error_as_json}))


if __name__ == "__main__":
    main()
