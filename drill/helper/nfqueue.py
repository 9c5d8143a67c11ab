"""One netfilter queue (NFQUEUE) over a netlink socket: packets are held by the kernel, only their numbers come here.

If this process ends, the kernel drops what it holds, and a rule with ``--queue-bypass`` lets later packets pass.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Iterator
from contextlib import suppress

_NETLINK_NETFILTER, _SUBSYSTEM = 12, 3 << 8
_PACKET, _VERDICT, _CONFIG, _ERROR = _SUBSYSTEM | 0, _SUBSYSTEM | 1, _SUBSYSTEM | 2, 2
_REQUEST, _REQUEST_ACK = 1, 5
_ATTR_PACKET_HDR, _ATTR_VERDICT_HDR = 1, 2
_CFG_CMD, _CFG_PARAMS, _CFG_MAXLEN, _CFG_MASK, _CFG_FLAGS = 1, 2, 3, 4, 5
_BIND, _COPY_META = 1, 1
# Let packets pass when the queue is full, and hand over large segments whole.
_FAIL_OPEN_AND_GSO = 1 | 4
_SOL_NETLINK, _NO_ENOBUFS, _SO_RCVBUFFORCE = 270, 5, 33
_BUFFER = 4 << 20

DROP, ACCEPT = 0, 1


class Queue:
    """Bound from the start. ``longest``: packets that it holds; further ones pass as if there were no queue."""

    def __init__(self, number: int, longest: int) -> None:
        self._number = number
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_NETFILTER)
        self._socket.bind((0, 0))
        self._socket.setsockopt(_SOL_NETLINK, _NO_ENOBUFS, 1)
        with suppress(PermissionError):  # beyond what the machine allows by default; it works without
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _BUFFER)
        self._configure(_CFG_CMD, struct.pack(">BxH", _BIND, socket.AF_UNSPEC))
        self._configure(_CFG_PARAMS, struct.pack(">IB", 0, _COPY_META))
        self._configure(_CFG_MAXLEN, struct.pack(">I", longest))
        flags = struct.pack(">I", _FAIL_OPEN_AND_GSO)
        self._configure(_CFG_FLAGS, flags, (_CFG_MASK, flags))
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """For select."""
        return self._socket.fileno()

    def arrived(self) -> Iterator[int]:
        """Numbers of the packets that wait to be read."""
        while True:
            try:
                data = self._socket.recv(65536)
            except BlockingIOError:
                return
            yield from _numbers(data)

    def verdict(self, packet: int, decision: int) -> None:
        """Let a packet go on, or drop it."""
        self._send(_VERDICT, _REQUEST, _attribute(_ATTR_VERDICT_HDR, struct.pack(">II", decision, packet)))

    def close(self) -> None:
        """Give it up."""
        self._socket.close()

    def _configure(self, kind: int, value: bytes, *more: tuple[int, bytes]) -> None:
        body = b"".join(_attribute(*pair) for pair in ((kind, value), *more))
        self._send(_CONFIG, _REQUEST_ACK, body)
        _, answer, *_ = struct.unpack_from("=IHHII", data := self._socket.recv(65536))
        code = struct.unpack_from("=i", data, 16)[0] if answer == _ERROR else -errno.EPROTO
        if code:
            raise OSError(-code, f"netfilter queue {self._number}: {os.strerror(-code)}")

    def _send(self, kind: int, flags: int, attributes: bytes) -> None:
        body = struct.pack(">BBH", socket.AF_UNSPEC, 0, self._number) + attributes
        self._socket.send(struct.pack("=IHHII", 16 + len(body), kind, flags, 0, 0) + body)


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _numbers(data: bytes) -> Iterator[int]:
    """Numbers of the packets in a batch of messages: the header is the first attribute of each."""
    at = 0
    while at + 32 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if kind == _PACKET and struct.unpack_from("=H", data, at + 22)[0] == _ATTR_PACKET_HDR:
            yield struct.unpack_from(">I", data, at + 24)[0]
        at += max(16, (length + 3) & ~3)
