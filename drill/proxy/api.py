"""The HTTP API: which call does what, and what it answers."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from drill.proxy import VERSION
from drill.proxy.collection import Collection
from drill.proxy.errors import ApiError, bad_body

_LOG = logging.getLogger("drill.proxy")
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"
_HANDLER_S = 25.0


class Call(NamedTuple):
    """A request of the API."""

    method: str
    target: str
    user_agent: str
    body: bytes


class Reply(NamedTuple):
    """Status, body and content type (empty for no body)."""

    status: int
    body: bytes = b""
    content_type: str = ""


Handler = Callable[..., Awaitable[Reply]]


class Api:
    """Answers calls by what they do to a collection. ``handler_s``: how long one may take before it is answered 503."""

    def __init__(self, collection: Collection, handler_s: float = _HANDLER_S) -> None:
        self._collection = collection
        self._handler_s = handler_s
        self._running: set[asyncio.Task[Reply]] = set()
        index, update, toxic = self._index, self._update, self._update_toxic
        self._routes: Mapping[tuple[str, ...], Mapping[str, Handler]] = {
            ("version",): {"GET": self._version},
            ("reset",): {"POST": self._reset},
            ("populate",): {"POST": self._populate},
            ("proxies",): {"GET": index, "POST": self._create},
            ("proxies", "*"): {"GET": self._show, "POST": update, "PATCH": update, "DELETE": self._delete},
            ("proxies", "*", "toxics"): {"GET": self._toxics, "POST": self._add_toxic},
            ("proxies", "*", "toxics", "*"): {
                "GET": self._show_toxic,
                "POST": toxic,
                "PATCH": toxic,
                "DELETE": self._remove_toxic,
            },
        }

    async def answer(self, call: Call) -> Reply:
        """Never raises for what a caller can do wrong. A handler goes on after its 503, as Toxiproxy's do."""
        parts = unquote(urlsplit(call.target).path).strip("/").split("/")
        found = next((each for each in self._routes if _matches(each, parts)), None)
        if found is None:
            return Reply(404, b"404 page not found\n", _TEXT)
        handler = self._routes[found].get(call.method)
        if handler is None:
            return Reply(405)
        if call.user_agent.startswith("Mozilla/"):
            return Reply(403, b"User agent not allowed\n", _TEXT)
        names = [part for part, pattern in zip(parts, found, strict=True) if pattern == "*"]
        task = asyncio.get_running_loop().create_task(self._guarded(handler, call, names))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        done, _ = await asyncio.wait([task], timeout=self._handler_s)
        return task.result() if done else Reply(503)

    async def _guarded(self, handler: Handler, call: Call, names: list[str]) -> Reply:
        takes_body = call.method in ("POST", "PATCH") and handler != self._reset
        try:
            return await (handler(_decoded(call.body), *names) if takes_body else handler(*names))
        except ApiError as error:
            if handler == self._populate:
                return _json(error.status, {"error": str(error), "status": error.status, "proxies": None})
            return _failure(error)

    async def _version(self) -> Reply:
        answer = json.dumps({"version": VERSION, "server": "drill"}) + "\n"
        return Reply(200, answer.encode(), "application/json;charset=utf-8")

    async def _reset(self) -> Reply:
        await self._collection.reset()
        return Reply(204)

    async def _populate(self, body: Any) -> Reply:
        if not isinstance(body, list):
            raise bad_body("expected an array of proxies")
        made = await self._collection.populate(body)
        return _json(201, {"proxies": [proxy.to_json() for proxy in made]})

    async def _index(self) -> Reply:
        return _json(200, {proxy.name: proxy.to_json() for proxy in self._collection.all()})

    async def _create(self, body: Any) -> Reply:
        return _json(201, (await self._collection.create(_object(body))).to_json())

    async def _show(self, name: str) -> Reply:
        return _json(200, self._collection.get(name).to_json())

    async def _update(self, body: Any, name: str) -> Reply:
        self._collection.get(name)
        return _json(200, (await self._collection.update(name, _object(body))).to_json())

    async def _delete(self, name: str) -> Reply:
        await self._collection.delete(name)
        return Reply(204)

    async def _toxics(self, name: str) -> Reply:
        return _json(200, self._collection.get(name).listed())

    async def _add_toxic(self, body: Any, name: str) -> Reply:
        entry = await self._collection.get(name).add_toxic(_object(body))
        _LOG.info("proxy %s: toxic %s added: %s", name, entry.name, entry.to_json())
        return _json(200, entry.to_json())

    async def _show_toxic(self, name: str, toxic: str) -> Reply:
        return _json(200, self._collection.get(name).toxic(toxic).to_json())

    async def _update_toxic(self, body: Any, name: str, toxic: str) -> Reply:
        proxy = self._collection.get(name)
        proxy.toxic(toxic)
        return _json(200, (await proxy.update_toxic(toxic, _object(body))).to_json())

    async def _remove_toxic(self, name: str, toxic: str) -> Reply:
        await self._collection.get(name).remove_toxic(toxic)
        _LOG.info("proxy %s: toxic %s removed", name, toxic)
        return Reply(204)


def _matches(pattern: tuple[str, ...], parts: list[str]) -> bool:
    return len(pattern) == len(parts) and all(
        part if wanted == "*" else part == wanted for wanted, part in zip(pattern, parts, strict=True)
    )


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise bad_body(str(error) if body else "EOF") from error


def _object(body: Any) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise bad_body("expected an object")
    return body


def _json(status: int, body: Any) -> Reply:
    return Reply(status, json.dumps(body).encode(), _JSON)


def _failure(error: ApiError) -> Reply:
    body = json.dumps({"error": str(error), "status": error.status}) + "\n"
    return Reply(error.status, body.encode(), _TEXT)
