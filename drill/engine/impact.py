"""Impact, told by reference probes: from the first bad sample to the first good one of a stable window."""

from __future__ import annotations

from dataclasses import dataclass

from drill.engine.recorder import Recorder
from drill.model.config import ProbeSpec
from drill.ports import Sample

STABLE_INTERVALS = 3
"""E9: an end counts when every probe, user-visible and internal, stays good for this many intervals."""


@dataclass(slots=True)
class _State:
    """What one probe last said."""

    spec: ProbeSpec
    good: Sample | None = None
    bad: Sample | None = None
    ok: bool | None = None
    good_since: Sample | None = None
    bad_since_ns: int = 0


class ImpactMonitor:
    """Feeds on samples of every probe; emits ``probe.changed``, ``impact.began`` and ``impact.ended``."""

    def __init__(self, probes: tuple[ProbeSpec, ...], telling: tuple[ProbeSpec, ...], recorder: Recorder) -> None:
        self._states = {spec.name: _State(spec) for spec in probes}
        self._telling = [self._states[spec.name] for spec in telling]
        self._recorder = recorder
        self._window_ns = int(STABLE_INTERVALS * max(spec.interval for spec in telling) * 1e9)
        self.episode = 0
        self.active = False
        self.open = False
        """Whether impact can begin: only after injection started, so steady state noise is no impact."""

    def feed(self, spec: ProbeSpec, sample: Sample) -> None:
        """Take one sample."""
        state = self._states[spec.name]
        if sample.ok != state.ok:
            self._changed(state, sample)
        if sample.ok:
            state.good = sample
        else:
            state.bad = sample
        if state in self._telling and self.open:
            self._judge(state, sample)

    def _changed(self, state: _State, sample: Sample) -> None:
        known = state.ok is not None
        state.ok = sample.ok
        if sample.ok:
            state.good_since = sample
        else:
            state.bad_since_ns = sample.began_ns
        if known:
            at_ns, uncertainty_ns = _edge(state, sample)
            self._recorder.emit(
                "probe.changed",
                "probes",
                probe=state.spec.name,
                ok=sample.ok,
                detail=sample.detail,
                at_ns=self._recorder.relative(at_ns),
                uncertainty_ns=uncertainty_ns,
            )

    def _judge(self, state: _State, sample: Sample) -> None:
        if not sample.ok and not self.active:
            self.active = True
            self.episode += 1
            at_ns, uncertainty_ns = _edge(state, sample)
            self._emit("impact.began", at_ns, uncertainty_ns, probes=[state.spec.name])
        elif self.active and all(other.ok for other in self._telling):
            self._maybe_end(sample)

    def _maybe_end(self, sample: Sample) -> None:
        last = max(self._telling, key=lambda state: state.good_since.ended_ns if state.good_since else 0)
        first_good = last.good_since
        if first_good is None or sample.ended_ns - first_good.ended_ns < self._window_ns:
            return
        self.active = False
        at_ns, uncertainty_ns = _edge(last, first_good)
        self._emit("impact.ended", at_ns, uncertainty_ns)

    def _emit(self, kind: str, at_ns: int, uncertainty_ns: int, **data: object) -> None:
        self._recorder.emit(
            kind,
            "probes",
            durable=True,
            episode=self.episode,
            at_ns=self._recorder.relative(at_ns),
            uncertainty_ns=uncertainty_ns,
            **data,
        )

    def quiet(self) -> bool:
        """No impact now, and none that could still be reopened."""
        return not self.active and all(state.ok for state in self._telling)

    def bad_for_s(self, probe: str, now_ns: int) -> float:
        """How long a probe has been bad, seconds; 0 when it is good."""
        state = self._states[probe]
        return 0.0 if state.ok is not False else (now_ns - state.bad_since_ns) / 1e9


def _edge(state: _State, sample: Sample) -> tuple[int, int]:
    """When a probe turned, and ± ns. A bad turn is stamped when the sample was sent, a good one when it was answered;
    the truth lies between the sample before and this one, or within the sample itself.
    """
    at_ns = sample.ended_ns if sample.ok else sample.began_ns
    before = state.bad if sample.ok else state.good
    since_ns = before.began_ns if before is not None else sample.began_ns
    return at_ns, max(at_ns - since_ns, sample.ended_ns - sample.began_ns)
