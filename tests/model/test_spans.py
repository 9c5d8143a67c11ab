from __future__ import annotations

from dataclasses import replace

import pytest
from journals import CLEAN, PLAYBOOK, SCENARIO, Story, with_expected

from drill.model.reading import Reading, Span
from drill.model.scenario import FaultSpec
from drill.model.spans import read
from drill.model.units import NS, Seconds


def seconds(story: Story, name: str, channel: str | None = None) -> float | None:
    span = one(read(story.events), name, channel)
    return None if span.duration_ns is None else span.duration_ns / NS


def one(reading: Reading, name: str, channel: str | None = None) -> Span:
    span = reading.span(name, channel)
    assert span is not None
    return span


def test_each_span_of_a_clean_drill_runs_between_its_boundaries() -> None:
    reading = read(Story().events)
    observed = {(s.name, s.channel): s.duration_ns / NS for s in reading.spans if s.duration_ns is not None}
    assert observed == {
        ("impact", ""): 18.0,
        ("detect", ""): 3.5,
        ("page", ""): 0.5,
        ("acknowledge", ""): 2.0,
        ("triage", ""): 4.0,
        ("mitigate", ""): 10.5,
        ("restore", ""): 18.0,
        ("repair", "freeze"): 17.5,
        ("verify", ""): 3.5,
        ("notify", "status-page"): 8.9,
        ("notify", "email"): 10.9,
    }
    assert reading.from_declaration == {"status-page": 4.9 * NS, "email": 6.9 * NS}
    assert not reading.absorbed
    assert reading.outcome == "completed"


def test_uncertainty_is_the_sum_of_both_boundaries() -> None:
    assert one(read(Story().events), "restore").uncertainty_ns == 1 * NS


def test_the_onset_keeps_its_clock() -> None:
    fault = read(Story().events).faults[0]
    assert fault.onset is not None
    assert (fault.onset.t, fault.onset.clock) == (2 * NS, "freezer")
    assert (fault.active, fault.undone, fault.gone_by) == (True, True, "responder")


@pytest.mark.parametrize("length", range(1, len(CLEAN) + 2))
def test_every_prefix_can_be_read(length: int) -> None:
    reading = read(Story().events[:length])
    assert reading.outcome == ("running" if length <= len(CLEAN) else "completed")
    assert all(span.state != "missing" for span in reading.spans)


def test_a_journal_without_event_0_is_refused() -> None:
    for events in ([], Story().events[1:]):
        with pytest.raises(ValueError, match="event 0"):
            read(events)


def test_an_unknown_kind_of_event_is_passed_over() -> None:
    assert seconds(Story().add(5, "from.the.future", x=1), "detect") == 3.5


@pytest.mark.parametrize(
    ("story", "reason"),
    [
        (Story().change("steady.checked", sources={"uptime": False}), "not seen clear at steady state"),
        (Story().change("steady.checked", sources={}), "not seen clear at steady state"),
        (Story().change("alert.fired", 1.5), "fired before the onset"),
        (Story().change("alert.fired", source="somebody"), "not a detection source of the playbook"),
        (Story().change("alert.fired", source="mailcheck"), "not attributable to the fault"),
    ],
)
def test_an_alert_that_does_not_qualify_is_noise(story: Story, reason: str) -> None:
    reading = read(story.events)
    assert [alert.noise for alert in reading.noise] == [reason]
    assert reading.detection is None
    assert one(reading, "detect").state == "missing"


def test_a_source_that_the_scenario_expects_is_attributable_wherever_it_looks() -> None:
    scenario = replace(SCENARIO, expected=replace(SCENARIO.expected, detection=("mailcheck",)))
    story = Story(scenario=scenario).change("alert.fired", source="mailcheck")
    assert seconds(story, "detect") == 3.5


def test_the_acknowledgement_of_noise_does_not_count() -> None:
    story = (
        Story().add(3, "alert.fired", alert_id="a9", source="mailcheck").change("incident.acknowledged", alert_id="a9")
    )
    assert one(read(story.events), "acknowledge").state == "missing"


def test_a_player_who_saw_it_first_need_not_acknowledge() -> None:
    story = Story().add(4, "detection.reported", player="ada", text="it hangs")
    reading = read(story.events)
    assert seconds(story, "detect") == 1.5
    assert one(reading, "acknowledge").state == "not-applicable"
    assert one(reading, "page").state == "not-applicable"


def test_another_player_acknowledges_a_report() -> None:
    assert seconds(Story().add(4, "detection.reported", player="eve", text="it hangs"), "acknowledge") == 4.0


