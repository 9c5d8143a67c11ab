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
MINIMUM_API = (1, 40)
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
            version = str(first.version(api_version=False)["ApiVersion"])
        check_api(version)
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


def check_api(version: str) -> None:
    """Raises StackError for an engine API older than 1.40 (Docker 19.03)."""
    if tuple(int(part) for part in version.split(".")[:2]) < MINIMUM_API:
        raise StackError(
            f"the Docker engine at {endpoint()} speaks API {version}, drill needs 1.40; update it to 19.03 or newer"
        )


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
