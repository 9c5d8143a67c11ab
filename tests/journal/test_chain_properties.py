"""The journal under any content, any tear, any edit, and a second writer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drill import clock
from drill.engine.recorder import Recorder
from drill.errors import InvalidInput, JournalError
from drill.journal.lock import FileLock, is_held
from drill.journal.reader import examine, read
from drill.journal.redact import MASK, redact
from drill.journal.writer import Journal, create, take_over
from drill.model.events import GENESIS, KINDS

PLAIN: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=("Cs",)), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcdef", max_size=5), inner, max_size=3),
    max_leaves=8,
)
EVENTS = st.lists(
    st.tuples(st.sampled_from(sorted(KINDS)), st.dictionaries(st.text("abcdef", max_size=5), PLAIN, max_size=4)),
    min_size=1,
    max_size=12,
)


def written(folder: Path, events: list[tuple[str, dict[str, Any]]]) -> tuple[Path, str]:
    """A journal with an honest event 0 and these events; its path and head."""
    path = folder / "journal.jsonl"
    path.unlink(missing_ok=True)
    journal, file = create(path)
    journal.append("drill.started", "test", {"boot_id": clock.boot_id(), "boot_ns": journal.origin_ns})
    for kind, data in events:
        journal.append(kind, "test", data)
    file.close()
    return path, journal.head


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("journal")


@settings(max_examples=60, deadline=None)
@given(events=EVENTS)
def test_what_is_written_is_read_back_in_order_on_a_whole_chain(folder: Path, events: list[Any]) -> None:
    path, head = written(folder, events)
    recording = read(path)
    assert [(event.kind, dict(event.data)) for event in recording.events[1:]] == [(k, redact(d)) for k, d in events]
    assert recording.head == head
    assert recording.events[0].prev == GENESIS
    assert [event.t for event in recording.events] == sorted(event.t for event in recording.events)


@settings(max_examples=80, deadline=None)
@given(events=EVENTS, data=st.data())
def test_a_single_changed_byte_is_found_against_the_head(folder: Path, events: list[Any], data: st.DataObject) -> None:
    path, head = written(folder, events)
    content = bytearray(path.read_bytes())
    at = int(data.draw(st.floats(0, 1, exclude_max=True)) * len(content))  # its length varies with the times in it
    content[at] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    recording = examine(path)
    assert recording.problems or recording.head != head


@settings(max_examples=60, deadline=None)
@given(events=EVENTS, data=st.data())
def test_a_dropped_doubled_or_moved_line_is_found(folder: Path, events: list[Any], data: st.DataObject) -> None:
    path, head = written(folder, events)
    lines = path.read_bytes().splitlines(keepends=True)
    at = data.draw(st.integers(0, len(lines) - 1))
    edit = data.draw(st.sampled_from(["drop", "double", "swap"]))
    if edit == "swap":
        other = data.draw(st.integers(0, len(lines) - 1).filter(lambda n: n != at))
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines[at : at + 1] = [lines[at]] * (2 if edit == "double" else 0)
    path.write_bytes(b"".join(lines))
    recording = examine(path)
    assert recording.problems or recording.head != head


@settings(max_examples=60, deadline=None)
@given(events=EVENTS, data=st.data())
def test_a_torn_last_line_is_left_out_and_cut_by_whoever_takes_over(
    folder: Path, events: list[Any], data: st.DataObject
) -> None:
    path, _ = written(folder, events)
    whole = path.read_bytes()
    last = whole.rstrip(b"\n").rfind(b"\n") + 1
    cut = last + 1 + int(data.draw(st.floats(0, 1, exclude_max=True)) * (len(whole) - last - 2))
    path.write_bytes(whole[:cut])
    assert examine(path).torn_bytes == cut - last
    assert len(read(path).events) == len(events)

    journal, file, before = take_over(path, "guard")
    journal.append("drill.ended", "guard", {"outcome": "interrupted"})
    file.close()
    after = read(path)
    assert after.torn_bytes == 0
    assert [event.kind for event in after.events[-2:]] == ["harness.lost", "drill.ended"]
    assert after.events[-2].data["cut_bytes"] == cut - last
    assert list(after.events[: len(before)]) == before
    assert after.events[-2].data["bridged_by_wall_clock"] is False


def test_a_gap_over_a_reboot_is_bridged_by_wall_time_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, _ = written(tmp_path, [("steady.checked", {})])
    last = read(path).events[-1]
    monkeypatch.setattr(clock, "boot_id", lambda: "another boot")
    monkeypatch.setattr(clock, "now_ns", lambda: 5_000_000_000)  # this boot is young
    journal, file, events = take_over(path, "orphan")
    file.close()
    assert events[-1].data["bridged_by_wall_clock"] is True
    assert last.t <= events[-1].t < last.t + 60_000_000_000
    assert journal.origin_ns < 5_000_000_000


def test_a_journal_of_nothing_cannot_be_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(b'{"seq":0,')
    with pytest.raises(JournalError, match="nothing to undo"):
        take_over(path, "guard")


def test_a_second_journal_in_its_place_is_refused(tmp_path: Path) -> None:
    written(tmp_path, [])
    with pytest.raises(JournalError, match="there is a journal already"):
        create(tmp_path / "journal.jsonl")


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(JournalError, match="not in the list"):
        Journal(lambda *_: None, clock.now_ns, clock.utc).append("made.up", "test", {})


@pytest.mark.parametrize("what", ["missing", "folder"])
def test_no_readable_file_is_one_line(tmp_path: Path, what: str) -> None:
    path = tmp_path if what == "folder" else tmp_path / "none.jsonl"
    with pytest.raises(InvalidInput, match=r"journal\.jsonl"):
        read(path)


def test_a_full_disk_breaks_the_recorder_once_and_never_raises() -> None:
    lines: list[bytes] = []

    def store(line: bytes, durable: bool) -> None:
        if len(lines) == 2:
            raise OSError(28, "No space left on device")
        lines.append(line)

    recorder = Recorder(Journal(store, clock.now_ns, clock.utc))
    for _ in range(4):
        recorder.emit("steady.checked", "test", ok=True)
    assert len(recorder.events) == len(lines) == 2
    with pytest.raises(JournalError, match="No space left"):
        recorder.require()


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.take()
    assert is_held(tmp_path / "lock")
    assert not second.take()
    first.free()
    assert second.take()
    second.free()
    assert not is_held(tmp_path / "lock")


def test_the_lock_of_a_killed_process_is_free_and_an_inherited_one_is_not(tmp_path: Path) -> None:
    code = """
