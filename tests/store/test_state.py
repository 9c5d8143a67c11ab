"""State on disk: leases that survive anything, private files, the kill switch."""

from __future__ import annotations

import os
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drill import store
from drill.errors import Blocked, InvalidInput
from drill.model.codec import decode, encode
from drill.model.lease import Lease, StackIdentity
from drill.store import LeaseStore, State, write_durably

LEASE = Lease(
    id="D-1.01",
    drill_id="D-1",
    fault_id="f",
    kind="container.stop",
    service="api",
    instance="1:2",
    reversibility="reversible",
    stack=StackIdentity(kind="process", project="p", endpoint="e", engine_id="i"),
    boot_id="b",
    expires_at_ns=1,
    expires_utc="2026-01-01T00:00:00Z",
    settle_s=1.5,
    before={"running": True, "paused": False},
    params={"grace": 1},
    manual=("start it",),
)


def lease(number: int) -> Lease:
    return replace(LEASE, id=f"D-1.{number:02d}")


class Crash(Exception):
    """The process dies here."""


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from(["write", "die", "remove"]), st.integers(0, 5)), max_size=20))
def test_a_store_holds_exactly_what_was_promised_whatever_died(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    leases = LeaseStore(tmp_path_factory.mktemp("leases"))
    promised: set[int] = set()
    for step, number in steps:
        if step == "write":
            leases.write(lease(number))
            promised.add(number)
        elif step == "remove":
            leases.remove(lease(number))
            promised.discard(number)
        else:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(os, "replace", _die)
                with pytest.raises(Crash):
                    leases.write(lease(number))
    assert leases.all() == [lease(number) for number in sorted(promised)]


def _die(*_: object) -> None:
    raise Crash


def test_a_half_written_file_of_a_killed_process_is_no_lease(tmp_path: Path) -> None:
    leases = LeaseStore(tmp_path)
    leases.write(lease(1))
    (tmp_path / ".D-1.02.json.99.tmp").write_bytes(b'{"id":')
    assert leases.all() == [lease(1)]


def test_a_lease_is_plain_data() -> None:
    assert decode(Lease, encode(LEASE)) == LEASE


def test_state_is_private(tmp_path: Path) -> None:
    state = State(tmp_path / ".drill")
    folder = state.new_drill()
    folder.leases.write(lease(1))
    write_durably(folder.order, b"{}")
    for path in (folder.order, *folder.leases.folder.glob("*.json")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for path in (folder.path, folder.leases.folder):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_the_kill_switch_blocks_until_it_is_off(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.check_kill_switch()
    state.set_kill_switch("real incident")
    with pytest.raises(Blocked, match="real incident"):
        state.check_kill_switch()
    state.clear_kill_switch()
    state.check_kill_switch()


def test_an_unreadable_kill_switch_is_on(tmp_path: Path) -> None:
    (tmp_path / "kill-switch.json").write_text("{")
    with pytest.raises(Blocked):
        State(tmp_path).check_kill_switch()


def test_the_latest_drill_is_the_default_and_an_unknown_one_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State(tmp_path)
    with pytest.raises(InvalidInput, match="start one"):
        state.drill()
    times = iter([datetime(2026, 1, 7, 9, tzinfo=UTC), datetime(2026, 1, 7, 10, tzinfo=UTC)])
    monkeypatch.setattr(store.clock, "utc", lambda: next(times))
    first, second = state.new_drill(), state.new_drill()
    assert state.drill().id == second.id
    assert state.drill(first.id).id == first.id
    assert state.incident_number(datetime(2026, 1, 7, tzinfo=UTC)) == 2
    assert state.incident_number(datetime(2026, 1, 8, tzinfo=UTC)) == 0
    with pytest.raises(InvalidInput, match="D-0"):
        state.drill("D-0")
