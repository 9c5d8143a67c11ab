"""The Docker engine: which one, whether it answers, and errors in the user's words."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from drill.errors import ActionFailed, StackError

if TYPE_CHECKING:
    from docker import DockerClient

DEFAULT_ENDPOINT = "unix:///var/run/docker.sock"
OLDEST_API = (1, 40)
NEWEST_API = (1, 44)
"""Between these drill speaks the engine's own; a newer engine is asked to speak this one, as engines do."""
TIMEOUT_S = 10
_ANY_API = "1.40"
_QUICK_S = 0.9


def endpoint() -> str:
    """The engine that every part of drill uses: ``DOCKER_HOST``, or the default local socket."""
    return os.environ.get("DOCKER_HOST") or DEFAULT_ENDPOINT


def is_local_socket(address: str) -> bool:
    """Whether an endpoint is a Unix socket of this host: the only kind that a demo may enrol by itself."""
    return urlsplit(address).scheme == "unix"


def engine_answers() -> tuple[str, str] | None:
    """Endpoint and engine id, or None when no usable engine answers. Takes under 2 s."""
    try:
        client = connect(_QUICK_S)
    except StackError:
        return None
    try:
        return endpoint(), engine_id(client)
    except StackError:
        return None
    finally:
        client.close()


def engine_id(client: DockerClient) -> str:
    """The id that the engine gives itself. Two engines can share it: know one by endpoint and id together."""
    with engine_errors("docker info"):
        return str(client.info()["ID"])


def connect(timeout_s: float = TIMEOUT_S) -> DockerClient:
    """A client with a time-out (seconds) on every call. Raises StackError when no engine answers or it is too old."""
    import docker
    import requests

    try:
        _knock(timeout_s)
        with closing(_client(_ANY_API, timeout_s)) as first:
            told = first.version(api_version=False)
        version = common_api(str(told["ApiVersion"]), str(told.get("MinAPIVersion") or "1.12"))
        return _client(version, timeout_s)
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise StackError(
            f"no Docker engine answers at {endpoint()} ({_first_line(error)}); start it, or use `--stack process`"
        ) from error


def _client(version: str, timeout_s: float) -> DockerClient:
    """A client of a given API version: making it contacts nobody, so that a failure later can close it."""
    import docker

    environment = {**os.environ, "DOCKER_HOST": endpoint()}
    # The stubs want whole seconds; the client hands the number to the socket.
    return docker.from_env(version=version, timeout=timeout_s, environment=environment)  # type: ignore[arg-type]


def _knock(timeout_s: float) -> None:
    """Raises OSError when nobody listens on a local socket (the SDK would leave its own socket open then)."""
    if is_local_socket(endpoint()):
        with socket.socket(socket.AF_UNIX) as knock:
            knock.settimeout(timeout_s)
            knock.connect(urlsplit(endpoint()).path)


def common_api(newest: str, oldest: str) -> str:
    """The API version to speak with an engine that speaks ``oldest`` to ``newest``. Raises StackError for none."""
    if _parts(newest) < OLDEST_API:
        raise StackError(
            f"the Docker engine at {endpoint()} speaks API {newest}, drill needs 1.40; update it to 19.03 or newer"
        )
    if _parts(oldest) > NEWEST_API:
        raise StackError(
            f"the Docker engine at {endpoint()} speaks no API older than {oldest}, drill knows up to "
            f"{_text(NEWEST_API)}; update drill, or let the engine speak it (DOCKER_MIN_API_VERSION of dockerd)"
        )
    return _text(min(_parts(newest), NEWEST_API))


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def _text(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


@contextmanager
def engine_errors(action: str) -> Iterator[None]:
    """Turn the SDK's and the socket's errors into ActionFailed with one line that names the action."""
    import docker
    import requests

    try:
        yield
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        reason = getattr(error, "explanation", None) or _first_line(error)
        raise ActionFailed(f"{action}: {reason}; look at `drill stack status`") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
