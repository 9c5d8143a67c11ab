"""Reading a file that somebody else may have written: bounded, regular, UTF-8, inside its folder."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from drill.loader.finding import BrokenFileError

MAX_BYTES = 1 << 20


def read_text(path: Path, root: Path) -> str:
    """The text of a file of at most 1 MiB whose real place is inside ``root``. Raises BrokenFileError."""
    raw = _read(path, root)
    if len(raw) > MAX_BYTES:
        raise BrokenFileError(1, "the file is larger than 1 MiB; split it or check that it is the right file")
    if (at := raw.find(b"\0")) >= 0:
        raise BrokenFileError(raw.count(b"\n", 0, at) + 1, "a NUL byte: this is a binary file; give a YAML text file")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise BrokenFileError(line, f"byte {raw[error.start]:#04x} is not UTF-8; save the file as UTF-8") from None


def _read(path: Path, root: Path) -> bytes:
    try:
        real = Path(os.path.realpath(path))
        if not real.is_relative_to(os.path.realpath(root)):
            raise BrokenFileError(1, f"the file is a link that leads out of {root}; copy the file into it")
        # Not blocking: opening a named pipe would wait for a writer for ever.
        handle = os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return _content(handle)
        finally:
            os.close(handle)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise BrokenFileError(1, f"the file cannot be read ({reason}); check the path and its permissions") from None


def _content(handle: int) -> bytes:
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        raise BrokenFileError(1, "this is not a regular file (a folder, a pipe, a device?); give a YAML file")
    chunks = b""
    while len(chunks) <= MAX_BYTES and (chunk := os.read(handle, MAX_BYTES + 1)):
        chunks += chunk
    return chunks
