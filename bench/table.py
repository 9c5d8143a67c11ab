"""How the benchmarks print: one line of the machine, then a row for each measurement, both sides and their ratio."""

from __future__ import annotations

import os
import platform


def machine() -> None:
    """What this was measured on."""
    where = f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} cores"
    print(f"{where}, Python {platform.python_version()}", flush=True)


def row(what: str, n: int, first: tuple[str, float], second: tuple[str, float], digits: int = 1) -> None:
    """Both sides as (name, median seconds)."""
    words = " · ".join(f"{name} {shown(seconds)}" for name, seconds in (first, second))
    print(f"{what:<28} n={n:<4} {words:<62} ratio {first[1] / second[1]:.{digits}f}", flush=True)


def note(words: str) -> None:
    """A further line of the row before."""
    print(f"{'':<28}        {words}", flush=True)


def shown(seconds: float) -> str:
    """With a unit that suits."""
    return (
        f"{seconds:.2f} s"
        if seconds >= 1
        else f"{seconds * 1e3:.2f} ms"
        if seconds >= 1e-3
        else f"{seconds * 1e6:.0f} µs"
    )
