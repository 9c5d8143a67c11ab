"""The stack's proxies, through the PyPI client ``toxiproxy-python``: every change is proved by reading it back.

The client keeps its address in class attributes, has no time-outs of its own, raises for three statuses only, and
answers a plain truth value for the others. So a lock stands around each call, each call ends after a total time, and
nothing but what the server says afterwards counts.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from drill import clock
from drill.errors import StackError
from drill.model.lease import Moment
from drill.model.proxies import ProxyState, ToxicState
from drill.stacks.moments import bracket

T = TypeVar("T")

_CALL_S = 5.0
_REMOVAL_S = 30.0
"""A removal waits until the toxic has handed over its data; the server gives up after 25 s."""
_LOCK = threading.RLock()
"""The client's address is global: one call at a time in this process."""


class ToxiproxyClient:
    """Proxies of the server at ``address()``, Shopify's or ours. Blocking; everything raises StackError.

    ``call_s``: after so many seconds a call is given up (a removal later).
    """

    def __init__(self, address: Callable[[], tuple[str, int]], call_s: float = _CALL_S) -> None:
        self._address = address
        self._call_s = call_s

    def all(self) -> Mapping[str, ProxyState]:
        """Every proxy with its toxics, by name."""
        found = self._ask("get", "/proxies")
        return {name: _proxy(name, value) for name, value in _read(lambda: found.json().items())}

    def add_toxic(self, proxy: str, toxic: ToxicState) -> Moment:
        """Add it, and see it there as it was asked for. The moment brackets the call."""
        body = {
            "name": toxic.name,
            "type": toxic.type,
            "stream": toxic.stream,
            "toxicity": toxic.toxicity,
            "attributes": dict(toxic.attributes),
        }
        return self._put_toxic(proxy, f"{_path(proxy)}/toxics", body, toxic)

    def update_toxic(self, proxy: str, toxic: ToxicState) -> Moment:
        """Give the toxic of that name these attributes, and see it so. The moment brackets the call."""
        body = {"toxicity": toxic.toxicity, "attributes": dict(toxic.attributes)}
        return self._put_toxic(proxy, f"{_path(proxy)}/toxics/{quote(toxic.name, safe='')}", body, toxic)

    def _put_toxic(self, proxy: str, path: str, body: Mapping[str, Any], toxic: ToxicState) -> Moment:
        began = clock.now_ns()
        self._ask("post", path, json=body)
        done = bracket(began, clock.now_ns(), "toxiproxy")
        there = {each.name: each for each in self._proxy(proxy).toxics}.get(toxic.name)
        if there is None or not _same(there, toxic):
            raise StackError(f"proxy {proxy}: toxic {toxic.name} was asked for as {toxic} and is {there}")
        return done

    def remove_toxic(self, proxy: str, name: str) -> None:
        """Remove it, and see it gone. Absent is fine, and so is a proxy that is gone."""
        if not self._has(proxy, name):
            return
        # Whatever it answers (404: somebody was quicker; 503: it still hands over data): what is there counts.
        self._call("delete", f"{_path(proxy)}/toxics/{quote(name, safe='')}", _REMOVAL_S)
        if self._has(proxy, name):
            raise StackError(f"proxy {proxy}: toxic {name} is still there after its removal; try again")

    def set_enabled(self, proxy: str, enabled: bool) -> Moment:
        """Open or close it, and see it so. The moment brackets the call."""
        began = clock.now_ns()
        self._ask("post", _path(proxy), json={"enabled": enabled})
        changed = bracket(began, clock.now_ns(), "toxiproxy")
        if self._proxy(proxy).enabled is not enabled:
            raise StackError(f"proxy {proxy}: enabled is still {not enabled} after it was set to {enabled}")
        return changed

    def set_upstream(self, proxy: str, upstream: str) -> None:
        """Lead it elsewhere (``host:port``); its open connections are closed."""
        self._ask("post", _path(proxy), json={"upstream": upstream})
        now = self._proxy(proxy).upstream
        if now != upstream:
            raise StackError(f"proxy {proxy}: upstream is {now} after it was set to {upstream}")

    def _proxy(self, name: str) -> ProxyState:
        found = self.all()
        if name not in found:
            known = ", ".join(sorted(found)) or "none"
            raise StackError(f"toxiproxy at {self._where()} has no proxy {name!r}; it has {known}")
        return found[name]

    def _has(self, proxy: str, toxic: str) -> bool:
        found = self.all().get(proxy)
        return found is not None and any(each.name == toxic for each in found.toxics)

    def _where(self) -> str:
        host, port = self._address()
        return f"{host}:{port}"

    def _ask(self, verb: str, path: str, json: Any = None) -> Any:
        """One call; the server's answer. Raises StackError for no answer in time and for an error."""
        status, answer = self._call(verb, path, self._call_s, json)
        if status >= 300:
            said = answer if isinstance(answer, str) else f"status {status}; try again"
            raise StackError(f"toxiproxy at {self._where()}: {verb.upper()} {path}: {said}")
        return answer

    def _call(self, verb: str, path: str, within_s: float, json: Any = None) -> tuple[int, Any]:
        """Status and answer, or status and the error's text. Raises StackError for no answer in time."""
        import requests
        from toxiproxy.api import APIConsumer
        from toxiproxy.exceptions import InvalidToxic, NotFound, ProxyExists

        statuses = {InvalidToxic: 400, NotFound: 404, ProxyExists: 409}
        # An empty proxy: what the environment says of proxies is not for a service of the stack.
        options = {"timeout": within_s, "proxies": {"http": ""}} | ({} if json is None else {"json": json})
        try:
            with _LOCK:
                APIConsumer.host, APIConsumer.port = self._address()
                answer = _within(within_s, lambda: getattr(APIConsumer, verb)(path, **options))
        except (InvalidToxic, NotFound, ProxyExists) as error:
            return statuses[type(error)], _text(error)
        except (requests.RequestException, TimeoutError) as error:
            why = "no whole answer in time" if isinstance(error, TimeoutError) else type(error).__name__
            where = f"toxiproxy at {self._where()}"
            raise StackError(
                f"{where} does not answer {verb.upper()} {path}: {why}; see `drill stack status`"
            ) from error
        return answer.status_code, answer


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """The result of a call, or its exception; TimeoutError after so long, whatever trickles in meanwhile.

    The time-out of ``requests`` is for each read. A call that outlives ours goes on in a thread that nobody waits for.
    """
    from concurrent.futures import ThreadPoolExecutor

    pool = ThreadPoolExecutor(1, "toxiproxy")
    try:
        return pool.submit(call).result(seconds)
    finally:
        pool.shutdown(wait=False)


