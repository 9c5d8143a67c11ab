"""The Compose command line, for `up` and `down`: everything else goes through the engine's API."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal as signals
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


def compose(
    file: Path, project: str, arguments: Sequence[str], shipped: Path, say: Callable[[str], None], timeout_s: float
) -> None:
    """Run Compose on one file and project, on the same engine as the API client."""
    argv = [*compose_command(), "--file", str(file), "--project-name", project, *arguments]
    stream(argv, file.parent, shipped, say, timeout_s)


def stream(argv: Sequence[str], folder: Path, shipped: Path, say: Callable[[str], None], timeout_s: float) -> None:
    """Run a program, each line of its output to ``say``.

    Raises StackError with its last lines when it fails, or when it is ended, with all that it started, after
    ``timeout_s``.
    """
    try:
        child = subprocess.Popen(
            list(argv),
            cwd=folder,
            env=_environment(shipped),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise StackError(f"cannot run {argv[0]}: {error.strerror}") from error
    lines: list[str] = []
    late = threading.Event()
    timer = threading.Timer(timeout_s, _end, (child, late))
    timer.start()
    try:
        _follow(child, lines, say)
    finally:
        timer.cancel()
    _judge(argv, child.returncode, lines, f" did not end within {timeout_s:g} s" if late.is_set() else "")


def _environment(shipped: Path) -> dict[str, str]:
    """Ours, on the engine of the API client, with the shipped configuration files unless the user has others."""
    # Never let the user's environment make Compose remove containers that the file does not name.
    fixed = {"DOCKER_HOST": endpoint(), "COMPOSE_REMOVE_ORPHANS": "false"}
    return {"DRILL_STAGING_DIR": str(shipped / "staging"), **os.environ, **fixed}


def _follow(child: subprocess.Popen[bytes], lines: list[str], say: Callable[[str], None]) -> None:
    with child:
        try:
            for line in child.stdout or ():
                lines.append(line.decode(errors="replace").rstrip())
                say(lines[-1])
        except KeyboardInterrupt:
            # In a session of its own it does not hear the terminal.
            _signal(child, signals.SIGINT)
            raise


def _end(child: subprocess.Popen[bytes], late: threading.Event) -> None:
    late.set()
    _signal(child, signals.SIGKILL)


def _signal(child: subprocess.Popen[bytes], number: signals.Signals) -> None:
    """To the child and all that it started: they hold its output open."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, number)


def _judge(argv: Sequence[str], code: int, lines: Sequence[str], late: str) -> None:
    if code or late:
        last = " | ".join(line for line in lines[-_LINES_KEPT:] if line) or "no output"
        raise StackError(f"`{' '.join(argv)}`{late or f' failed with {code}'}: {last}")
