"""Holds every packet of a netfilter queue for a while, in user space: for kernels without netem."""

from __future__ import annotations

import heapq
import os
import random
import select
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass

from drill.helper.nfqueue import ACCEPT, DROP, Queue

LONGEST = 10000
"""Packets held at once; more than these pass without delay."""
_IDLE_S = 1.0


@dataclass(frozen=True, slots=True)
class Manner:
    """How packets are held: seconds, seconds more or less, part lost (0 to 1)."""

    delay_s: float
    jitter_s: float
    loss: float

    @classmethod
    def of(cls, order: Mapping[str, float]) -> Manner:
        """From an order: milliseconds and percent."""
        return cls(order["delay"] / 1e3, order["jitter"] / 1e3, order["loss"] / 100)


class Delayer:
    """Works in a thread of its own; ``manner`` may be changed while it does."""

    def __init__(self, number: int, manner: Manner) -> None:
        self.manner = manner
        self._queue = Queue(number, LONGEST)
        self._held: list[tuple[float, int]] = []
        self._wake_out, self._wake_in = os.pipe()
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether packets are taken."""
        return self._thread.is_alive()

    def close(self) -> None:
        """Let go what is held, then give the queue up."""
        os.close(self._wake_in)
        self._thread.join(2)

    def _work(self) -> None:
        while True:
            wait_s = max(0.0, self._held[0][0] - time.monotonic()) if self._held else _IDLE_S
            readable, _, _ = select.select([self._queue.fileno(), self._wake_out], [], [], wait_s)
            if self._wake_out in readable:
                break
            if readable:
                self._take()
            self._let_go(time.monotonic())
        self._let_go(float("inf"))
        self._queue.close()

    def _take(self) -> None:
        manner, now = self.manner, time.monotonic()
        for packet in self._queue.arrived():
            if manner.loss and random.random() < manner.loss:  # noqa: S311 - chance, not secrecy
                self._queue.verdict(packet, DROP)
                continue
            off = random.uniform(-manner.jitter_s, manner.jitter_s) if manner.jitter_s else 0.0  # noqa: S311 - as above
            heapq.heappush(self._held, (now + manner.delay_s + off, packet))

    def _let_go(self, until: float) -> None:
        while self._held and self._held[0][0] <= until:
            self._queue.verdict(heapq.heappop(self._held)[1], ACCEPT)
