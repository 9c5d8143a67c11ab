"""The Compose command line, for `up` and `down`: everything else goes through the engine's API."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from drill.errors import StackError
from drill.stacks.engine import endpoint

_LINES_KEPT = 5


@cache
def compose_command() -> tuple[str, ...]:
    """`docker compose` (version 2) or `docker-compose` (version 1). Raises StackError when there is neither."""
    if shutil.which("docker"):
        found = subprocess.run(["docker", "compose", "version"], capture_output=True, check=False, timeout=20)
        if found.returncode == 0:
            return ("docker", "compose")
    if shutil.which("docker-compose"):
        return ("docker-compose",)
    raise StackError("no Docker Compose: neither `docker compose` nor `docker-compose` works; install docker-compose")


def compose(file: Path, project: str, arguments: Sequence[str], say: Callable[[str], None], timeout_s: float) -> None:
    """Run Compose on one file and project, on the same engine as the API client."""
    stream(
        [*compose_command(), "--file", str(file), "--project-name", project, *arguments], file.parent, say, timeout_s
    )


def stream(argv: Sequence[str], folder: Path, say: Callable[[str], None], timeout_s: float) -> None:
    """Run a program, each line of its output to ``say``. Raises StackError with its last lines when it fails."""
    # Never let the user's environment make Compose remove containers that the file does not name.
    env = {**os.environ, "DOCKER_HOST": endpoint(), "COMPOSE_REMOVE_ORPHANS": "false"}
    try:
        child = subprocess.Popen(
            list(argv), cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
    except OSError as error:
        raise StackError(f"cannot run {argv[0]}: {error.strerror}") from error
    lines: list[str] = []
    timer = threading.Timer(timeout_s, child.kill)
    timer.start()
    try:
        with child:
            for line in child.stdout or ():
                lines.append(line.decode(errors="replace").rstrip())
                say(lines[-1])
    finally:
        timer.cancel()
    if child.returncode:
        last = " | ".join(line for line in lines[-_LINES_KEPT:] if line) or "no output"
        raise StackError(f"`{' '.join(argv)}` failed with {child.returncode}: {last}")
