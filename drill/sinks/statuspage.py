"""Posts to the stack's capturing status page."""

from __future__ import annotations

from urllib.parse import quote

from drill.clock import now_ns
from drill.errors import ActionFailed
from drill.ports import Message, Receipt, Stack
from drill.stacks.http import ask


class StatusPageSink:
    """``POST /posts`` answers 201; ``GET /posts/ID`` shows the post where a customer would read it."""

    channel = "status-page"

    def __init__(self, stack: Stack, service: str) -> None:
        self._stack = stack
        self._service = service

    def send(self, message: Message) -> Receipt:
        """Accepted when the page says 201. Raises ActionFailed when it does not."""
        title = message.subject or message.status.capitalize()
        post = {"id": message.id, "status": message.status, "title": title, "body": message.body}
        answer = ask(self._stack, self._service, "http", "POST", "/posts", post)
        accepted_ns = now_ns()
        if answer.status != 201:
            raise ActionFailed(f"post {message.id} was not accepted by {self._service}: HTTP {answer.status}")
        return Receipt(id=message.id, at_ns=accepted_ns)

    def holds(self, message_id: str) -> bool:
        """Whether the page shows it. Raises ActionFailed when the page does not answer."""
        path = f"/posts/{quote(message_id, safe='')}"
        answer = ask(self._stack, self._service, "http", "GET", path)
        if answer.status not in (200, 404):
            raise ActionFailed(f"{self._service}{path} answered HTTP {answer.status}")
        return answer.ok
