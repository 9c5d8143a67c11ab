"""Whatever dies, the stack is put back: SIGKILL at 20 seeded points, and of conductor and guard together."""

from __future__ import annotations

import time

import pytest
from crash_session import POINTS, TRANSITIONS, Point, Run, Session, points
from observers import until

BOTH = ("api-frozen", "api-crashed", "api-stopped-by-deploy")
QUICK = (3, 5, 6, 11)
"""The points of `make test`; `make crash` takes all of them."""
UNDONE_WITHIN_S = 5.0
EXIT_HARNESS_FAILED = 4

_POINTS = {"process": points(BOTH), "compose": points((*BOTH, "database-down"))}


def test_every_named_transition_is_hit_at_least_once() -> None:
    for found in _POINTS.values():
        assert len(found) == POINTS
        assert {point.kind for point in found} == set(TRANSITIONS)


def _params(kind: str) -> list[object]:
    engine = [pytest.mark.engine] if kind == "compose" else []
    return [
        pytest.param(
            kind,
            point,
            marks=[*engine, *([] if point.number in QUICK else [pytest.mark.crash])],
            id=f"{kind}-{point.number}-{point.kind}",
        )
        for point in _POINTS[kind]
    ]


def _session(request: pytest.FixtureRequest, kind: str) -> Session:
    session: Session = request.getfixturevalue(f"{kind}_session")
    return session


def _reach(run: Run, point: Point) -> None:
    assert run.reach(point.kind), f"{point.kind} was never reached"
    end = time.perf_counter() + point.after_ms / 1000
    while time.perf_counter() < end:
        pass


@pytest.mark.parametrize(("kind", "point"), [*_params("process"), *_params("compose")])
def test_a_killed_conductor_leaves_a_whole_stack(request: pytest.FixtureRequest, kind: str, point: Point) -> None:
    session = _session(request, kind)
    ports = session.ports()
    assert set(ports) == {"api", "mail", "statuspage"}
    assert until(lambda: session.whole(ports), 30)
    run = session.start(point.scenario)
    _reach(run, point)
    run.kill("conductor")

    assert until(lambda: session.whole(ports), UNDONE_WITHIN_S), "not whole 5 s after the kill"
    code, output = run.finish()
    assert code == EXIT_HARNESS_FAILED, output
    assert "Traceback" not in output
    _check_journal(run, session)
    assert session.whole(ports), "whole at first, then broken again"
    assert session.leases() == []
    assert (run.recording().problems, run.recording().torn_bytes) == ((), 0)


def _check_journal(run: Run, session: Session) -> None:
    """What the guard wrote; before it is up nothing was leased, and the next command ends the drill instead."""
    assert until(lambda: run.pids() == {}, 20), "the guard does not come to its end"
    kinds = [event["kind"] for event in run.events()]
    if "drill.ended" not in kinds:
        assert "lease.written" not in kinds
        ended = session.drill("undo")
        assert ended.returncode == 0, ended.stderr
        assert "undoing what it left" in ended.stderr
        kinds = [event["kind"] for event in run.events()]
    assert kinds[-1] == "drill.ended"
    assert kinds.count("harness.lost") == 1
    last = run.events()[-1]["data"]
    assert (last["outcome"], last["undone"]) == ("interrupted", True)


@pytest.mark.parametrize("kind", ["process", pytest.param("compose", marks=pytest.mark.engine)])
@pytest.mark.parametrize("at", ["fault.applied", "mitigation.started"])
def test_with_the_guard_killed_too_the_next_command_undoes_first(
    request: pytest.FixtureRequest, kind: str, at: str
) -> None:
    session = _session(request, kind)
    ports = session.ports()
    assert until(lambda: session.whole(ports), 30)
    run = session.start("api-frozen")
    assert run.reach(at)
    run.kill("guard", "conductor")
    code, output = run.finish()
    assert code == EXIT_HARNESS_FAILED, output
    assert "drill undo" in output
    assert session.leases() != []

    reading = session.drill("status")
    assert "`drill undo` puts everything back" in reading.stderr
    assert session.leases() != [], "a command that only reads has touched something"

    touching = session.drill("stack", "restore", "--stack", kind)
    assert touching.returncode == 0, touching.stderr
    assert "undoing what it left" in touching.stderr
    assert "everything is undone, proved" in touching.stderr
    assert session.whole(ports)
    assert session.leases() == []
    assert run.recording().problems == ()
    assert run.events()[-1]["data"]["undone"] is True


def test_a_damaged_journal_keeps_no_fault_from_being_undone(process_session: Session) -> None:
    session = process_session
    ports = session.ports()
    assert until(lambda: session.whole(ports), 30)
    run = session.start("api-frozen")
    assert run.reach("fault.active")
    run.kill("guard", "conductor")
    run.finish()
    journal = run.folder / "journal.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b'"ok":true', b'"ok":null', 1))

    done = session.drill("undo")
    assert done.returncode == 0, done.stderr
    assert session.whole(ports)
    assert session.leases() == []
    assert (run.folder / "recovery-1.jsonl").exists()
    assert "nothing is left to undo" in session.drill("undo").stdout
