"""State on disk below ``.drill/``: drills, leases, kill switch. Readable by its owner only."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from drill import clock
from drill.errors import Blocked, InvalidInput, JournalError
from drill.journal.lock import is_held
from drill.model.codec import decode, encode
from drill.model.lease import Lease


def write_durably(path: Path, content: bytes) -> None:
    """Write, fsync, rename, fsync the folder: after this returns the file is there whole, whatever dies."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb", closefd=True) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class LeaseStore:
    """The leases of one drill, a file each. A lease on disk is a promise to undo."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, lease: Lease) -> None:
        """Put a lease on disk, durably, before its fault is applied. Raises JournalError."""
        try:
            write_durably(self.folder / f"{lease.id}.json", json.dumps(encode(lease), sort_keys=True).encode())
        except OSError as error:
            raise JournalError(f"the lease cannot be written: {error.strerror}; free space, then try again") from error

    def remove(self, lease: Lease) -> None:
        """Forget a lease whose fault was proved undone."""
        (self.folder / f"{lease.id}.json").unlink(missing_ok=True)
        _sync_folder(self.folder)

    def all(self) -> list[Lease]:
        """Every lease on disk, oldest first (their ids count up)."""
        if not self.folder.is_dir():
            return []
        return [decode(Lease, json.loads(path.read_bytes())) for path in sorted(self.folder.glob("[!.]*.json"))]


class DrillFolder:
    """One drill's files: order, journal, locks, leases, logs."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.id = path.name
        self.order = path / "order.json"
        self.journal = path / "journal.jsonl"
        self.journal_lock = path / "journal.lock"
        self.guard_lock = path / "guard.lock"
        self.log = path / "conductor.log"
        self.guard_log = path / "guard.log"
        self.leases = LeaseStore(path / "leases")

    @property
    def alive(self) -> bool:
        """Whether a conductor or a guard still works on it. A lease is an orphan only when neither does."""
        return is_held(self.journal_lock) or is_held(self.guard_lock)


class State:
    """The state folder of a project."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.drills = path / "drills"
        self.stack = path / "stack"
        self._switch = path / "kill-switch.json"

    def new_drill(self) -> DrillFolder:
        """A fresh folder with an id that sorts by time."""
        name = clock.utc().strftime("D-%Y%m%d-%H%M%S-") + secrets.token_hex(2)
        folder = self.drills / name
        folder.mkdir(parents=True, mode=0o700)
        return DrillFolder(folder)

    def all_drills(self) -> list[DrillFolder]:
        """Every drill, oldest first."""
        if not self.drills.is_dir():
            return []
        return [DrillFolder(path) for path in sorted(self.drills.iterdir()) if path.is_dir()]

    def drill(self, name: str = "") -> DrillFolder:
        """The named drill, or the latest. Raises InvalidInput when there is none."""
        found = [folder for folder in self.all_drills() if not name or folder.id == name]
        if not found:
            raise InvalidInput(f"{self.drills}: no drill{' ' + name if name else ''} here; start one with `drill run`")
        return found[-1]

    def running(self) -> Iterator[DrillFolder]:
        """Drills whose conductor or guard lives."""
        return (folder for folder in self.all_drills() if folder.alive)

    def incident_number(self, today: datetime) -> int:
        """NN of ``INC-YYYYMMDD-NN`` (C4): counts the drills of this day, this one included."""
        return sum(1 for folder in self.all_drills() if folder.id.startswith(today.strftime("D-%Y%m%d-")))

    def kill_switch(self) -> Mapping[str, Any] | None:
        """Who put the switch on, when and why, or None when it is off."""
        try:
            content: dict[str, Any] = json.loads(self._switch.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            return {"reason": "unreadable", "utc": ""}
        return content

    def check_kill_switch(self) -> None:
        """Raises Blocked when the switch is on."""
        if switch := self.kill_switch():
            raise Blocked(f"kill switch is on ({switch['reason']}); nothing starts until `drill kill-switch off`")

    def set_kill_switch(self, reason: str) -> None:
        """Put it on; a running drill sees it within a second and aborts."""
        content = {"reason": reason, "utc": clock.utc().isoformat(timespec="seconds")}
        write_durably(self._switch, json.dumps(content).encode())

    def clear_kill_switch(self) -> None:
        """Put it off."""
        self._switch.unlink(missing_ok=True)
