from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from journals import CLEAN, PLAYBOOK, SCENARIO, SEV_1, Story, with_expected, within

import scorecards
from drill.errors import JournalError
from drill.model.scenario import FaultSpec
from drill.model.units import Seconds
from scorecards import Check, Row, Scorecard, Verdict, score
from scorecards.rules import BY_ID, CHECKS, SPANS
from scorecards.score import pair

VERDICTS: Sequence[Verdict] = ("pass", "fail", "unknown", "not-applicable", "no-target")
ITEMS = st.lists(st.tuples(st.sampled_from(sorted(BY_ID)), st.sampled_from(VERDICTS)), max_size=25)


def row(card: Scorecard, name: str, channel: str = "") -> Row:
    return next(row for row in card.rows if row.id == name and channel in ("", row.channel))


def check(card: Scorecard, name: str) -> Check:
    return next(check for check in card.checks if check.id == name)


def said(card: Scorecard, words: str) -> bool:
    return any(words in finding.text for finding in card.findings)


def failing(card: Scorecard) -> set[str]:
    return {item.id for item in (*card.rows, *card.checks) if item.verdict == "fail"}


def unknown(card: Scorecard) -> set[str]:
    return {item.id for item in (*card.rows, *card.checks) if item.verdict == "unknown"}


def test_points_sum_to_a_hundred() -> None:
    assert sum(rule.points for rule in (*SPANS, *CHECKS)) == 100


def test_a_clean_drill_passes_with_full_marks() -> None:
    card = score(Story().events)
    assert (card.result, card.passed, card.low, card.high) == ("passed", True, 100.0, 100.0)
    assert failing(card) == unknown(card) == set()
    assert card.labels == ()


def test_a_late_acknowledgement_fails_by_its_margin() -> None:
    card = score(Story().change("incident.acknowledged", 20).events)
    assert failing(card) == {"acknowledge"}
    assert row(card, "acknowledge").margin_ns == -4_000_000_000
    assert (card.result, card.low, card.high) == ("failed", 85.0, 85.0)


def test_a_duration_whose_uncertainty_straddles_the_target_is_unknown() -> None:
    tight = replace(PLAYBOOK, severities=(replace(SEV_1, restore=within(18.5)),))
    card = score(Story(playbook=tight).events)
    assert unknown(card) == {"restore"}
    assert (card.result, card.low, card.high) == ("unknown", 80.0, 100.0)


def test_declaring_low_buys_no_time() -> None:
    story = Story().change("incident.declared", severity="SEV-2").change("incident.acknowledged", 20)
    card = score(story.events)
    assert card.targets_severity == "SEV-1"
    assert failing(card) == {"acknowledge", "severity"}
    late = row(card, "acknowledge")
    assert (late.declared_target, late.declared_verdict) == ("1 min 40 s", "pass")


def test_a_correction_is_a_finding_and_does_not_make_the_first_call_right() -> None:
    story = Story().change("incident.declared", severity="SEV-2")
    card = score(story.add(12, "severity.changed", player="ada", severity="SEV-1", text="").events)
    assert check(card, "severity").verdict == "fail"
    assert said(card, "changed from SEV-2 to SEV-1")


def test_business_time_targets_come_from_the_calendar() -> None:
    story = Story(scenario=with_expected("SEV-2")).change("incident.declared", severity="SEV-2")
    restore = row(score(story.events), "restore")
    # 10:00 UTC on a Wednesday with opening hours 09:00 to 17:00: due 10:00 on Thursday, but counted from 2.5 s later.
    assert restore.target == "1 business day"
    assert restore.target_ns == 24 * 3600 * 10**9
    assert restore.verdict == "pass"


def test_a_source_that_was_not_clear_at_steady_state_detects_nothing() -> None:
    card = score(Story().change("steady.checked", sources={"uptime": False}).events)
    assert {"detect", "acknowledge", "triage", "notify"} <= failing(card)
    assert said(card, "noise: not seen clear at steady state")


def test_a_noise_alert_is_a_finding_and_costs_nothing() -> None:
    card = score(Story().add(4, "alert.fired", alert_id="a9", source="mailcheck", detail="").events)
    assert card.passed
    assert said(card, "mailcheck was noise")


