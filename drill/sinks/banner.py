"""The banner inside the product, one at a time."""

from __future__ import annotations

from urllib.parse import quote

from drill.clock import now_ns
from drill.errors import ActionFailed
from drill.ports import Message, Receipt, Stack
from drill.stacks.http import ask


class BannerSink:
    """``PUT /banner`` answers 201, or 200 for an id that is shown already; a later banner takes this one's place."""

    channel = "banner"

    def __init__(self, stack: Stack, service: str) -> None:
        self._stack = stack
        self._service = service
        self._latest = ""
        self._replaced: set[str] = set()

    def send(self, message: Message) -> Receipt:
        """Accepted when it is shown. Raises ActionFailed when it is not, or has no text: that would remove a banner."""
        text = message.body.strip() or message.subject.strip()
        if not text:
            raise ActionFailed(f"banner {message.id} has no text; write what customers should read")
        replaces = self._latest not in ("", message.id) and self._shown(self._latest)
        answer = ask(self._stack, self._service, "http", "PUT", "/banner", {"id": message.id, "text": text})
        accepted_ns = now_ns()
        if answer.status not in (200, 201):
            raise ActionFailed(f"banner {message.id} was not accepted by {self._service}: HTTP {answer.status}")
        if replaces:
            self._replaced.add(self._latest)
        self._latest = message.id
        return Receipt(id=message.id, at_ns=accepted_ns)

    def holds(self, message_id: str) -> bool:
        """Whether it is shown, or was until a later one of ours took its place. Raises ActionFailed when unknown."""
        return self._shown(message_id) or message_id in self._replaced

    def _shown(self, message_id: str) -> bool:
        path = f"/banner/{quote(message_id, safe='')}"
        answer = ask(self._stack, self._service, "http", "GET", path)
        if answer.status not in (200, 404):
            raise ActionFailed(f"{self._service}{path} answered HTTP {answer.status}")
        return answer.ok
