"""What the process stack keeps on disk: its nonce and its ports. Which process is which service is never kept."""

from __future__ import annotations

import json
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drill.errors import StackError
from drill.model.codec import decode, encode
from drill.model.config import ServiceSpec
from drill.store import write_durably

LOOPBACK = "127.0.0.1"
_LOWEST = 20000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessState:
    """``ports``: service to port name to port on loopback."""

    nonce: str
    ports: Mapping[str, Mapping[str, int]]


def load(path: Path) -> ProcessState | None:
    """The state, or None when the stack was never up here. Raises StackError when the file is broken."""
    try:
        return decode(ProcessState, json.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise StackError(f"{path}: unreadable ({error}); remove it and run `drill stack up`") from error


def prepare(path: Path, specs: Sequence[ServiceSpec], runs: Callable[[str], bool]) -> ProcessState:
    """The state for `up`: kept as it is while ``runs(nonce)``; otherwise with ports that are free now."""
    old = load(path)
    running = old is not None and runs(old.nonce)
    if old is not None and _names(old.ports) == _names({spec.name: spec.ports for spec in specs}):
        if running or all(_free(port) for ports in old.ports.values() for port in ports.values()):
            return old
    elif running:
        raise StackError("the services in drill.yaml changed while the stack is up; run `drill stack down` first")
    free = _free_ports()
    ports = {spec.name: {name: next(free) for name in spec.ports} for spec in specs}
    state = ProcessState(nonce=old.nonce if old else secrets.token_hex(16), ports=ports)
    write_durably(path, json.dumps(encode(state)).encode())
    return state


def _names(ports: Mapping[str, Mapping[str, int]]) -> dict[str, set[str]]:
    return {service: set(named) for service, named in ports.items()}


def _free_ports() -> Iterator[int]:
    """Ports below the kernel's own range: an outgoing connection can never take one while its service is down,
    and a probe of a closed one can never connect to itself."""
    try:
        highest = int(_RANGE.read_text().split()[0]) - 1
    except OSError:
        highest = 32767
    seen: set[int] = set()
    lowest = min(_LOWEST, highest // 2)
    while len(seen) <= highest - lowest:
        port = lowest + secrets.randbelow(highest - lowest + 1)
        if port not in seen and _free(port):
            yield port
        seen.add(port)
    raise StackError(f"no free port on {LOOPBACK} between {lowest} and {highest}")


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
