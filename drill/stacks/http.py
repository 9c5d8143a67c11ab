"""Small blocking HTTP requests to services on loopback: health, flags, sinks. The prober has its own, asynchronous."""

from __future__ import annotations

import http.client
import json
from dataclasses import dataclass
from typing import Any

from drill.errors import ActionFailed
from drill.ports import Stack


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.status < 300


def request(
    address: tuple[str, int], method: str, path: str, body: Any = None, timeout_s: float = 5, *, token: str = ""
) -> Answer:
    """One request, JSON out. Raises OSError or http.client.HTTPException; ``timeout_s`` holds for each socket call.

    ``token``: sent as a bearer token, when there is one.
    """
    connection = http.client.HTTPConnection(*address, timeout=timeout_s)
    headers = {"Connection": "close"} | ({} if body is None else {"Content-Type": "application/json"})
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    try:
        connection.request(method, path, None if body is None else json.dumps(body).encode(), headers)
        response = connection.getresponse()
        return Answer(response.status, response.read())
    finally:
        connection.close()


def ask(stack: Stack, service: str, port: str, method: str, path: str, body: Any = None, *, token: str = "") -> Answer:
    """One request to a named port of a service. Raises ActionFailed, one line, when nothing answers."""
    host, number = stack.address(service, port)
    try:
        return request((host, number), method, path, body, token=token)
    except (OSError, http.client.HTTPException) as error:
        reason = str(error) or type(error).__name__
        raise ActionFailed(f"{service}: {method} {host}:{number}{path}: {reason}; is the service up?") from error


def decoded(answer: Answer, where: str) -> Any:
    """The JSON in an answer. Raises ActionFailed when it is no 2xx or holds no JSON."""
    if not answer.ok:
        raise ActionFailed(f"{where} answered HTTP {answer.status}")
    try:
        return json.loads(answer.body)
    except ValueError as error:
        raise ActionFailed(f"{where} answered no JSON") from error
