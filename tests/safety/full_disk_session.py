"""Run as a program in a mount name space of its own: a drill whose journal stands on a disk that fills up.

Arguments: project folder, scenario, the event after which the disk is full, and ``kill`` to kill the conductor then.
Prints one JSON object: what the drill said, and what it left, before and after space was freed.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

SIZE = "256k"


def drill(home: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "drill", *words]
    return subprocess.run(command, cwd=home, capture_output=True, text=True, timeout=60, check=False)


class Filler(threading.Thread):
    """Takes every page as soon as it is free, until told to stop: a lease that goes must not give a journal room."""

    def __init__(self, folder: Path) -> None:
        super().__init__(daemon=True)
        self.path = folder / "filler"
        self.full, self.enough = threading.Event(), threading.Event()

    def run(self) -> None:
        with self.path.open("ab", buffering=0) as file:
            while not self.enough.wait(0.001 if self.full.is_set() else 0):
                try:
                    file.write(b"x" * 4096)
                except OSError:
                    self.full.set()

    def stop(self) -> None:
        self.enough.set()
        self.join()
        self.path.unlink()


def pid_of(role: str, folder: Path) -> int:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(folder).encode() in words and role.encode() in words:
            return int(path.parent.name)
    return 0


def wait_for(condition: Any, within_s: float = 30) -> bool:
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.001)
    return True


def told(folder: Path) -> dict[str, Any]:
    journal = folder / "journal.jsonl"
    lines = journal.read_bytes().split(b"\n")[:-1] if journal.exists() else []
    logs = "".join(path.read_text() for path in (folder / "conductor.log", folder / "guard.log") if path.exists())
    return {
        "leases": [path.name for path in (folder / "leases").glob("*")],
        "kinds": [json.loads(line)["kind"] for line in lines],
        "logs": logs,
    }


def main(home: Path, scenario: str, at: str, how: str) -> dict[str, Any]:
    drills = home / ".drill" / "drills"
    drills.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(drills)], check=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "drill", "run", scenario, "--stack", "process", "--seed", "1"],
        cwd=home,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert wait_for(lambda: any(drills.glob("*/journal.jsonl")))
    (folder,) = drills.glob("D-*")
    journal, wanted = folder / "journal.jsonl", f'"kind":"{at}"'.encode()
    reached = wait_for(lambda: wanted in journal.read_bytes())
    filler = Filler(drills)
    filler.start()
    filler.full.wait(10)
    if how == "kill":
        os.kill(pid_of("_conduct", folder), signal.SIGKILL)
    output, errors = process.communicate(timeout=60)
    ended = wait_for(lambda: not pid_of("_guard", folder) and not pid_of("_conduct", folder))
    full = told(folder)
    filler.stop()
    undo = drill(home, "undo")
    return {
        "reached": reached,
        "ended": ended,
        "code": process.returncode,
        "output": output,
        "errors": errors,
        "full": full,
        "undo": [undo.returncode, undo.stdout, undo.stderr],
        "after": told(folder),
    }


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), *sys.argv[2:5])))