import os, subprocess, sys
from pathlib import Path
from drill.journal.lock import FileLock
own, shared = FileLock(Path("own")), FileLock(Path("shared"))
assert own.take() and shared.take()
child = subprocess.Popen(["sleep", "30"], pass_fds=[shared.fd])
print(child.pid, flush=True)
os.read(0, 1)
"""
    holder = subprocess.Popen(
        [sys.executable, "-c", code], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdin is not None
    child = int(holder.stdout.readline())
    try:
        assert is_held(tmp_path / "own")
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
        assert not is_held(tmp_path / "own")
        assert is_held(tmp_path / "shared"), "the child keeps it"
    finally:
        os.kill(child, signal.SIGKILL)
        holder.stdout.close()
        holder.stdin.close()


SECRETS = [
    "sk_" + "live_abcdefgh12345678",
    "xox" + "b-123456-abcdef",
    "AKIA" + "ABCDEFGHIJKLMNOP",
    "gh" + "p_abcdefghijklmnopqrstuvwxyz0123",
    "Authorization: Bearer abcdefgh.ijklmnop",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    "postgresql://app:hunter2hunter2@db:5432/app",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_what_looks_like_a_secret_never_reaches_the_file(tmp_path: Path, secret: str) -> None:
    path, _ = written(tmp_path, [("note.added", {"text": f"we saw {secret} in the log", "more": [{"deep": secret}]})])
    content = path.read_text()
    assert MASK in content
    for part in ("abcdefgh", "hunter2", "MIIE", "ABCDEFGHIJKLMNOP", "123456-abcdef"):
        assert part not in content


@pytest.mark.parametrize("key", ["password", "db_passwd", "api_key", "apiKey", "client_secret", "token"])
def test_what_is_named_like_a_secret_is_masked(key: str) -> None:
    assert redact({key: "abc", "other": "abc"}) == {key: MASK, "other": "abc"}


def test_harmless_text_stays_as_it_is() -> None:
    text = "GET http://127.0.0.1:8000/health 200; the tokeniser passed; INC-20260107-01; user@example.test"
    assert redact({"text": text, "path": "/api", "n": 1}) == {"text": text, "path": "/api", "n": 1}


def test_a_line_is_canonical_json() -> None:
    lines: list[bytes] = []
    Journal(lambda line, _: lines.append(line), clock.now_ns, clock.utc).append("note.added", "ü", {"b": 1, "a": "ß"})
    record = json.loads(lines[0])
    assert lines[0] == (json.dumps(record, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() + b"\n")
