"""Pages in the chat room: everybody is called for what the playbook says, and the room hears of what was declared."""

from __future__ import annotations

from dataclasses import replace

import pytest
from virtual_drills import plan_of, rehearsal, scenario

from drill.engine.pager import HERE, plain
from drill.model.config import IntakeConfig
from drill.model.people import Escalation, Person, Rota
from drill.model.rota import watch_at
from drill.model.units import Seconds
from drill.testing.rehearse import Rehearsal


def drill_with(pages: tuple[str, ...], severity: str = "SEV-1", *, here: bool = True) -> Rehearsal:
    """A drill whose uptime source suggests ``severity``, which calls everybody or does not."""
    found = scenario("api-crashed")
    plan = plan_of(found)
    playbook = replace(
        plan.playbook,
        on_call=replace(plan.playbook.on_call, pages=pages),
        sources=tuple(replace(source, severity=severity) for source in plan.playbook.sources),
        severities=tuple(replace(row, here=here and row.rank <= 2) for row in plan.playbook.severities),
    )
    config = replace(plan.config, intake=IntakeConfig(service="mail", token="t"))
    return rehearsal(found, playbook=playbook, config=config)


def posts(drill: Rehearsal) -> list[str]:
    """First lines of what the chat room got."""
    return [message.subject for message in drill.sinks["chat"].messages.values()]


def test_a_page_goes_to_every_channel_that_the_playbook_names() -> None:
    drill = drill_with(("chat", "email"))
    drill.run()
    delivered = [event.data["channel"] for event in drill.events if event.kind == "page.delivered"]
    assert sorted(delivered) == ["chat", "email"]


@pytest.mark.parametrize(
    ("severity", "here", "called"), [("SEV-1", True, True), ("SEV-3", True, False), ("SEV-1", False, False)]
)
def test_everybody_is_called_by_severity_only(severity: str, here: bool, called: bool) -> None:
    drill = drill_with(("chat",), severity, here=here)
    drill.run()
    assert posts(drill)[0].startswith(HERE) is called
    assert "[EXERCISE]" in posts(drill)[0]


def test_the_room_hears_who_acknowledged_and_what_was_declared() -> None:
    drill = drill_with(("chat",))
    drill.run()
    said = [event.data for event in drill.events if event.kind == "chat.posted"]
    assert [(("acknowledged" in data["text"]), data["here"]) for data in said] == [(True, False), (False, True)]
    assert all("[EXERCISE]" in text for text in posts(drill))


def test_what_an_alert_or_a_player_says_calls_nobody() -> None:
    assert plain("<!channel> a & b <!here|x>") == "&lt;!channel&gt; a &amp; b &lt;!here|x&gt;"
    drill = drill_with(("chat",), here=False)
    first, second, *rest = drill.plan.scenario.script
    said = replace(second, args={**second.args, "text": "all down <!channel>"})
    script = (first, said, *rest)
    drill.plan = replace(drill.plan, scenario=replace(drill.plan.scenario, script=script))
    drill.run()
    assert any("all down &lt;!channel&gt;" in text for text in posts(drill))
    assert not any("<!" in text for text in posts(drill))


def test_without_chat_in_the_playbook_the_room_hears_nothing() -> None:
    drill = drill_with(("email",))
    drill.run()
    assert posts(drill) == []


def test_a_room_that_takes_nothing_is_recorded_and_stops_nothing() -> None:
    drill = drill_with(("chat", "email"))
    drill.sinks["chat"].down = True
    assert drill.run() == "completed"
    kinds = [event.kind for event in drill.events]
    assert "page.failed" in kinds
    assert "chat.failed" in kinds


def test_a_channel_without_a_sink_is_a_failed_page() -> None:
    drill = drill_with(("chat", "email"))
    del drill.sinks["chat"]
    assert drill.run() == "completed"
    (failed,) = [event for event in drill.events if event.kind == "page.failed"]
    assert "no sink" in failed.data["detail"]


# Nobody answers (C2)


def escalating(ack_after_s: float) -> Rehearsal:
    """A drill in which the second engineer is paged after 4 s and the lead after 8 s, and the script waits."""
    drill = drill_with(("chat", "email"))
    playbook, script = drill.plan.playbook, drill.plan.scenario.script
    steps = (
        Escalation(after=Seconds(8), to=Person(name="engineering lead", email="lead@example.test")),
        Escalation(after=Seconds(4)),
    )
    second = Person(name="second engineer", email="second@example.test")
    on_call = replace(playbook.on_call, secondary=second, escalation=steps)
    first = replace(script[0], wait=Seconds(ack_after_s))
    return rehearsal(
        replace(drill.plan.scenario, script=(first, *script[1:])),
        playbook=replace(playbook, on_call=on_call),
        config=drill.plan.config,
    )


@pytest.mark.parametrize(
    ("ack_after_s", "paged"),
    [(1, []), (6, ["second engineer"]), (12, ["second engineer", "engineering lead"])],
)
def test_who_comes_next_is_paged_until_somebody_acknowledges(ack_after_s: float, paged: list[str]) -> None:
    drill = escalating(ack_after_s)
    drill.run()
    escalated = [event.data for event in drill.events if event.kind == "page.escalated"]
    assert [data["to"] for data in escalated] == paged
    assert [data["after_s"] for data in escalated] == [4.0, 8.0][: len(paged)]
    delivered = {(e.data["to"], e.data["channel"]) for e in drill.events if e.kind == "page.delivered"}
    assert {(to, channel) for to in paged for channel in ("chat", "email")} <= delivered


def test_an_escalated_page_goes_to_that_person_and_says_why() -> None:
    drill = escalating(12)
    drill.run()
    (page,) = [m for m in drill.sinks["email"].messages.values() if m.recipients == ("lead@example.test",)]
    assert page.body.startswith("[EXERCISE]")
    assert "Nobody has acknowledged for 8 s." in page.body


def test_with_a_rota_the_one_on_watch_is_paged() -> None:
    drill = drill_with(("email",))
    people = (Person(name="Ada", email="ada@example.test"), Person(name="Ben", email="ben@example.test"))
    on_call = replace(drill.plan.playbook.on_call, rota=Rota(starts="2020-01-06", people=people))
    again = rehearsal(
        drill.plan.scenario, playbook=replace(drill.plan.playbook, on_call=on_call), config=drill.plan.config
    )
    again.run()
    to = {event.data["to"] for event in again.events if event.kind == "page.sent"}
    expected = watch_at(on_call, drill.plan.playbook.calendar.zone, again.runtime.utc()).primary.name
    assert to == {expected}
