"""Starting a service of the process stack: its argument list, its environment, its log."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from drill.errors import ActionFailed, InvalidInput
from drill.model.config import ServiceSpec
from drill.stacks.procfs import NONCE, SERVICE, environ

# Nothing else of the caller's environment reaches a service: no credential of theirs, no accidental difference.
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV")
_VISIBLE_S = 5.0
_LOG_BYTES = 65536
_HOLE = re.compile(r"\{(python|shipped|data|port:([A-Za-z0-9_.-]+))\}")

# Our children, for reaping only: what runs is read from /proc.
_children: dict[int, subprocess.Popen[bytes]] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holes:
    """What the holes in a service's command and environment become. ``ports``: of every service, by its name."""

    shipped: Path
    data: Path
    service: str
    ports: Mapping[str, Mapping[str, int]]

    def fill(self, text: str) -> str:
        """Fill {python}, {shipped}, {data}, {port:NAME} of this service and {port:SERVICE.NAME} of another.

        Raises InvalidInput for a port that does not exist.
        """
        return _HOLE.sub(self._value, text)

    def _value(self, hole: re.Match[str]) -> str:
        if name := hole[2]:
            service, _, port = name.rpartition(".")
            ports = self.ports.get(service or self.service, {})
            if port not in ports:
                owner = service or self.service
                raise InvalidInput(f"{{port:{name}}}: there is no such port; {owner} has {sorted(ports)}")
            return str(ports[port])
        return {"python": sys.executable, "shipped": str(self.shipped), "data": str(self.data)}[hole[1]]


def environment(spec: ServiceSpec, holes: Holes) -> dict[str, str]:
    """The environment of a service, without the marks by which it is found again."""
    inherited = {key: os.environ[key] for key in _INHERITED if key in os.environ}
    return inherited | {key: holes.fill(value) for key, value in spec.env.items()}


def spawn(spec: ServiceSpec, holes: Holes, nonce: str, folder: Path, log: Path) -> None:
    """Start a service in a session of its own, working in ``folder``. Raises ActionFailed when it cannot start."""
    reap()
    for path in (holes.data, log.parent):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    env = environment(spec, holes) | {NONCE: nonce, SERVICE: spec.name}
    argv = [holes.fill(item) for item in spec.command]
    try:
        with log.open("ab") as output:
            child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=env,
                start_new_session=True,
            )
    except OSError as error:
        raise ActionFailed(f"{spec.name}: cannot start {argv[0]}: {error.strerror}; see drill.yaml") from error
    _children[child.pid] = child
    _wait_visible(child, nonce)


def _wait_visible(child: subprocess.Popen[bytes], nonce: str) -> None:
    """The kernel lets us go on a moment before /proc shows the new environment, by which the process is found."""
    deadline = time.monotonic() + _VISIBLE_S
    while child.poll() is None and environ(child.pid).get(NONCE) != nonce and time.monotonic() < deadline:
        time.sleep(0.0002)  # nothing tells of a change in /proc


def reap() -> None:
    """Collect the exit of children that have died, so that none stays a zombie."""
    for pid, child in list(_children.items()):
        if child.poll() is not None:
            _children.pop(pid, None)


def last_lines(log: Path, count: int) -> str:
    """The end of a service's output, of all its runs; empty when there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(file.seek(0, os.SEEK_END) - _LOG_BYTES, 0))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-count:])
