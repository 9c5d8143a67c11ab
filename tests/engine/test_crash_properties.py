"""Whatever event the conductor dies at, the same closing puts the stack back; and every prefix of a drill reads."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_drills import proofs, rehearsal, scenario

import scorecards
from drill.engine.closing import close
from drill.engine.recorder import Recorder
from drill.journal.chain import from_line, link
from drill.journal.writer import Journal
from drill.model.spans import read
from drill.model.units import Seconds
from drill.testing.rehearse import Rehearsal

SCENARIOS = ("api-frozen", "api-crashed", "api-stopped-by-deploy", "database-down")


class Died(BaseException):
    """The conductor's death: nothing in it may catch this."""


def drill_of(name: str) -> Rehearsal:
    return rehearsal(replace(scenario(name), needs=()))


LENGTHS = {}
for _name in SCENARIOS:
    _whole = drill_of(_name)
    _whole.run()
    LENGTHS[_name] = len(_whole.events)


def die_at(drill: Rehearsal, event: int) -> None:
    """Run until just after that many events were written; then nothing of the conductor goes on."""
    listen = drill.recorder.listen

    def stop(_: object) -> None:
        if len(drill.events) >= event:
            raise Died

    listen(stop)
    try:
        drill.run()
    except Died:
        return
    raise AssertionError("it lived")


def guard(drill: Rehearsal) -> bool:
    """What the guard does: the same clock, the journal continued, the same closing."""
    last = drill.events[-1]
    journal = Journal(
        lambda line, _: drill.lines.append(line),
        drill.runtime.now_ns,
        drill.runtime.utc,
        origin_ns=drill.recorder.origin_ns,
        last=last,
    )
    drill.recorder = Recorder(journal, list(drill.events))
    drill.recorder.emit("harness.lost", "guard", holder="guard", cut_bytes=0, bridged_by_wall_clock=False)
    drill.world = replace(drill.world, recorder=drill.recorder)
    return drill.runtime.run(close(drill.world, drill.plan.config, drill.plan.playbook, "guard"))


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_dying_at_any_event_leaves_a_stack_that_the_guard_makes_whole(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(SCENARIOS))
    event = data.draw(st.integers(min_value=1, max_value=LENGTHS[name] - 1))
    drill = drill_of(name)
    die_at(drill, event)
    assert guard(drill)
    assert drill.leases.all() == []
    assert all(state.running and not state.paused for state in drill.stack.services().values())
    assert drill.stack.read("api") == {"degraded_mode": False}
    if "snapshot.taken" in {found.kind for found in drill.events}:
        assert proofs(drill) == {"leases": True, "mitigations": True, "snapshot": True}
    previous = "0" * 64
    for line in drill.lines:
        assert from_line(line.rstrip(b"\n")).prev == previous
        previous = link(line.rstrip(b"\n"))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_cut_drill_never_scores_better_than_the_whole_one_and_never_passes(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(SCENARIOS))
    event = data.draw(st.integers(min_value=1, max_value=LENGTHS[name] - 1))
    drill = drill_of(name)
    die_at(drill, event)
    guard(drill)
    drill.recorder.emit("drill.ended", "guard", outcome="interrupted", undone=True, detail="")
    card = scorecards.score(drill.events)
    assert not card.passed
    assert card.low is not None
    assert card.high is not None
    assert 0 <= card.low <= card.high <= 100


@settings(max_examples=40, deadline=None)
@given(
    name=st.sampled_from(SCENARIOS),
    expires_s=st.floats(min_value=0.5, max_value=20),
    waits=st.lists(st.floats(min_value=0, max_value=5), min_size=3, max_size=3),
    abort_s=st.none() | st.floats(min_value=0, max_value=15),
)
def test_expiry_abort_and_slow_people_in_any_mixture_end_clean(
    name: str, expires_s: float, waits: list[float], abort_s: float | None
) -> None:
    found = replace(scenario(name), needs=(), max_duration=Seconds(25))
    fault = replace(found.faults[0], max_duration=Seconds(expires_s))
    script = tuple(
        replace(step, wait=Seconds(step.wait + waits[number % 3])) for number, step in enumerate(found.script)
    )
    drill = rehearsal(replace(found, faults=(fault,), script=script))

    async def abort(after_s: float) -> None:
        await drill.runtime.sleep(after_s)
        drill.drill.control.end("aborted", "test")

    if abort_s is not None:
        drill.runtime.spawn(abort(abort_s), "abort")
    drill.run()
    assert drill.events[-1].kind == "drill.ended"
    assert drill.events[-1].data["undone"] is True
    assert drill.leases.all() == []
    assert all(state.running and not state.paused for state in drill.stack.services().values())
    reading = read(drill.events)
    for span in reading.spans:
        assert span.uncertainty_ns >= 0
        if span.name in ("impact", "acknowledge", "restore") and span.duration_ns is not None:
            assert span.duration_ns >= -span.uncertainty_ns
