"""A Docker engine of a test's own, in a network name space of its own, which may be stopped and started again.

Its image is empty: containers see the host's own programs through read-only mounts. Everything is removed at the end.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import signal
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from observers import DOCKER, until

IMAGE = "drill-test-empty:local"
_START_S, _STOP_S = 30.0, 40.0


class SecondEngine:
    """``live_restore``: containers outlive the engine."""

    def __init__(self, folder: Path, *, live_restore: bool) -> None:
        self.folder = folder
        self.namespace = f"drill-f-{os.getpid()}-{secrets.token_hex(2)}"
        self.socket = folder / "docker.sock"
        self.endpoint = f"unix://{self.socket}"
        self.live_restore = live_restore
        self._process: subprocess.Popen[bytes] | None = None

    def inside(self, *command: str) -> list[str]:
        """A command line that runs in its network name space: its published ports are reached from there alone."""
        return ["nsenter", f"--net=/var/run/netns/{self.namespace}", "--", *command]

    def make_room(self) -> None:
        """The name space, with its loopback up."""
        subprocess.run(["ip", "netns", "add", self.namespace], check=True, capture_output=True)
        subprocess.run(self.inside("ip", "link", "set", "lo", "up"), check=True, capture_output=True)

    def start(self) -> None:
        """Start it, again perhaps; back when it answers."""
        paths = [f"--{name}={self.folder / name}" for name in ("data-root", "exec-root")]
        options = [*paths, f"--pidfile={self.folder / 'pid'}", f"--host={self.endpoint}", "--shutdown-timeout=2"]
        options += ["--live-restore"] if self.live_restore else []
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self.inside("dockerd", *options),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        assert until(self.answers, _START_S), (self.folder / "log").read_text()[-2000:]

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End it; back when it has gone, with the containerd that it had started."""
        if self._process is None:
            return
        containerd = self.folder / "exec-root" / "containerd" / "containerd.pid"
        helper = int(containerd.read_text()) if containerd.exists() else 0
        self._process.send_signal(number)
        self._process.wait(timeout=_STOP_S)
        self._process = None
        if number == signal.SIGKILL and helper:
            os.kill(helper, signal.SIGTERM)
        assert until(lambda: not helper or not Path(f"/proc/{helper}").exists(), _STOP_S)
        for stale in (self.folder / "pid", self.socket):
            stale.unlink(missing_ok=True)

    def answers(self) -> bool:
        return self.docker("version", check=False).returncode == 0

    def docker(self, *words: str, check: bool = True, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """The plain command line, against this engine."""
        command = [DOCKER, "--host", self.endpoint, *words]
        return subprocess.run(command, input=stdin, capture_output=True, check=check, timeout=60)

    def import_image(self) -> None:
        """Nothing but the places that the host's programs are mounted at."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name in ("usr", "sbin", "tmp", "proc", "sys", "dev", "etc"):
                entry = tarfile.TarInfo(name)
                entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(entry)
            for name in ("bin", "lib", "lib64"):
                entry = tarfile.TarInfo(name)
                entry.type, entry.linkname = tarfile.SYMTYPE, f"usr/{name}"
                archive.addfile(entry)
        self.docker("import", "-", IMAGE, stdin=packed.getvalue())

    def remove(self) -> None:
        """Every container, the engine, its mounts, its folder and its name space."""
        try:
            if self._process is None:
                self.start()
            if listed := self.docker("ps", "-aq").stdout.decode().split():
                self.docker("rm", "-f", "-v", *listed)
            self.stop()
        finally:
            if self._process is not None:
                self._process.kill()
                self._process.wait()
            self._sweep()

    def _sweep(self) -> None:
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith(f"{self.folder}/"):
                subprocess.run(["umount", place], check=False, capture_output=True)
        subprocess.run(["ip", "netns", "delete", self.namespace], check=True, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def second_engine(*, live_restore: bool) -> Iterator[SecondEngine]:
    """One that runs, with the empty image on it."""
    # Short: its sockets stand below, and the path of a socket has 107 bytes at most.
    engine = SecondEngine(Path(tempfile.mkdtemp(prefix="drill-f-")), live_restore=live_restore)
    engine.make_room()
    try:
        engine.start()
        engine.import_image()
        yield engine
    finally:
        engine.remove()
