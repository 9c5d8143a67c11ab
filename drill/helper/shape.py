"""Queueing disciplines (tc) at the root of every network device, known by a handle made from the mark."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence

from drill.helper.rules import run


def handle(mark: str) -> str:
    """The mark's own: the kernel chooses from 8000 on for those who name none."""
    return f"{zlib.crc32(mark.encode()) % 0x7000 + 0x100:x}:"


def put(mark: str, discipline: Sequence[str]) -> None:
    """Add it to every device, or change it there. Raises RuntimeError where somebody else's is in the way."""
    there = seen(mark)
    for device in devices():
        verb = "change" if device in there else "add"
        run(["tc", "qdisc", verb, "dev", device, "root", "handle", handle(mark), *discipline])


def seen(mark: str) -> list[str]:
    """Devices whose root is the mark's own."""
    shown = json.loads(run(["tc", "-json", "qdisc", "show"]) or "[]")
    return [str(one["dev"]) for one in shown if one.get("root") and one.get("handle") == handle(mark)]


def clear(mark: str) -> None:
    """Remove it; packets that wait in it are lost."""
    for device in seen(mark):
        run(["tc", "qdisc", "del", "dev", device, "root"])


def devices() -> list[str]:
    """Network devices but for loopback."""
    shown = json.loads(run(["ip", "-json", "link", "show"]))
    return [str(link["ifname"]) for link in shown if "LOOPBACK" not in link["flags"]]
