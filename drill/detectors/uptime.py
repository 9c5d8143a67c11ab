"""The uptime monitor of a playbook (C3): asks at an interval, fires after consecutive failures, clears again."""

from __future__ import annotations

from drill.model.playbook import DetectionSource
from drill.ports import Emit, Prober, Runtime, Sample


class UptimeDetector:
    """One detection source of type ``http``."""

    def __init__(self, source: DetectionSource, prober: Prober, runtime: Runtime) -> None:
        self._source = source
        self._prober = prober
        self._runtime = runtime
        self._bad = 0
        self._good = 0
        self._alerts = 0
        self._firing = False

    async def watch(self, emit: Emit) -> None:
        """Until cancelled: check, and emit ``alert.fired`` and ``alert.cleared``."""
        while True:
            began_ns = self._runtime.now_ns()
            self.take(await self._prober.check(self._source), emit)
            spent_s = (self._runtime.now_ns() - began_ns) / 1e9
            await self._runtime.sleep(max(0.0, self._source.interval - spent_s))

    def take(self, sample: Sample, emit: Emit) -> None:
        """Count one check."""
        self._bad = 0 if sample.ok else self._bad + 1
        self._good = self._good + 1 if sample.ok else 0
        if not self._firing and self._bad >= self._source.failures:
            self._fire(sample, emit)
        elif self._firing and self._good >= self._source.successes:
            self._firing = False
            emit("alert.cleared", self._source.name, alert_id=self._alert_id(), source=self._source.name)

    def _fire(self, sample: Sample, emit: Emit) -> None:
        self._firing = True
        self._alerts += 1
        interval_ns = int(self._source.interval * 1e9)
        emit(
            "alert.fired",
            self._source.name,
            durable=True,
            alert_id=self._alert_id(),
            source=self._source.name,
            detail=f"{self._source.failures} consecutive failures of {self._source.path}: {sample.detail}",
            interval_ns=interval_ns,
            threshold_ns=interval_ns * (self._source.failures - 1),
            delivery_ns=self._runtime.now_ns() - sample.ended_ns,
        )

    def _alert_id(self) -> str:
        return f"{self._source.name}-{self._alerts}"
