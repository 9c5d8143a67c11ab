"""How a command reaches a running conductor."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any

from drill import errors
from drill.conductor.runtime_dir import socket_path
from drill.errors import DrillError, InvalidInput
from drill.store import DrillFolder, State

_TIMEOUT_S = 120.0
"""A mitigation may take a while; its own time-outs are shorter."""
_BY_SLUG = {cls.slug: cls for cls in vars(errors).values() if isinstance(cls, type) and issubclass(cls, DrillError)}


def running_drill(state: State) -> DrillFolder:
    """The drill that runs now. Raises InvalidInput when none does."""
    found = list(state.running())
    if not found:
        raise InvalidInput("no drill is running here; start one with `drill run SCENARIO`")
    return found[-1]


def ask(folder: DrillFolder, request: Mapping[str, Any]) -> dict[str, Any]:
    """Send one request and return the answer. Raises the error that the conductor answered with."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT_S)
            connection.connect(str(socket_path(folder)))
            connection.sendall(json.dumps(request).encode() + b"\n")
            with connection.makefile("rb") as stream:
                line = stream.readline()
    except OSError as error:
        raise InvalidInput(f"drill {folder.id} does not answer ({error}); it may just have ended") from error
    if not line:
        raise InvalidInput(f"drill {folder.id} closed the connection; it may just have ended")
    answer: dict[str, Any] = json.loads(line)
    if not answer.get("ok"):
        raise _BY_SLUG.get(str(answer.get("slug")), DrillError)(str(answer.get("error")))
    return answer