def test_an_absorbed_fault_says_so_and_measures_nobody() -> None:
    card = score(Story().without("impact.began", "impact.ended").events)
    assert (card.result, card.absorbed, card.low, card.high) == ("passed", True, None, None)
    assert card.headline.startswith("Absorbed")
    assert {r.verdict for r in card.rows if r.id != "repair"} == {"not-applicable"}


def test_an_absorbed_drill_passes_only_with_restoration_proved() -> None:
    story = Story().without("impact.began", "impact.ended").without("restoration.checked")
    assert score(story.events).result == "unknown"


def test_expiry_before_the_target_is_unknown_and_after_it_failed() -> None:
    unsolved = ("fault.gone", "fault.sampled", "impact.ended", "source.checked", "alert.cleared", "incident.resolved")
    early = score(Story().without(*unsolved).undone(27.4, "expiry", "completed").events)
    assert unknown(early) == {"mitigate", "restore", "verification"}
    assert early.result == "unknown"
    assert said(early, "its time was up")
    late = score(Story().without(*unsolved).undone(90, "expiry", "completed").events)
    assert {"mitigate", "restore"} <= failing(late)


def test_the_end_of_the_drills_time_censors_like_expiry() -> None:
    unsolved = ("fault.gone", "fault.sampled", "impact.ended", "source.checked", "alert.cleared", "incident.resolved")
    card = score(Story().without(*unsolved).undone(27.4, "harness", "completed").events)
    assert unknown(card) == {"mitigate", "restore", "verification"}


def test_what_a_finished_response_left_undone_has_failed() -> None:
    unsolved = ("fault.gone", "fault.sampled", "impact.ended", "source.checked", "alert.cleared")
    card = score(Story().without(*unsolved).undone(27.4, "harness", "completed").events)
    assert failing(card) == {"mitigate", "restore", "verification"}


def test_the_harness_never_earns_points() -> None:
    unsolved = ("fault.gone", "fault.sampled", "impact.ended", "source.checked", "alert.cleared")
    story = Story().without(*unsolved).undone(27.4, "harness", "completed")
    story.add(28, "impact.ended", episode=1, at_s=27.5)
    card = score(story.events)
    assert {"mitigate", "restore"} <= failing(card)
    assert row(card, "impact").observed_ns == 25_000_000_000


def test_an_abort_leaves_open_spans_unknown() -> None:
    story = Story().until(9).add(9, "drill.aborting", reason="x").undone(9.5, "abort", "aborted")
    card = score(story.events)
    assert {"triage", "mitigate", "restore", "notify"} <= unknown(card)
    assert row(card, "acknowledge").verdict == "pass"
    assert card.result == "unknown"
    assert said(card, "cut short (abort)")


def test_an_aborted_drill_is_never_passed_even_when_all_was_done() -> None:
    story = Story().add(27.2, "drill.aborting", reason="x").change("drill.ended", outcome="aborted")
    assert score(story.events).result == "unknown"


def test_a_lost_harness_fails_only_what_was_late_already() -> None:
    tight = replace(PLAYBOOK, severities=(replace(SEV_1, triage=within(1)),))
    story = Story(playbook=tight).until(9).add(9, "harness.lost", holder="guard").undone(10, "guard", "interrupted")
    card = score(story.events)
    assert failing(card) == {"triage"}
    assert row(card, "restore").verdict == "unknown"


def test_a_voided_drill_has_no_score_but_its_restoration_is_judged() -> None:
    story = Story().until(20).add(20, "drill.voided", reason="real").undone(20.5, "abort", "voided")
    card = score(story.events)
    assert (card.result, card.voided, card.low, card.high, card.rows) == ("voided", True, None, None, ())
    assert check(card, "restoration-leases").verdict == "pass"
    assert not card.passed


def test_a_fault_that_was_routed_around_is_restored_not_repaired() -> None:
    story = Story().without("fault.gone").change("fault.sampled", active=True)
    card = score(story.change("fault.undoing", was_active=True).change("fault.undone", was_active=True).events)
    assert row(card, "restore").verdict == "pass"
    assert row(card, "repair").state == "censored"
    assert said(card, "routed around")


def test_impact_that_came_back_must_be_restored_too() -> None:
    again = Story().add(24.1, "impact.began", episode=2, at_s=24.1)
    card = score(again.events)
    assert [r.verdict for r in card.rows if r.id == "restore"] == ["pass", "fail"]
    assert card.low == 90.0
    assert said(card, "came back")
    assert score(again.add(26, "impact.ended", episode=2, at_s=25.5).events).passed


