"""Asking a stack's containers by the plain Docker command line. Nothing here comes from drill or its injectors."""

from __future__ import annotations

import http.client
import json
import subprocess
from typing import Any

from observers import DOCKER

ANSWER_S = 6.0


class Unseen(Exception):
    """It could not be looked at; the words say why."""


def docker(*words: str, stdin: str | None = None) -> str:
    """Output of one command. Raises Unseen when it fails or takes longer than 6 s."""
    try:
        done = subprocess.run(
            [DOCKER, *words], input=stdin, capture_output=True, text=True, timeout=ANSWER_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unseen(f"docker {words[0]} gives no answer") from error
    if done.returncode:
        raise Unseen(f"docker {words[0]}: {(done.stderr or done.stdout).strip()[-200:]}")
    return done.stdout


def listed(*filters: str) -> list[str]:
    """Ids of all containers, running or not, that fit every filter."""
    return docker("ps", "-aq", "--no-trunc", *(f"--filter={one}" for one in filters)).split()


def inspected(containers: list[str]) -> list[dict[str, Any]]:
    """`docker inspect` of each; none of one that went meanwhile is an error."""
    found: list[dict[str, Any]] = json.loads(docker("inspect", *containers)) if containers else []
    return found


def ask(port: int, path: str, *, method: str = "GET", body: object = None, within_s: float = 3.0) -> tuple[int, Any]:
    """Status and JSON (or text) of one request to a published port. Raises Unseen."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=within_s)
    try:
        sent = None if body is None else json.dumps(body)
        connection.request(method, path, sent, {"Content-Type": "application/json"} if sent else {})
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        raise Unseen(f"{method} {path}: {error!r}") from error
    finally:
        connection.close()
    try:
        return answer.status, json.loads(text)
    except ValueError:
        return answer.status, text
