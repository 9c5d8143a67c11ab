"""The drill's clock: monotonic, counts suspend, known by its boot id."""

from __future__ import annotations

import time
import uuid
from datetime import UTC, datetime
from pathlib import Path

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def now_ns() -> int:
    """Nanoseconds of the boot clock (CLOCK_BOOTTIME, or CLOCK_MONOTONIC where there is none)."""
    return time.clock_gettime_ns(_CLOCK)


def boot_id() -> str:
    """The kernel's id of this boot; without one, an id of this host that says so."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return f"no-boot-id-{uuid.getnode():x}"


def utc() -> datetime:
    """Now, for display."""
    return datetime.now(UTC)


def boot_ns_of_wall(wall_s: float) -> tuple[int, int]:
    """Boot-clock time of a wall-clock instant (seconds since 1970), and the ± ns of the conversion.

    The offset between the two clocks is measured now: right as long as the wall clock did not step since.
    """
    before = now_ns()
    wall_ns = time.time_ns()
    after = now_ns()
    return int(wall_s * 1e9) + (before + after) // 2 - wall_ns, (after - before) // 2 + 1