def test_early_messages_are_early_and_pass() -> None:
    card = score(Story().change("message.accepted", 5, at_s=5).events)
    assert row(card, "notify", "email").observed_ns == -1_000_000_000
    assert row(card, "notify", "email").verdict == "pass"
    assert "early" in row(card, "notify", "email").note


def test_a_player_who_reported_first_is_not_asked_to_acknowledge() -> None:
    card = score(Story().add(4, "detection.reported", player="ada", text="hangs").events)
    assert row(card, "acknowledge").verdict == "not-applicable"
    assert said(card, "ada saw it first")
    assert card.passed


def test_a_dirty_message_tells_nobody() -> None:
    card = score(Story().change("message.accepted", lint=["no-impact: say it"]).events)
    assert failing(card) == {"notify", "messages"}
    assert said(card, "no-impact")


@pytest.mark.parametrize(("seen", "verdict"), [(False, "fail"), (None, "unknown")])
def test_a_message_must_be_found_again(seen: bool | None, verdict: str) -> None:
    card = score(Story().change("message.seen", ok=seen).events)
    assert check(card, "messages").verdict == verdict
    assert card.passed


@pytest.mark.parametrize("proof", ["leases", "mitigations", "snapshot"])
@pytest.mark.parametrize(("ok", "result"), [(None, "unknown"), (False, "failed"), ("absent", "unknown")])
def test_restoration_that_is_not_proved_is_no_pass(proof: str, ok: object, result: str) -> None:
    story = Story()
    story.without("restoration.checked", where=lambda data: data["proof"] == proof)
    if ok != "absent":
        story.add(28.4, "restoration.checked", proof=proof, ok=ok, detail="?", differences=["api.image: a -> b"])
    card = score(story.events)
    assert card.result == result
    assert check(card, f"restoration-{proof}").verdict == {"failed": "fail"}.get(result, result)
    assert (card.low, card.high) == (100.0, 100.0)


def test_a_fault_that_is_not_proved_undone_fails_whatever_the_proof_says() -> None:
    story = Story().add(28.5, "fault.undo-failed", lease_id="L1", fault_id="freeze", detail="stuck", manual=["do it"])
    card = score(story.events)
    assert check(card, "restoration-leases").verdict == "fail"
    assert said(card, "Steps by hand: do it")


def test_a_fault_that_was_not_there_proves_nothing() -> None:
    story = Story().without("fault.active").add(2.2, "fault.inactive", lease_id="L1", fault_id="freeze", detail="no")
    card = score(story.events)
    assert failing(card) == {"injection"}
    assert card.result == "failed"


def test_a_completed_drill_whose_second_fault_was_never_injected_proves_nothing() -> None:
    second = FaultSpec(id="kill", kind="container.kill", target="api", max_duration=Seconds(60))
    card = score(Story(scenario=replace(SCENARIO, faults=(*SCENARIO.faults, second))).events)
    assert check(card, "injection").verdict == "fail"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"missing": ["t1"]}, "fail"),
        ({"doubled": ["t1"]}, "fail"),
        ({"missing": 2}, "fail"),
        ({"answered": False}, "unknown"),
        ({"acknowledged": 0}, "unknown"),
    ],
)
def test_lost_writes_fail_and_unseen_ones_are_unknown(change: dict[str, object], verdict: str) -> None:
    assert check(score(Story().change("canary.summary", **change).events), "canaries").verdict == verdict
    assert check(score(Story().without("canary.summary").events), "canaries").verdict == "unknown"


def test_the_gravest_severity_needs_a_commander_others_do_not() -> None:
    assert failing(score(Story().without("role.taken").events)) == {"commander", "scribe"}
    story = Story(scenario=with_expected("SEV-2")).change("incident.declared", severity="SEV-2").without("role.taken")
    assert check(score(story.events), "commander").verdict == "not-applicable"


def test_a_claim_that_differs_from_what_was_seen_is_a_finding() -> None:
    near = Story().change("impact.confirmed", claimed_s=0.0, started="10:00")
    assert not said(score(near.events), "claimed")
    far = score(Story().change("incident.resolved", claimed_s=5.0, ended="10:00:05").events)
    assert said(far, "claimed end of impact is 15.5 s before")
    assert row(far, "restore").verdict == "pass"
    assert row(far, "restore").claimed_ns == 2_500_000_000


