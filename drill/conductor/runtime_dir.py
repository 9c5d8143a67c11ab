"""The short-lived folder for sockets and stack locks: owner only, the same for every project of this user."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

from drill.errors import Refused
from drill.journal.lock import FileLock
from drill.model.lease import StackIdentity
from drill.store import DrillFolder


def runtime_dir() -> Path:
    """``/tmp/drill-UID``, mode 0700. Raises Refused when someone else made it."""
    folder = Path("/tmp") / f"drill-{os.getuid()}"  # noqa: S108  # checked below; short, as a socket's path must be
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.lstat()
    if not stat.S_ISDIR(facts.st_mode) or facts.st_uid != os.getuid() or facts.st_mode & 0o077:
        raise Refused(f"{folder} is not a private folder of yours; remove it and try again")
    return folder


def socket_path(folder: DrillFolder) -> Path:
    """Where a drill's conductor listens."""
    digest = hashlib.sha256(str(folder.path.resolve()).encode()).hexdigest()[:16]
    return runtime_dir() / f"{digest}.sock"


def take_stack(identity: StackIdentity) -> FileLock:
    """The lock, now held, that keeps two drills off one stack, whatever folder they were started from.

    Raises Refused when a drill has it.
    """
    lock = FileLock(runtime_dir() / f"stack-{_name(identity)}.lock")
    if not lock.take():
        raise Refused(
            f"another drill works on this stack ({_latest(lock.path)}); wait for it, or end it with `drill abort` there"
        )
    return lock


def sign_stack_lock(lock: FileLock, folder: DrillFolder) -> None:
    """Leave word of who works on the stack, for whoever comes next. The caller holds the lock.

    Raises Refused when the drill that signed before has died, with its guard, and left faults behind.
    """
    latest = _latest(lock.path)
    if latest and DrillFolder(Path(latest)).leases.all():
        raise Refused(f"an earlier drill left faults on this stack ({latest}); run `drill undo` in its project first")
    os.ftruncate(lock.fd, 0)
    os.pwrite(lock.fd, str(folder.path.resolve()).encode(), 0)


def _name(identity: StackIdentity) -> str:
    # Without the endpoint: one engine may be reached by several, and is one stack all the same.
    told = [identity.kind, identity.project, identity.engine_id]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]


def _latest(lock: Path) -> str:
    """The folder of the latest drill that worked on it; empty when nobody said."""
    return lock.read_bytes().decode(errors="replace").strip()
