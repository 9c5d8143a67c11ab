"""Reading and rewriting a file inside containers.

In a container that runs this is done from inside, by its shell: the file keeps its inode, so its owner, its mode and
whoever has it open or mounted. In one that does not run, or has no shell, it goes through the engine's archive.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from typing import TYPE_CHECKING, Any

from drill.clock import now_ns
from drill.errors import ActionFailed, InvalidInput
from drill.model.lease import Moment
from drill.stacks.engine import engine_errors
from drill.stacks.moments import bracket
from drill.stacks.project import Project

if TYPE_CHECKING:
    from docker.models.containers import Container

MOST = 1024 * 1024
"""Bytes of a file, at most."""
_TIMEOUT_S = 10
_NO_FILE, _NO_REGULAR_FILE = 44, 45
_NO_SHELL = (126, 127)
_LINKS = 8
_READ = f'[ -e "$1" ] || exit {_NO_FILE}; [ -f "$1" ] || exit {_NO_REGULAR_FILE}; exec head -c "$2" "$1"'
# What comes is counted, not ended: not every connection to an engine can be closed on one side.
_WRITE = f'[ ! -e "$1" ] || [ -f "$1" ] || exit {_NO_REGULAR_FILE}; head -c "$2" >"$1"'
_REMOVE = 'exec rm -f -- "$1"'


def read_file(project: Project, service: str, path: str) -> bytes | None:
    """Of the first replica; None when there is none. Raises ActionFailed for more than 1 MiB, or no regular file."""
    container = project.existing(service)[0]
    where = f"{service}:{_absolute(path)}"
    with engine_errors(f"reading {where}"):
        content = _read_inside(container, path, where) if _active(container) else _read_archive(container, path, where)
    if content is not None and len(content) > MOST:
        raise ActionFailed(f"{where} has more than {MOST} bytes; name a smaller file")
    return content


def write_file(project: Project, service: str, path: str, content: bytes | None) -> Moment:
    """In every replica; the moment spans them all. Raises ActionFailed when one does not take it."""
    where = f"{service}:{_absolute(path)}"
    if content is not None and len(content) > MOST:
        raise InvalidInput(f"{where}: {len(content)} bytes are more than {MOST}; write less")
    began = now_ns()
    for container in project.existing(service):
        with engine_errors(f"writing {where}"):
            _write(container, path, content, where)
    return bracket(began, now_ns(), "call")


def _write(container: Container, path: str, content: bytes | None, where: str) -> None:
    if _active(container):
        script = _REMOVE if content is None else _WRITE
        code, _, said = _run(container, script, [path, str(len(content or b""))], content or b"")
        if code in _NO_SHELL and content is not None:
            _write_archive(container, path, content)
        elif code:
            raise ActionFailed(f"{where} cannot be written: {_reason(code, said)}")
    elif content is None:
        raise ActionFailed(f"{where} cannot be removed while {container.name} does not run; start it first")
    else:
        _write_archive(container, path, content)


def _read_inside(container: Container, path: str, where: str) -> bytes | None:
    code, content, said = _run(container, _READ, [path, str(MOST + 1)])
    if code == _NO_FILE:
        return None
    if code in _NO_SHELL:
        return _read_archive(container, path, where)
    if code:
        raise ActionFailed(f"{where} cannot be read: {_reason(code, said)}")
    return content


def _absolute(path: str) -> str:
    if not path.startswith("/") or "\0" in path:
        raise InvalidInput(f"{path!r} is no absolute path inside a container; write for example /etc/hosts")
    return path


def _active(container: Container) -> bool:
    state = container.attrs["State"]
    return bool(state["Running"] and not state["Paused"] and not state.get("Restarting"))


def _reason(code: int, said: bytes) -> str:
    if code == _NO_REGULAR_FILE:
        return "it is no regular file"
    return " ".join(said.decode(errors="replace").split())[-200:] or f"exit code {code}"


def _run(container: Container, script: str, arguments: list[str], content: bytes = b"") -> tuple[int, bytes, bytes]:
    """A script of ours as root: its exit code, output and error output. Each socket call is bounded by 10 s."""
    api: Any = container.client.api  # type: ignore[union-attr]  # a listed container has its client
    argv = ["sh", "-c", script, "sh", *arguments]
    made = api.exec_create(container.id, argv, stdin=bool(content), user="0")["Id"]
    stream = api.exec_start(made, socket=True)
    connection = getattr(stream, "_sock", stream)
    try:
        connection.settimeout(_TIMEOUT_S)
        if content:
            connection.sendall(content)
        said = b"".join(iter(lambda: connection.recv(65536), b""))
    finally:
        stream._response.close()
        connection.close()
    output, errors = _parted(said)
    return int(api.exec_inspect(made)["ExitCode"] or 0), output, errors


def _parted(data: bytes) -> tuple[bytes, bytes]:
    """Standard and error output of the engine's stream: frames of one byte kind, three empty, four length, content."""
    parts = {1: b"", 2: b""}
    while len(data) >= 8:
        end = 8 + int.from_bytes(data[4:8], "big")
        parts[data[0]] = parts.get(data[0], b"") + data[8:end]
        data = data[end:]
    return parts[1], parts[2]


def _read_archive(container: Container, path: str, where: str) -> bytes | None:
    found = _member(container, path, where)
    return found[1] if found else None


def _member(container: Container, path: str, where: str) -> tuple[tarfile.TarInfo, bytes, str] | None:
    """A file's head, content and real path, links followed; None when there is none."""
    import docker

    for _ in range(_LINKS):
        try:
            chunks, found = container.get_archive(path)
        except docker.errors.NotFound:
            return None
        stat = found or {"linkTarget": "", "size": 0}
        if not stat["linkTarget"]:
            break
        path = stat["linkTarget"]
    if stat["size"] > MOST:
        raise ActionFailed(f"{where} has more than {MOST} bytes; name a smaller file")
    with tarfile.open(fileobj=io.BytesIO(b"".join(chunks))) as archive:
        head = archive.getmembers()[0]
        content = archive.extractfile(head)
        if not head.isreg() or content is None:
            raise ActionFailed(f"{where} cannot be read: it is no regular file")
        return head, content.read(), path


def _write_archive(container: Container, path: str, content: bytes) -> None:
    found = _member(container, path, path)
    head, real = (found[0], found[2]) if found else (tarfile.TarInfo(), path)
    head.name, head.size = posixpath.basename(real), len(content)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(head, io.BytesIO(content))
    container.put_archive(posixpath.dirname(real), buffer.getvalue())
