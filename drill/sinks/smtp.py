"""Mail to the stack's capturing mail service."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage
from email.utils import formatdate
from urllib.parse import quote

from drill.clock import now_ns
from drill.errors import ActionFailed
from drill.ports import Message, Receipt, Stack
from drill.stacks.http import ask

_TIMEOUT_S = 5


class MailSink:
    """SMTP in through the named port ``smtp``; what arrived is listed by HTTP on the named port ``http``."""

    channel = "email"

    def __init__(self, stack: Stack, service: str, sender: str) -> None:
        self._stack = stack
        self._service = service
        self._sender = sender

    def send(self, message: Message) -> Receipt:
        """Accepted when SMTP says 250. Raises ActionFailed when it does not, or not in time."""
        host, port = self._stack.address(self._service, "smtp")
        try:
            letter = self._letter(message)
            with smtplib.SMTP(host, port, timeout=_TIMEOUT_S) as smtp:
                refused = smtp.send_message(letter)
                accepted_ns = now_ns()
        except (OSError, ValueError, smtplib.SMTPException) as error:
            raise ActionFailed(f"mail {message.id} was not accepted by {self._service}: {error}") from error
        if refused:
            raise ActionFailed(f"mail {message.id}: {self._service} refused {', '.join(sorted(refused))}")
        return Receipt(id=message.id, at_ns=accepted_ns)

    def holds(self, message_id: str) -> bool:
        """Whether the service lists it. Raises ActionFailed when the service does not answer."""
        path = f"/messages/{quote(message_id, safe='')}"
        answer = ask(self._stack, self._service, "http", "GET", path)
        if answer.status not in (200, 404):
            raise ActionFailed(f"{self._service}{path} answered HTTP {answer.status}")
        return answer.ok

    def _letter(self, message: Message) -> EmailMessage:
        letter = EmailMessage()
        letter["Message-ID"] = f"<{message.id}>"
        letter["From"] = self._sender
        letter["To"] = ", ".join(message.recipients)
        letter["Subject"] = message.subject
        letter["Date"] = formatdate()
        letter.set_content(message.body)
        return letter
