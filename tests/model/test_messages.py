from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drill.model.messages import EXERCISE_MARK, fill, lint, mark

GOOD = "[EXERCISE] Start: 14:05 UTC\nImpact: customers cannot pay\nNext update: 14:35 UTC"


def slugs(body: str, status: str = "investigating", channel: str = "status-page", subject: str = "") -> set[str]:
    return {finding.split(":")[0] for finding in lint(channel, status, subject, body)}


def test_a_labelled_message_is_clean() -> None:
    assert slugs(GOOD) == set()


@pytest.mark.parametrize(
    "body",
    [
        "[EXERCISE] Since 14:05 UTC customers may see errors. Next update by 14:35.",
        "[EXERCISE] At 9:05 payments began to fail. We will update you by 9:35.",
        "[EXERCISE] Start: 2026-11-21T14:05Z. Some users are affected. Next update at 14:35 UTC.",
    ],
)
def test_free_text_is_clean_when_it_says_start_impact_and_next_update(body: str) -> None:
    assert slugs(body) == set()


@pytest.mark.parametrize(
    ("body", "missing"),
    [
        (GOOD.replace("[EXERCISE] ", ""), "no-exercise-mark"),
        (GOOD.replace("14:05", "this morning"), "no-start-time"),
        (GOOD.replace("Impact: customers cannot pay", "We look into it"), "no-impact"),
        (GOOD.replace("customers cannot pay", ""), "no-impact"),
        (GOOD.replace("14:35", "soon"), "no-next-update"),
        (GOOD.replace("14:35", "25:71"), "no-next-update"),
        (GOOD + "\nWhat: {what}", "unfilled-hole"),
    ],
)
def test_each_missing_part_is_found_and_nothing_else(body: str, missing: str) -> None:
    assert slugs(body) == {missing}


def test_an_open_impact_hole_is_no_impact_statement() -> None:
    body = "[EXERCISE] Start: 14:05\nImpact: {impact}\nNext update: 14:35"
    assert slugs(body) == {"no-impact", "unfilled-hole"}


def test_the_time_of_the_next_update_is_no_start_time() -> None:
    assert slugs("[EXERCISE] Users are affected. Next update: 14:35") == {"no-start-time"}


def test_a_resolved_message_needs_an_end_time_and_no_next_update() -> None:
    body = "[EXERCISE] From 14:05 to 14:31 UTC users could not sign in."
    assert slugs(body, "resolved") == set()
    assert slugs(body.replace(" to 14:31", ""), "resolved") == {"no-end-time"}


def test_a_label_holds_for_the_time_nearest_after_it() -> None:
    body = "[EXERCISE] Resolved: what started at 14:05 was fixed at 14:31, users were affected"
    assert slugs(body, "resolved") == set()
    assert slugs("[EXERCISE] Due to a failure at 14:05 users are affected", "resolved") == {"no-end-time"}


def test_mail_needs_a_subject_and_the_mark_in_it() -> None:
    assert slugs(GOOD, channel="email") == {"no-subject"}
    assert slugs(GOOD, channel="email", subject="Problem") == {"no-exercise-mark"}
    assert slugs(GOOD, channel="email", subject="[EXERCISE] Problem") == set()


def test_a_status_that_the_update_format_does_not_know_is_found() -> None:
    assert slugs(GOOD, "panicking") == {"unknown-status"}


def test_fill_leaves_unknown_and_empty_holes_open() -> None:
    assert fill("{a} {b} {c} {x.y}", {"a": "1", "b": ""}) == "1 {b} {c} {x.y}"


@given(st.text(), st.text())
def test_marking_is_idempotent_and_always_marks_the_body(subject: str, body: str) -> None:
    marked = mark(subject, body)
    assert mark(*marked) == marked
    assert EXERCISE_MARK in marked[1]
    assert not subject or EXERCISE_MARK in marked[0]


@given(st.text(), st.text(), st.text())
def test_lint_never_raises(status: str, subject: str, body: str) -> None:
    assert isinstance(lint("email", status, subject, body), tuple)
