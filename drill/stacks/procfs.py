"""Processes as /proc tells of them. Linux only; nothing here remembers anything."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from drill.stacks.moments import hold

NONCE = "DRILL_STACK_NONCE"
SERVICE = "DRILL_SERVICE"


@dataclass(frozen=True, slots=True)
class Proc:
    """One process. ``start``: clock ticks since boot, which with the pid names it for good; ``state``: as in ps."""

    pid: int
    start: int
    state: str
    group: int

    @property
    def instance(self) -> str:
        """The id that a lease keeps."""
        return f"{self.pid}:{self.start}"

    @property
    def alive(self) -> bool:
        """A zombie is dead: it answers nothing and holds nothing."""
        return self.state not in "ZX"

    @property
    def paused(self) -> bool:
        """Stopped by a signal."""
        return self.state in "Tt"


def read(pid: int) -> Proc | None:
    """The process of that pid now, or None."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text[text.rindex(")") + 2 :].split()
    return Proc(pid=pid, start=int(fields[19]), state=fields[0], group=int(fields[2]))


def environ(pid: int) -> dict[str, str]:
    """The environment that it was started with; empty when it cannot be read."""
    try:
        raw = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (item.decode(errors="replace").partition("=") for item in raw.split(b"\0") if item)
    return {key: value for key, _, value in pairs}


def argv(pid: int) -> list[str]:
    """Its command line; empty when it cannot be read."""
    try:
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return []
    return [item.decode(errors="replace") for item in raw.split(b"\0")[:-1]]


def members(nonce: str) -> Iterator[tuple[str, Proc]]:
    """Every living process of this user that carries the nonce, with the name of its service."""
    for name in os.listdir("/proc"):
        found = _member(int(name), nonce) if name.isdigit() else None
        if found is not None:
            yield found


def _member(pid: int, nonce: str) -> tuple[str, Proc] | None:
    try:
        if os.stat(f"/proc/{pid}").st_uid != os.getuid():
            return None
    except OSError:
        return None
    env = environ(pid)
    if env.get(NONCE) != nonce:
        return None
    proc = read(pid)
    return (env.get(SERVICE, ""), proc) if proc is not None and proc.alive else None


def hold_exactly(proc: Proc) -> int | None:
    """A pidfd that is certainly of this process, not of a later one with the same pid; None when it has gone."""
    pidfd = hold(proc.pid)
    if pidfd is None:
        return None
    now = read(proc.pid)
    if now is None or now.start != proc.start or not now.alive:
        os.close(pidfd)
        return None
    return pidfd
