"""The follower of the intake: what becomes an alert, when it counts, and what an outage does to it."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alert_world import SOURCES, Intake, OtherClock, alert, following, notification, source
from observers import boot_ns, until

from drill.detectors.notification import utc_ns
from drill.journal.chain import to_line
from drill.model.events import KINDS, Event


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    service = Intake(tmp_path)
    service.start()
    yield service
    service.kill()


@pytest.fixture
def other_clock() -> Iterator[OtherClock]:
    service = OtherClock()
    yield service
    service.close()


def utc_text(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat().replace("+00:00", "Z")


def fire_and_wait(intake: Intake, recorded: Any, name: str = "PaymentWebhooks") -> None:
    """A last alert, after which everything before it has been looked at."""
    count = len(recorded.of("alert.fired"))
    intake.post(notification(alert(name, fingerprint=f"marker-{count}")))
    recorded.wait_for("alert.fired", count + 1)


def test_a_firing_alert_becomes_an_event_with_the_parts_of_its_delay(intake: Intake) -> None:
    with following(intake.port) as recorded:
        before = boot_ns()
        started = utc_text(time.time_ns() - 1_500_000_000)
        intake.post(notification(alert(startsAt=started)))
        after = boot_ns()
        (fired,) = recorded.wait_for("alert.fired")
        assert until(lambda: intake.waiting() == 0)
    assert (fired["alert_id"], fired["source"]) == ("database-1", "database")
    assert fired["detail"] == "No api replica reaches the database."
    assert (fired["interval_ns"], fired["threshold_ns"]) == (1_000_000_000, 2_000_000_000)
    assert 1_500_000_000 <= fired["delivery_ns"] <= 1_500_000_000 + after - before
    assert before - fired["uncertainty_ns"] <= fired["at_ns"] <= after + fired["uncertainty_ns"]
    assert 0 < fired["uncertainty_ns"] < 50_000_000
    assert fired["clock"] == f"intake, offset measured ±{fired['uncertainty_ns'] / 1e6:.1f} ms"


def test_times_are_relative_to_event_0(intake: Intake) -> None:
    origin = boot_ns()
    with following(intake.port, relative=lambda at_ns: at_ns - origin) as recorded:
        intake.post(notification(alert()))
        (fired,) = recorded.wait_for("alert.fired")
    assert 0 <= fired["at_ns"] + fired["uncertainty_ns"] < 10 * 10**9


def test_a_repeated_notification_says_nothing_new_and_a_resolved_one_clears_the_alert_once(intake: Intake) -> None:
    with following(intake.port) as recorded:
        for _ in range(3):
            intake.post(notification(alert()))
        for _ in range(2):
            intake.post(notification(alert(status="resolved")))
        intake.post(notification(alert()))
        recorded.wait_for("alert.fired", 2)
    told = [(kind, data["alert_id"]) for kind, _, data in recorded.events]
    assert told == [("alert.fired", "database-1"), ("alert.cleared", "database-1"), ("alert.fired", "database-2")]
    cleared = recorded.of("alert.cleared")[0]
    assert recorded.of("alert.fired")[0]["at_ns"] < cleared["at_ns"] < recorded.of("alert.fired")[1]["at_ns"]
    assert cleared["source"] == "database"
    assert set(cleared) == {"alert_id", "source", "at_ns", "uncertainty_ns", "clock"}


def test_a_resolved_notification_without_a_firing_one_says_nothing(intake: Intake) -> None:
    with following(intake.port) as recorded:
        intake.post(notification(alert(status="resolved")))
        fire_and_wait(intake, recorded)
    assert [kind for kind, *_ in recorded.events] == ["alert.fired"]


def test_each_alert_of_a_group_is_its_own(intake: Intake) -> None:
    with following(intake.port) as recorded:
        intake.post(notification(alert(fingerprint="a"), alert(fingerprint="b"), alert("PaymentWebhooks")))
        intake.post(notification(alert(fingerprint="a", status="resolved"), alert(fingerprint="b")))
        recorded.wait_for("alert.cleared")
    fired = [(data["alert_id"], data["source"]) for data in recorded.of("alert.fired")]
    assert fired == [("database-1", "database"), ("database-2", "database"), ("payment-webhooks-1", "payment-webhooks")]
    assert [data["alert_id"] for data in recorded.of("alert.cleared")] == ["database-1"]


def test_without_a_fingerprint_the_labels_tell_alerts_apart(intake: Intake) -> None:
    with following(intake.port) as recorded:
        one, two = ({"alertname": "DatabaseDown", "profile": "smoke", "member": name} for name in "ab")
        intake.post(notification(alert(fingerprint="", labels=one), alert(fingerprint="", labels=two)))
        intake.post(notification(alert(fingerprint="", labels=two, status="resolved")))
        recorded.wait_for("alert.cleared")
    assert [data["alert_id"] for data in recorded.of("alert.fired")] == ["database-1", "database-2"]
    assert recorded.of("alert.cleared")[0]["alert_id"] == "database-2"


def test_a_foreign_alert_is_named_once_with_the_reason(intake: Intake) -> None:
    bare = {"alertname": "DatabaseDown"}
    with following(intake.port) as recorded:
        for _ in range(2):
            intake.post(notification(alert("DiskFull"), alert(labels=bare), alert("DiskFull", status="resolved")))
        intake.post({"hello": "world"}, hook="errors")
        fire_and_wait(intake, recorded)
    ignored = recorded.of("alert.ignored")
    assert [(data["alert"], data["reason"]) for data in ignored] == [
        ("DiskFull", "no detection source of the playbook has this alert"),
        ("DatabaseDown", "it lacks a label of source database"),
        ("", "not a notification of Alertmanager (version 4)"),
    ]
    assert ignored[1]["labels"] == bare
    assert ignored[2]["labels"] == {"hook": "errors"}
    assert len(recorded.of("alert.fired")) == 1


def test_the_same_alert_under_another_profile_is_passed_over_in_silence(intake: Intake) -> None:
    real = {"alertname": "DatabaseDown", "profile": "real", "source": "database"}
    with following(intake.port) as recorded:
        intake.post(notification(alert(labels=real)))
        intake.post(notification(alert(labels=real, status="resolved")))
        fire_and_wait(intake, recorded)
    assert [(kind, data["source"]) for kind, _, data in recorded.events] == [("alert.fired", "payment-webhooks")]


def test_a_stranger_who_sends_ever_new_alerts_does_not_fill_the_journal(intake: Intake) -> None:
    with following(intake.port) as recorded:
        intake.post(notification(*(alert(f"Unknown{number}") for number in range(500))))
        fire_and_wait(intake, recorded)
    assert len(recorded.of("alert.ignored")) == 200
    assert "further ones are not listed" in recorded.of("alert.ignored")[-1]["reason"]


def test_a_source_of_another_type_takes_no_alert(intake: Intake) -> None:
    uptime = source("uptime", "DatabaseDown", type_="http")
    with following(intake.port, sources=(uptime, SOURCES[1])) as recorded:
        intake.post(notification(alert()))
        fire_and_wait(intake, recorded)
    assert [data["source"] for data in recorded.of("alert.fired")] == ["payment-webhooks"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"version": "3", "alerts": [alert()]},
        {"version": "4", "alerts": None},
        {"version": "4", "alerts": [None, 1, [], {}, {"status": "firing"}, {"status": []}]},
        notification(alert(labels=None), alert(labels=[1]), alert(annotations=3)),
        notification(alert(labels={"alertname": ["DatabaseDown"], "profile": {"a": 1}})),
        notification(alert(labels={f"l{number}": "x" * 10_000 for number in range(90)})),
        notification(alert("\x00\x1b[31m\n<script>")),
    ],
)
def test_hostile_bodies_break_nothing_and_stay_small(intake: Intake, body: dict[str, Any]) -> None:
    with following(intake.port) as recorded:
        intake.post(body)
        fire_and_wait(intake, recorded)
        assert until(lambda: intake.waiting() == 0)
    for kind, origin, data in recorded.events:
        assert kind in KINDS
        line = to_line(Event(seq=1, t=0, utc="", kind=kind, source=origin, data=data))
        assert len(line) < 20_000


@pytest.mark.parametrize("annotations", [None, {}, {"summary": ""}, [], "text"])
def test_an_alert_without_annotations_says_so(intake: Intake, annotations: Any) -> None:
    with following(intake.port) as recorded:
        intake.post(notification(alert(annotations=annotations)))
        assert recorded.wait_for("alert.fired")[0]["detail"] == "no annotations"


@pytest.mark.parametrize("started", [None, 3, "", "yesterday", "2026-11-21T08:07:01", "0001-01-01T00:00:00Z", "ahead"])
def test_a_delivery_that_is_not_known_is_null_and_never_zero(intake: Intake, started: Any) -> None:
    if started == "ahead":
        started = utc_text(time.time_ns() + 60 * 10**9)
    with following(intake.port) as recorded:
        intake.post(notification(alert(startsAt=started)))
        assert recorded.wait_for("alert.fired")[0]["delivery_ns"] is None


def test_times_are_read_to_the_microsecond_in_every_zone() -> None:
    assert utc_ns("1970-01-01T00:00:01.123456789Z") == 1_123_456_000
    assert utc_ns("1970-01-01T01:00:01+01:00") == 1_000_000_000


def test_what_arrived_before_the_watch_began_is_skipped_and_acknowledged(intake: Intake) -> None:
    for _ in range(6):
        intake.post({**notification(alert()), "padding": "x" * 900_000})  # more than fits one answer
    with following(intake.port) as recorded:
        fire_and_wait(intake, recorded)
        assert until(lambda: intake.waiting() == 0)
    assert [kind for kind, *_ in recorded.events] == ["alert.fired"]


@pytest.mark.parametrize("minutes", [-7, 0, 90])
def test_a_clock_that_is_minutes_off_is_taken_into_account(other_clock: OtherClock, minutes: int) -> None:
    other_clock.shift_ns = minutes * 60 * 10**9
    with following(other_clock.port) as recorded:
        before = boot_ns()
        other_clock.post(notification(alert()))
        after = boot_ns()
        (fired,) = recorded.wait_for("alert.fired")
    assert fired["uncertainty_ns"] < 50_000_000
    assert before - fired["uncertainty_ns"] <= fired["at_ns"] <= after + fired["uncertainty_ns"]


@pytest.mark.parametrize("step_s", [-30, 30])
def test_a_clock_that_steps_makes_the_time_uncertain_not_wrong(other_clock: OtherClock, step_s: int) -> None:
    with following(other_clock.port) as recorded:
        other_clock.post(notification(alert()))
        recorded.wait_for("alert.fired")
        other_clock.steps_ns = step_s * 10**9
        before = boot_ns()
        other_clock.post(notification(alert("PaymentWebhooks")))
        after = boot_ns()
        fired = recorded.wait_for("alert.fired", 2)[1]
        seen = boot_ns()
    assert fired["at_ns"] <= seen
    assert fired["uncertainty_ns"] >= 29 * 10**9
    assert before - fired["uncertainty_ns"] <= fired["at_ns"] <= after + fired["uncertainty_ns"]


def test_nothing_arrives_after_it_was_read(other_clock: OtherClock) -> None:
    with following(other_clock.port) as recorded:
        other_clock.stamp_ns = time.time_ns() + 3600 * 10**9
        other_clock.post(notification(alert()))
        (fired,) = recorded.wait_for("alert.fired")
        assert fired["at_ns"] <= boot_ns()
    assert fired["uncertainty_ns"] >= 3500 * 10**9


def test_a_restart_of_the_intake_loses_and_doubles_nothing(intake: Intake) -> None:
    with following(intake.port) as recorded:
        intake.post(notification(alert()))
        recorded.wait_for("alert.fired")
        intake.kill()
        intake.start()
        intake.post(notification(alert()))
        intake.post(notification(alert(status="resolved")))
        recorded.wait_for("alert.cleared")
        assert until(lambda: intake.waiting() == 0)
    assert [kind for kind, *_ in recorded.events if kind.startswith("alert")] == ["alert.fired", "alert.cleared"]


def test_an_intake_that_lost_its_data_is_followed_from_its_new_beginning(intake: Intake) -> None:
    with following(intake.port) as recorded:
        for _ in range(3):
            intake.post(notification(alert()))
        assert until(lambda: intake.waiting() == 0)
        intake.kill()
        (intake.folder / "events.jsonl").unlink()
        intake.start()
        intake.post(notification(alert(status="resolved")))
        recorded.wait_for("alert.cleared")


@pytest.mark.parametrize("how", ["killed", "frozen"])
def test_an_outage_of_more_than_three_seconds_is_told_once_and_so_is_its_end(intake: Intake, how: str) -> None:
    with following(intake.port) as recorded:
        fire_and_wait(intake, recorded)
        began = boot_ns()
        intake.kill() if how == "killed" else intake.signal(signal.SIGSTOP)
        recorded.wait_for("intake.lost")
        noticed = boot_ns()
        intake.start() if how == "killed" else intake.signal(signal.SIGCONT)
        intake.post(notification(alert()))
        recorded.wait_for("intake.back")
        ended = boot_ns()
        recorded.wait_for("alert.fired", 2)
    assert len(recorded.of("intake.lost")) == len(recorded.of("intake.back")) == 1
    assert "intake: " in recorded.of("intake.lost")[0]["detail"]
    assert "\n" not in recorded.of("intake.lost")[0]["detail"]
    assert 1.5e9 < noticed - began < 6e9  # its last answer may be up to one wait old when it goes
    assert 3e9 < recorded.of("intake.back")[0]["lost_ns"] < ended - began + 1.5e9


def test_an_alert_that_arrived_while_we_could_not_read_counts_from_its_arrival(intake: Intake, tmp_path: Path) -> None:
    with following(intake.port) as recorded:
        fire_and_wait(intake, recorded)
        before = boot_ns()
        intake.post(notification(alert()))
        after = boot_ns()
        intake.signal(signal.SIGSTOP)
        recorded.wait_for("intake.lost")
        intake.signal(signal.SIGCONT)
        fired = recorded.wait_for("alert.fired", 2)[1]
    assert before - fired["uncertainty_ns"] <= fired["at_ns"] <= after + fired["uncertainty_ns"]


def test_a_wrong_token_is_an_outage_that_names_itself(intake: Intake) -> None:
    with following(intake.port, token="wrong") as recorded:
        (lost,) = recorded.wait_for("intake.lost")
    assert lost["detail"] == "intake: GET /events answered HTTP 401"