def test_a_span_without_a_target_is_neither_passed_nor_failed() -> None:
    card = score(Story(playbook=replace(PLAYBOOK, severities=(replace(SEV_1, detect=None),))).events)
    assert row(card, "detect").verdict == "no-target"
    assert card.passed
    undetected = score(
        Story(playbook=replace(PLAYBOOK, severities=(replace(SEV_1, detect=None),))).without("alert.fired").events
    )
    assert row(undetected, "detect").verdict == "fail"


def test_smoke_keeps_the_real_target_beside() -> None:
    real = replace(PLAYBOOK, severities=(replace(SEV_1, restore=within(14400)),))
    card = score(Story(smoke=True, mode="scripted", real_playbook=real).events)
    assert card.labels == ("SMOKE", "SCRIPTED")
    assert (row(card, "restore").target, row(card, "restore").real_target) == ("1 min", "4 h")


def test_a_running_drill_has_no_result_yet_but_shows_what_is_late() -> None:
    story = Story().until(9).add(40, "note.added", player="ada", type="fact", text="still down")
    card = score(story.events)
    assert card.result == "running"
    assert row(card, "triage").verdict == "fail"
    assert row(card, "restore").verdict == "unknown"


def test_what_the_harness_met_with_is_told() -> None:
    story = Story().add(5, "verb.refused", player="ada", verb="act", detail="no such mitigation")
    story.add(6, "script.stuck", step=3, waiting_for="alert-clear").add(7, "clock.stepped", seconds=3600)
    card = score(story.add(8, "probe.overrun", probe="write", missed=4).add(9, "page.failed", detail="550").events)
    for words in ("`act` was refused", "step 3 for alert-clear", "jumped by 3600", "missed 4 samples", "550"):
        assert said(card, words)
    assert all(finding.events for finding in card.findings)


@pytest.mark.parametrize("break_it", ["scenario", "config"])
def test_an_event_0_that_cannot_be_read_is_named(break_it: str) -> None:
    events = Story().events
    events[0] = replace(events[0], data={key: value for key, value in events[0].data.items() if key != break_it})
    with pytest.raises(JournalError, match="event 0"):
        score(events)
    with pytest.raises(JournalError, match="event 0"):
        score([])


@pytest.mark.parametrize("length", range(1, len(CLEAN) + 2))
def test_every_prefix_of_a_journal_can_be_scored(length: int) -> None:
    card = score(Story().events[:length])
    assert (card.result == "running") == (length <= len(CLEAN))


@given(st.sets(st.integers(1, len(CLEAN))))
def test_a_journal_with_holes_scores_within_bounds(dropped: set[int]) -> None:
    card = score([event for event in Story().events if event.seq not in dropped])
    assert (card.low is None) == (card.high is None)
    if card.low is not None and card.high is not None:
        assert 0 <= card.low <= card.high <= 100
    assert not card.passed or not {item.id for item in (*card.rows, *card.checks) if item.required} & unknown(card)


@given(ITEMS)
def test_the_pair_is_ordered_and_within_bounds(items: list[tuple[str, Verdict]]) -> None:
    low, high = pair(items)
    assert (low is None) == (high is None)
    if low is not None and high is not None:
        assert 0 <= low <= high <= 100


@given(ITEMS.filter(bool), st.data())
def test_turning_a_verdict_into_unknown_never_narrows(items: list[tuple[str, Verdict]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(items) - 1))
    low, high = pair(items)
    blurred_low, blurred_high = pair(
        [(key, "unknown" if i == at else verdict) for i, (key, verdict) in enumerate(items)]
    )
    if low is not None and high is not None:
        assert blurred_low is not None
        assert blurred_high is not None
        assert blurred_low <= low
        assert blurred_high >= high


@given(st.floats(6, 26), st.floats(6, 26))
def test_acknowledging_later_never_scores_more(a: float, b: float) -> None:
    early, late = (score(Story().change("incident.acknowledged", t).events) for t in sorted((a, b)))
    assert early.low is not None
    assert late.low is not None
    assert early.low >= late.low


def test_the_rule_set_is_named() -> None:
    assert score(Story(rule_set="older").events).recorded_rule_set == "older"
    assert score(Story().events).rule_set == scorecards.RULE_SET