def test_a_report_before_the_onset_detects_nothing() -> None:
    assert seconds(Story().add(1.9, "detection.reported", player="eve", text="hm"), "detect") == 3.5


def test_a_declaration_after_the_impact_makes_mitigation_early_and_signed() -> None:
    assert seconds(Story().change("incident.declared", 25), "mitigate") == -4.5


def test_a_message_before_detection_is_early_and_signed() -> None:
    story = Story().change("message.accepted", 5, at_s=5)
    assert seconds(story, "notify", "email") == -1.0


@pytest.mark.parametrize("change", [{"lint": ["no-impact: say it"]}, {"lint": None}], ids=["dirty", "lint not known"])
def test_a_message_that_is_not_clean_does_not_count(change: dict[str, object]) -> None:
    assert one(read(Story().change("message.accepted", **change).events), "notify", "email").state == "missing"


def test_a_message_that_no_player_sent_does_not_count() -> None:
    assert one(read(Story().change("message.sent", player="").events), "notify", "email").state == "missing"


def test_what_the_harness_undid_earns_no_mitigation() -> None:
    story = (
        Story()
        .without("fault.gone", "fault.sampled")
        .change("impact.ended", 20, at_s=19)
        .undone(18, "expiry", "completed")
    )
    story.add(19.4, "impact.ended", episode=1, at_s=19).add(18, "fault.expired", fault_id="freeze", lease_id="L1")
    reading = read(story.events)
    assert {one(reading, name).state for name in ("mitigate", "restore", "repair")} == {"censored"}
    assert one(reading, "impact").duration_ns == 16.5 * NS
    assert reading.faults[0].gone_by == "expiry"
    assert one(reading, "acknowledge").state == "complete"


def test_time_that_was_up_is_told_apart_from_a_response_that_was_over() -> None:
    unsolved = Story().without("fault.gone", "fault.sampled", "impact.ended").undone(27, "harness", "completed")
    assert one(read(unsolved.events), "restore").cut_by == "harness"
    assert one(read(unsolved.without("incident.resolved").events), "restore").cut_by == "time up"


def test_an_end_just_before_the_undo_counts() -> None:
    assert seconds(Story().change("fault.undoing", 20.5), "restore") == 18.0


@pytest.mark.parametrize(
    ("kind", "word"),
    [("drill.aborting", "abort"), ("stop.triggered", "stop condition"), ("harness.error", "harness error")],
)
def test_spans_open_at_a_cut_are_censored(kind: str, word: str) -> None:
    story = Story().until(9).add(9, kind, reason="x").undone(9.5, "abort", "aborted")
    reading = read(story.events)
    assert one(reading, "acknowledge").state == "complete"
    assert (one(reading, "triage").state, one(reading, "triage").cut_by) == ("censored", word)
    assert one(reading, "restore").state == "censored"


def test_a_lost_harness_cuts_at_the_last_event_before_the_loss_and_later_words_do_not_count() -> None:
    story = Story().add(9, "harness.lost", holder="guard", cut_bytes=0).change("drill.ended", outcome="interrupted")
    reading = read(story.events)
    triage = one(reading, "triage")
    assert triage.state == "censored"
    assert triage.cut is not None
    assert triage.cut.t == 8 * NS
    assert len(reading.interruptions) == 1


def test_without_impact_a_drill_is_absorbed() -> None:
    reading = read(Story().without("impact.began", "impact.ended").events)
    assert reading.absorbed
    assert {span.state for span in reading.spans if span.name != "repair"} == {"not-applicable"}


def test_a_drill_that_was_cut_or_never_injected_is_not_absorbed() -> None:
    quiet = Story().without("impact.began", "impact.ended")
    assert not read(quiet.change("drill.ended", outcome="aborted").events).absorbed
    assert not read(Story().without("impact.began", "impact.ended", "fault.active").events).absorbed


def test_bad_again_inside_the_window_reopens_the_same_episode() -> None:
    story = Story().add(22.5, "impact.began", episode=1, at_s=22.4).add(25, "impact.ended", episode=1, at_s=24.5)
    assert seconds(story, "restore") == 22.0
    assert read(story.events).later == ()


def test_a_second_episode_is_told_apart() -> None:
    story = Story().add(24.1, "impact.began", episode=2, at_s=24.1).add(26, "impact.ended", episode=2, at_s=25.5)
    reading = read(story.events)
    assert seconds(story, "restore") == 18.0
    assert [(span.channel, span.duration_ns) for span in reading.later] == [("episode 2", 1_400_000_000)]


def test_impact_that_the_undo_itself_stirs_up_is_not_the_responders() -> None:
    assert read(Story().add(27.7, "impact.began", episode=2, at_s=27.7).events).later == ()


