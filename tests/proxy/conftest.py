"""For the proxy's tests: a server (TOXIPROXY_URL, or our own), and proxies in front of small upstreams."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Callable, Iterator

import pytest
from proxyrig import Proxied, Serve, Server, any_server, own_server, upstream

_NUMBERS = itertools.count(1)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Any server with the API."""
    with any_server() as found:
        yield found


@pytest.fixture(scope="session")
def shipped_server() -> Iterator[Server]:
    """Our own, whatever TOXIPROXY_URL says."""
    with own_server() as (found, _):
        yield found


def _making(server: Server) -> Iterator[Callable[[Serve], Proxied]]:
    with contextlib.ExitStack() as stack:

        def make(serve: Serve) -> Proxied:
            behind = stack.enter_context(upstream(serve))
            body = {"name": f"test-{next(_NUMBERS)}", "listen": "127.0.0.1:0", "upstream": behind.address}
            made = Proxied(server, server.must("POST", "/proxies", body))
            stack.callback(server.call, "DELETE", made.path)
            return made

        yield make


@pytest.fixture
def front(server: Server) -> Iterator[Callable[[Serve], Proxied]]:
    """Make a proxy in front of an upstream that does this with each connection."""
    yield from _making(server)


@pytest.fixture
def shipped_front(shipped_server: Server) -> Iterator[Callable[[Serve], Proxied]]:
    """The same on our own server."""
    yield from _making(shipped_server)
