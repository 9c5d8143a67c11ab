"""Feature flags that survive a restart and hold for every replica that shares the data folder."""

from __future__ import annotations

import fcntl
import json
from pathlib import Path

from common import write_durably

KNOWN = {"degraded_mode": False, "external_sign_in": False, "savings_explanations": True}
"""Flags and their defaults. ``degraded_mode``: keep serving from cache and spool while the store is down.
``external_sign_in``: let the identity provider check who signs in. ``savings_explanations``: have the LLM provider
explain the savings; off, they are shown without."""


class Flags:
    """The flags, in one file. A change by another replica is seen at the next look."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "flags.json"
        self._seen: tuple[int, int] | None = None
        self._values = dict(KNOWN)

    def all(self) -> dict[str, bool]:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return dict(KNOWN)
        mark = (found.st_ino, found.st_mtime_ns)  # every change is a new file
        if mark != self._seen:
            self._values, self._seen = self._read(), mark
        return dict(self._values)

    def _read(self) -> dict[str, bool]:
        saved = json.loads(self._path.read_bytes())
        return {name: bool(saved.get(name, default)) for name, default in KNOWN.items()}

    def __getitem__(self, name: str) -> bool:
        return self.all()[name]

    def save(self, name: str, value: bool) -> None:
        """Set a flag; blocks until it is on disk. Raises KeyError for an unknown one."""
        if name not in KNOWN:
            raise KeyError(name)
        with self._path.with_suffix(".lock").open("w") as turn:
            fcntl.flock(turn, fcntl.LOCK_EX)  # else two replicas could undo each other's change
            changed = {**self.all(), name: value}
            write_durably(self._path, json.dumps(changed, sort_keys=True).encode())
