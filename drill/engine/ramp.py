"""A fault that grows: its parameters at each step on the way to their full values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from drill.model.lease import Lease

STEPS = 10


def steps_done(elapsed_s: float, ramp_s: float) -> int:
    """The step that is due, from 1 at the start to ``STEPS`` at the end of the ramp (seconds)."""
    return min(STEPS, 1 + int(STEPS * max(0.0, elapsed_s) / ramp_s))


def at_share(lease: Lease, names: Iterable[str], step: int) -> Lease:
    """The lease with these parameters at ``step`` of ``STEPS``. Whole numbers stay whole, and at least 1."""
    params = dict(lease.params)
    for name in names:
        full = params.get(name)
        if isinstance(full, bool) or not isinstance(full, int | float) or not full:
            continue
        part = full * step / STEPS
        params[name] = max(1, round(part)) if isinstance(full, int) else part
    return replace(lease, params=params)
