"""What keeps a change in a network name space for a while: it makes it, watches it, and takes it back.

It ends, everything taken back, when its time is over, when it is told to (SIGTERM), when somebody else has removed
what it made, and when the name space has lost its devices because the target was stopped.
"""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

from drill.helper import rules, shape
from drill.helper.delayer import Delayer, Manner
from drill.helper.names import Answerer

_LOOK_S = 0.5


class Keeper:
    """One order, kept. ``stop`` is set from outside or from within; ``keep`` returns when all is taken back."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self._mark = str(order["mark"])
        self._until = _now() + float(order["bound_s"])
        self._order = order
        self._devices = len(shape.devices())
        self._rules = 0
        self._delayer: Delayer | None = None
        self._answerer: Answerer | None = None
        self.stop = threading.Event()

    def keep(self) -> None:
        """Make, say ``ready``, watch, take back."""
        try:
            self._begin()
            began = _now_ns()
            self._put(self._order)
            print(f"at {_boot()} {began} {_now_ns()}\nready", flush=True)
            while not self.stop.wait(_LOOK_S) and _now() < self._until and not self._lost():
                pass
        finally:
            self._end()

    def change(self, order: Mapping[str, Any]) -> None:
        """Be what another order of the same mark says. Raises RuntimeError."""
        self._put(order)
        self._order = order

    def _begin(self) -> None:
        if queue := self._order.get("queue"):
            self._delayer = Delayer(int(queue["number"]), Manner.of(queue))
        if address := self._order.get("address"):
            self._answerer = Answerer(address)

    def _put(self, order: Mapping[str, Any]) -> None:
        if order.get("discipline"):
            shape.put(self._mark, order["discipline"])
        if self._delayer is not None:
            self._delayer.manner = Manner.of(order["queue"])
        port = str(self._answerer.port) if self._answerer is not None else ""
        self._rules = rules.put(self._mark, [rules.Rule.of(one).at(port) for one in order["rules"]])

    def _lost(self) -> bool:
        """Whether it is known that something is gone; a busy machine that does not answer says nothing."""
        try:
            return not self._holds()
        except RuntimeError:
            return False

    def _holds(self) -> bool:
        """Whether all that was made is still there, and works."""
        order, workers = self._order, [one for one in (self._delayer, self._answerer) if one is not None]
        if not all(worker.alive for worker in workers) or len(shape.devices()) < self._devices:
            return False
        if order.get("discipline") and not shape.seen(self._mark):
            return False
        return len(rules.seen(self._mark)) >= self._rules

    def _end(self) -> None:
        rules.clear(self._mark)
        shape.clear(self._mark)
        for worker in (self._delayer, self._answerer):
            if worker is not None:
                worker.close()


def keep(order: Mapping[str, Any]) -> None:
    """Keep an order to its end, and listen for changes of it."""
    keeper = Keeper(order)
    signal.signal(signal.SIGTERM, lambda *_: keeper.stop.set())
    threading.Thread(target=_listen, args=(keeper, _control(order)), daemon=True).start()
    keeper.keep()


def tell(order: Mapping[str, Any]) -> str:
    """Hand an order to the keeper of its mark in this name space; its answer, empty for yes."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as control:
        control.settimeout(5)
        control.connect(_name(order))
        control.sendall(json.dumps(order).encode())
        control.shutdown(socket.SHUT_WR)
        return control.makefile().read()


def _listen(keeper: Keeper, control: socket.socket) -> None:
    while True:
        with control.accept()[0] as caller:
            try:
                keeper.change(json.loads(caller.makefile().read()))
            except (RuntimeError, ValueError, KeyError) as error:
                caller.sendall(str(error).encode() or b"it did not work")


def _control(order: Mapping[str, Any]) -> socket.socket:
    control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    control.bind(_name(order))
    control.listen()
    return control


def _name(order: Mapping[str, Any]) -> bytes:
    """An abstract address: it lives in the network name space, and ends with the process."""
    return b"\0" + str(order["mark"]).encode()


def _boot() -> str:
    with open("/proc/sys/kernel/random/boot_id") as file:
        return file.read().strip()


def _now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