def _proxy(name: str, value: Any) -> ProxyState:
    """Keys that we do not know are let be."""
    return _read(
        lambda: ProxyState(
            name=name,
            listen=str(value["listen"]),
            upstream=str(value["upstream"]),
            enabled=bool(value["enabled"]),
            toxics=tuple(_toxic(each) for each in value.get("toxics") or ()),
        )
    )


def _toxic(value: Any) -> ToxicState:
    return ToxicState(
        name=str(value["name"]),
        type=str(value["type"]),
        stream=str(value["stream"]),
        toxicity=float(value["toxicity"]),
        attributes=dict(value.get("attributes") or {}),
    )


def _read(parse: Callable[[], T]) -> T:
    """Take apart what a server answered. Raises StackError when it is not of the API's form."""
    try:
        return parse()
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StackError(f"toxiproxy answered something else than its API says: {error!r}") from error


def _same(there: ToxicState, wanted: ToxicState) -> bool:
    """The server may add attributes (defaults), and keeps the toxicity as a 32-bit number."""
    return (
        (there.type, there.stream) == (wanted.type, wanted.stream)
        and abs(there.toxicity - wanted.toxicity) < 1e-6
        and all(there.attributes.get(name) == value for name, value in wanted.attributes.items())
    )


def _path(proxy: str) -> str:
    return f"/proxies/{quote(proxy, safe='')}"


def _text(error: Exception) -> str:
    """The client puts the answer's bytes into its exception."""
    said = error.args[0] if error.args else b""
    return (said.decode(errors="replace") if isinstance(said, bytes) else str(said)).strip()
