"""Starting a conductor that outlives its terminal."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from drill.errors import DrillError, InvalidInput, Refused
from drill.store import DrillFolder

_START_S = 20.0


def launch(folder: DrillFolder) -> subprocess.Popen[bytes]:
    """Start the conductor of a drill folder, detached."""
    with folder.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "drill", "_conduct", str(folder.path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            cwd=Path("/"),
        )


def await_begin(folder: DrillFolder, process: subprocess.Popen[bytes]) -> None:
    """Wait until the journal begins. Raises DrillError when the conductor ends before that, or takes too long."""
    until = time.monotonic() + _START_S
    while not _begun(folder):
        if process.poll() is not None or time.monotonic() > until:
            kind = {cls.exit_code: cls for cls in (InvalidInput, Refused)}.get(process.returncode or 0, DrillError)
            raise kind(f"the drill did not start: {_last_line(folder)}")
        time.sleep(0.02)  # waiting for another process's first line: there is nothing to be told by


def _begun(folder: DrillFolder) -> bool:
    return folder.journal.exists() and b"\n" in folder.journal.read_bytes()


def _last_line(folder: DrillFolder) -> str:
    lines = folder.log.read_text(errors="replace").strip().splitlines()
    return lines[-1].removeprefix("drill: ") if lines else f"see {folder.log}"
