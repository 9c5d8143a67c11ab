"""Feature flags that survive a restart."""

from __future__ import annotations

import json
from pathlib import Path

from common import write_durably

KNOWN = {"degraded_mode": False}
"""Flags and their defaults. ``degraded_mode``: keep serving from cache and spool while the store is down."""


class Flags:
    """The flags of one service, kept in one file of its data folder."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "flags.json"
        saved = json.loads(self._path.read_bytes()) if self._path.exists() else {}
        self._values = {name: bool(saved.get(name, default)) for name, default in KNOWN.items()}

    def all(self) -> dict[str, bool]:
        return dict(self._values)

    def __getitem__(self, name: str) -> bool:
        return self._values[name]

    def save(self, name: str, value: bool) -> None:
        """Set a flag; blocks until it is on disk. Raises KeyError for an unknown one."""
        if name not in self._values:
            raise KeyError(name)
        changed = {**self._values, name: value}
        write_durably(self._path, json.dumps(changed, sort_keys=True).encode())
        self._values = changed
