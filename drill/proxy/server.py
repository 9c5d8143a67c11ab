"""The whole server: API, proxies, configuration file, and its end."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from drill.proxy.api import Api
from drill.proxy.collection import Collection
from drill.proxy.errors import ApiError, CannotStart
from drill.proxy.proxy import bind, shown
from drill.proxy.web import serve_client

HOST, PORT = "127.0.0.1", 8474
VARIABLE = "PROXIES"


def first_proxies(config: Path | None) -> tuple[str, list[Any]]:
    """Where the first proxies come from, for error messages, and they: the configuration file, else PROXIES, else none.

    Both are a JSON array. Raises CannotStart with the place.
    """
    if config is None:
        return VARIABLE, _parsed(VARIABLE, os.environ.get(VARIABLE) or "[]")
    try:
        text = config.read_text(encoding="utf-8")
    except OSError as error:
        raise CannotStart(f"{config}: {error.strerror}; check the path and its permissions") from error
    except UnicodeDecodeError as error:
        raise CannotStart(f"{config}: byte {error.start}: no UTF-8 text; write JSON in UTF-8") from error
    return str(config), _parsed(str(config), text)


def _parsed(place: str, text: str) -> list[Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        raise CannotStart(f"{place}:{error.lineno}:{error.colno}: no JSON: {error.msg}") from error
    if not isinstance(found, list):
        raise CannotStart(f'{place}:1: expected an array of proxies, like [{{"name": …, "listen": …, "upstream": …}}]')
    return found


def run(host: str, port: int, config: Path | None, ready: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; ``ready`` is told the API's address. Raises CannotStart."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    asyncio.run(_serve(host, port, config, ready))


async def _serve(host: str, port: int, config: Path | None, ready: Callable[[str], None]) -> None:
    ending = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    collection = Collection()
    place, wanted = first_proxies(config)
    try:
        found = await bind(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    except ApiError as error:
        raise CannotStart(f"{error}; choose another --host or --port") from error
    try:
        await collection.populate(wanted)
    except ApiError as error:
        found.close()
        collection.stop()
        raise CannotStart(f"{place}: {error}") from error
    api = await asyncio.start_server(partial(serve_client, Api(collection).answer), sock=found)
    ready(shown(found))
    await ending.wait()
    # Nothing is waited for: connections end with the loop.
    api.close()
    collection.stop()
