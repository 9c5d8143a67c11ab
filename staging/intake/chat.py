"""The captured chat: rooms that take Slack's incoming webhooks and show them to people."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from common import JsonLines

MOST_POSTS = 10_000
MOST_CHARACTERS = 16 * 1024 * 1024
_KEPT_SHARE = 0.9


class Chat:
    """The posts of all rooms, oldest first; each is on disk before its author is told so. The oldest give way."""

    def __init__(self, folder: Path) -> None:
        self._file = JsonLines(folder / "chat.jsonl")
        self._posts = self._file.read()
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._posts)

    def room(self, name: str) -> list[dict[str, Any]]:
        """What was posted in one room."""
        return [_shown(post) for post in self._posts if post["room"] == name]

    def find(self, room: str, wanted: str) -> dict[str, Any] | None:
        """One post of a room."""
        return next((_shown(post) for post in self._posts if (post["room"], post["id"]) == (room, wanted)), None)

    def latest(self, most: int) -> dict[str, list[dict[str, Any]]]:
        """The newest posts by room, newest first, and so are the rooms."""
        rooms: dict[str, list[dict[str, Any]]] = {}
        for post in reversed(self._posts[-most:]):
            rooms.setdefault(post["room"], []).append(_shown(post))
        return rooms

    async def post(self, room: str, text: str, wanted: str) -> None:
        """Keep one post. The same id again in a room is the same post, and the first one stands."""
        async with self._turn:
            if wanted and self.find(room, wanted):
                return
            posted = datetime.now(UTC).isoformat(timespec="milliseconds")
            post = {"id": wanted or uuid.uuid4().hex, "room": room, "text": text, "posted_utc": posted}
            await asyncio.to_thread(self._file.append, post)
            self._posts.append(post)
            if len(self._posts) > MOST_POSTS or _size(self._posts) > MOST_CHARACTERS:
                await self._make_room()

    async def _make_room(self) -> None:
        """Drop more than must go, so that the file is not written anew for every further post."""
        left = self._posts[-int(MOST_POSTS * _KEPT_SHARE) :]
        while _size(left) > MOST_CHARACTERS * _KEPT_SHARE:
            left = left[len(left) // 10 + 1 :]
        await asyncio.to_thread(self._file.replace, left)
        self._posts = left


def _size(posts: list[dict[str, Any]]) -> int:
    return sum(len(post["text"]) for post in posts)


def _shown(post: dict[str, Any]) -> dict[str, Any]:
    return {name: post[name] for name in ("id", "text", "posted_utc")}
