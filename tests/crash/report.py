"""Writes docs/crash-suite.md from the results of a run: `report.py RESULTS.jsonl OUTPUT.md [COMMAND]`.

`make crash` calls it; COMMAND is what to say of how the results came about.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from onlooker import docker

Record = dict[str, Any]
_HEAD = "| {} | points | residual faults | unreadable journals | undone after, median | max | exit codes |"
_RULE = "| --- | ---: | ---: | ---: | ---: | ---: | --- |"


_TEXT = """\
# The crash suite

Written by `tests/crash/report.py`, which `make crash` calls at its end; edit the suite, not this page.

Each point is one real drill on the reference stack, run by the command line, on a Docker engine. When its journal says
that a named transition was reached, and some seeded milliseconds later, a signal goes to the conductor, to the guard,
to the attached `drill run`, or to two of them. Whoever is left has to put everything back; where nobody is left, the
next command has to (`drill undo`, or `drill stack restore`).

Then the stack is compared with a picture that was taken before the first drill, by code that shares nothing with the
program (`tests/crash/residue.py`): how each container was made, its limits, state and networks; packet rules, queues
and routes; name files, mounts, processes and files inside; proxies and toxics; roles, settings, sessions, locks and
replication of PostgreSQL; settings and keys of Redis; scrape targets and silences; flags; leases on disk; exactly one
writable member; what customers get. It has to be the same within 20 s. A residual fault is a point after which it was
not, or a lease that was left.

"Undone after" is seconds from the last signal (where nobody is left: from the start of the next command) to the last
proved undo, by the journal's clock; points where nothing was left to undo, or where the signal is rightly ignored, have
none. Exit codes are those of `drill run`.
"""


def read(path: Path) -> list[Record]:
    """The results, one for each point: the latest."""
    records = [json.loads(line) for line in path.read_text().splitlines()]
    return list({record["point"]: record for record in records}.values())


def page(results: list[Record], command: str) -> str:
    """The whole document."""
    records = [one for one in results if "failed" not in one]
    broken = [f"- {one['point']}: {one['failed']}" for one in results if "failed" in one]
    lost = ["", "Not played to its end, and so not counted:", "", *broken] if broken else []
    return "\n".join(
        [*_introduction(records, command), *lost, *_by_kind(records), *_by_signal(records), *_by_place(records), ""]
    )


def _introduction(records: list[Record], command: str) -> Iterator[str]:
    left, unread = sum(map(_residual, records)), sum(map(_unreadable, records))
    yield _TEXT
    kinds = {record["kind"] for record in records} - {""}
    points = f"**{len(records)} points**, {len(kinds)} fault kinds"
    yield f"- {points}: **{left} residual faults, {unread} unreadable journals**"
    yield f"- date: {datetime.now(UTC):%Y-%m-%d}"
    yield f"- machine: {_machine()}"
    yield f"- command: `{command}`"


def _machine() -> str:
    memory = int(Path("/proc/meminfo").read_text().split("MemTotal:")[1].split()[0]) // 2**20
    engine = docker("version", "--format", "{{.Server.Version}}").strip()
    return f"{os.cpu_count()} cores, {memory} GiB, Linux {platform.release()}, Docker Engine {engine}"


def _by_kind(records: list[Record]) -> Iterator[str]:
    yield from _table("Fault kind", "By fault kind", records, _kind)
    yield from ("", "The signals of each:", "")
    for kind in sorted(set(map(_kind, records))):
        struck = [f"{one['mode']} at {one['at']}" for one in records if _kind(one) == kind]
        yield f"- {kind}: {'; '.join(struck)}"


def _kind(record: Record) -> str:
    return str(record["kind"] or f"{record['scenario']} (with its script)")


def _by_signal(records: list[Record]) -> Iterator[str]:
    yield from _table("Signal", "By signal", records, lambda one: one["mode"])


def _by_place(records: list[Record]) -> Iterator[str]:
    yield from _table("First signal after", "By transition", records, lambda one: one["at"])


def _table(name: str, title: str, records: list[Record], key: Callable[[Record], str]) -> Iterator[str]:
    yield from ("", f"## {title}", "", _HEAD.format(name), _RULE)
    for value in sorted({key(record) for record in records}):
        yield _row(value, [record for record in records if key(record) == value])


def _row(name: str, records: list[Record]) -> str:
    times = [record["undone_s"] for record in records if record["undone_s"] is not None]
    middle, most = (f"{statistics.median(times):.2f} s", f"{max(times):.2f} s") if times else ("—", "—")
    codes = ", ".join(str(code) for code in sorted({record["exit_code"] for record in records}))
    counts = f"{len(records)} | {sum(map(_residual, records))} | {sum(map(_unreadable, records))}"
    return f"| {name} | {counts} | {middle} | {most} | {codes} |"


def _residual(record: Record) -> bool:
    return bool(record["residue"] or record["leases"] or not record["said_undone"])


def _unreadable(record: Record) -> bool:
    return bool(record["unreadable"])


if __name__ == "__main__":
    Path(sys.argv[2]).write_text(page(read(Path(sys.argv[1])), " ".join(sys.argv[3:]) or "make crash"))
