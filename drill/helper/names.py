"""Answers DNS questions for one name with one address, on loopback; a rule sends them here."""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading

_A, _AAAA, _IN = 1, 28, 1
_TTL_S = 1


class Answerer:
    """Works in a thread of its own, at ``port`` of 127.0.0.1."""

    def __init__(self, address: str) -> None:
        self._address = ipaddress.ip_address(address)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether it answers."""
        return self._thread.is_alive()

    def close(self) -> None:
        """It ends with the process."""

    def _work(self) -> None:
        while True:
            question, sender = self._socket.recvfrom(4096)
            if answer := answer_to(question, self._address):
                self._socket.sendto(answer, sender)


def answer_to(question: bytes, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bytes:
    """The answer to a datagram with one question; empty for what is no question."""
    end = question.find(b"\0", 12) + 5
    if end < 17 or len(question) < end or question[2] & 0x80:
        return b""
    kind = struct.unpack(">H", question[end - 4 : end - 2])[0]
    record = b""
    if kind == (_A if address.version == 4 else _AAAA):
        packed = address.packed
        record = struct.pack(">HHHIH", 0xC00C, kind, _IN, _TTL_S, len(packed)) + packed
    return question[:2] + struct.pack(">HHHHH", 0x8180, 1, 1 if record else 0, 0, 0) + question[12:end] + record