def test_a_fault_that_outlives_its_impact_was_routed_around() -> None:
    story = Story().without("fault.gone").change("fault.sampled", active=True).change("fault.undoing", was_active=True)
    reading = read(story.change("fault.undone", was_active=True).events)
    assert reading.faults[0].gone_by == "routed-around"
    assert one(reading, "repair").state == "censored"


@pytest.mark.parametrize("active", [None, "absent"])
def test_a_fault_that_nobody_saw_go_is_nobodys_work(active: object) -> None:
    story = Story().without("fault.gone")
    story = story.change("fault.sampled", active=None) if active is None else story.without("fault.sampled")
    assert read(story.events).faults[0].gone_by == "unknown"


def test_each_fault_has_its_own_repair_and_detection() -> None:
    second = FaultSpec(id="kill", kind="container.kill", target="api", max_duration=Seconds(60), start=Seconds(2))
    story = Story(scenario=replace(SCENARIO, faults=(*SCENARIO.faults, second)))
    story.add(4, "fault.applied", lease_id="L2", fault_id="kill", kind="container.kill", service="api", at_s=4)
    story.add(21, "fault.gone", lease_id="L2", fault_id="kill", by="responder", at_s=21)
    reading = read(story.events)
    assert {s.channel: s.duration_ns for s in reading.spans if s.name == "repair"} == {
        "freeze": 17_500_000_000,
        "kill": 17 * NS,
    }
    assert {s.channel: s.duration_ns for s in reading.onset_detect} == {"freeze": 4 * NS, "kill": 2 * NS}


@pytest.mark.parametrize(
    ("expected", "declared", "targets"),
    [("SEV-1", "SEV-2", "SEV-1"), ("SEV-2", "SEV-1", "SEV-1"), ("SEV-2", "SEV-2", "SEV-2"), ("SEV-2", "?", "SEV-2")],
)
def test_the_stricter_of_expected_and_declared_severity_sets_targets(
    expected: str, declared: str, targets: str
) -> None:
    story = Story(scenario=with_expected(expected)).change("incident.declared", severity=declared)
    assert read(story.events).targets_severity == targets


def test_the_first_declared_severity_stands() -> None:
    story = Story(scenario=with_expected("SEV-2")).change("incident.declared", severity="SEV-2")
    reading = read(story.add(20, "severity.changed", player="ada", severity="SEV-1", text="").events)
    assert (reading.severity_declared, reading.targets_severity) == ("SEV-2", "SEV-2")
    assert [call.severity for call in reading.severity_calls] == ["SEV-2", "SEV-1"]


def test_a_channel_for_long_incidents_does_not_apply_to_a_short_one() -> None:
    story = Story(scenario=with_expected("SEV-2")).change("incident.declared", severity="SEV-2")
    assert one(read(story.events), "notify", "email").state == "not-applicable"


def test_a_channel_for_long_incidents_is_undecided_when_the_impact_was_cut_short() -> None:
    story = Story(scenario=with_expected("SEV-2")).change("incident.declared", severity="SEV-2")
    story.without("impact.ended", "fault.gone", "fault.sampled", "message.accepted").undone(27, "expiry", "completed")
    assert one(read(story.events), "notify", "email").state == "censored"


def test_claims_stand_beside() -> None:
    story = Story().change("impact.confirmed", claimed_s=1.0, started="10:00:01")
    impact = one(read(story.change("incident.resolved", claimed_s=21.0, ended="10:00:21").events), "impact")
    assert (impact.duration_ns, impact.claimed_ns) == (18 * NS, 20 * NS)


@pytest.mark.parametrize("who", ["", "ada"])
def test_verification_needs_a_player_who_saw_the_source_clear(who: str) -> None:
    state = one(read(Story().change("source.checked", player=who).events), "verify").state
    assert state == ("complete" if who else "censored")
    assert one(read(Story().change("source.checked", clear=False).events), "verify").state == "censored"


def test_the_client_clock_runs_from_confirmation_or_else_from_detection() -> None:
    confirmed, detected = read(Story().events), read(Story().without("impact.confirmed").events)
    assert confirmed.client_clock is not None
    assert (confirmed.client_clock.t, confirmed.client_clock_basis) == (11 * NS, "impact.confirmed")
    assert detected.client_clock is not None
    assert (detected.client_clock.t, detected.client_clock_basis) == (6 * NS, "detection")


def test_real_targets_stay_beside_the_smoke_overlay() -> None:
    assert read(Story(smoke=True).events).real_playbook == PLAYBOOK
