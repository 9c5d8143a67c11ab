"""Posts to a room of the stack's captured chat, as Slack's incoming webhooks take them."""

from __future__ import annotations

from urllib.parse import quote

from drill.clock import now_ns
from drill.errors import ActionFailed
from drill.ports import Message, Receipt, Stack
from drill.stacks.http import ask


class ChatSink:
    """``POST /chat/hooks/ROOM`` answers 200; ``GET /chat/rooms/ROOM/ID`` shows what people in the room read."""

    channel = "chat"

    def __init__(self, stack: Stack, service: str, room: str, token: str) -> None:
        self._stack = stack
        self._service = service
        self._room = quote(room, safe="")
        self._token = token

    def send(self, message: Message) -> Receipt:
        """Subject on the first line, then the body. Accepted at 200. Raises ActionFailed when it is not."""
        post = {"id": message.id, "text": "\n".join(filter(None, (message.subject, message.body.rstrip())))}
        path = f"/chat/hooks/{self._room}"
        answer = ask(self._stack, self._service, "http", "POST", path, post, token=self._token)
        accepted_ns = now_ns()
        if answer.status != 200:
            raise ActionFailed(f"chat post {message.id} was not accepted by {self._service}: HTTP {answer.status}")
        return Receipt(id=message.id, at_ns=accepted_ns)

    def holds(self, message_id: str) -> bool:
        """Whether the room shows it. Raises ActionFailed when the chat does not answer."""
        path = f"/chat/rooms/{self._room}/{quote(message_id, safe='')}"
        answer = ask(self._stack, self._service, "http", "GET", path)
        if answer.status not in (200, 404):
            raise ActionFailed(f"{self._service}{path} answered HTTP {answer.status}")
        return answer.ok
