"""The short-lived folder for sockets and stack locks: owner only, the same for every project of this user."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from pathlib import Path

from drill.errors import Refused
from drill.journal.lock import FileLock
from drill.model.codec import encode
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


def stack_lock(identity: StackIdentity) -> FileLock:
    """The lock that keeps two drills off one stack, whatever folder they were started from."""
    name = hashlib.sha256(json.dumps(encode(identity), sort_keys=True).encode()).hexdigest()[:16]
    return FileLock(runtime_dir() / f"stack-{name}.lock")
