"""The players' verbs: what each records, and how each refuses."""

from __future__ import annotations

import pytest
from virtual_drills import kinds_of, only, rehearsal, scenario

from drill.errors import InvalidInput
from drill.model.verbs import ARGUMENTS, VERBS
from drill.testing.rehearse import Rehearsal


@pytest.fixture
def drill() -> Rehearsal:
    found = rehearsal(scenario("api-frozen"))
    found.recorder.emit("drill.started", "test")
    return found


def use(drill: Rehearsal, verb: str, **args: str) -> str:
    return drill.runtime.run(drill.drill.desk.use("ada", verb, args))


@pytest.mark.parametrize(
    ("verb", "args", "kind"),
    [
        ("ack", {}, "incident.acknowledged"),
        ("report", {"text": "slow"}, "detection.reported"),
        ("declare", {"severity": "SEV-1"}, "incident.declared"),
        ("confirm-impact", {"text": "all users", "started": "09:58"}, "impact.confirmed"),
        ("role", {"role": "scribe"}, "role.taken"),
        ("note", {"type": "fact", "text": "x"}, "note.added"),
        ("act", {"mitigation": "restart-api"}, "mitigation.finished"),
        ("verify", {"source": "uptime"}, "source.checked"),
        ("update", {"status": "monitoring", "text": "x", "next_update": "10:30"}, "update.posted"),
        ("notify", {"channel": "email", "template": "investigating-email", "what": "x"}, "message.accepted"),
        ("checkpoint", {"text": "x"}, "checkpoint.made"),
        ("resolve", {}, "incident.resolved"),
    ],
)
def test_every_verb_records_what_it_says(drill: Rehearsal, verb: str, args: dict[str, str], kind: str) -> None:
    assert use(drill, verb, **args)
    assert kinds_of(drill)[-1] == kind


def test_the_table_above_has_every_verb() -> None:
    marks = test_every_verb_records_what_it_says.pytestmark  # type: ignore[attr-defined]  # pytest puts it there
    assert {case[0] for case in marks[0].args[1]} == set(VERBS)


@pytest.mark.parametrize(
    ("verb", "args", "says"),
    [
        ("dance", {}, "no verb"),
        ("declare", {}, "needs severity"),
        ("declare", {"severity": "SEV-9"}, "there are SEV-1"),
        ("ack", {"volume": "11"}, "takes no 'volume'"),
        ("role", {"role": "king"}, "there are commander"),
        ("act", {"mitigation": "pray"}, "there are restart-api"),
        ("verify", {"source": "crystal ball"}, "there are uptime"),
        ("notify", {"channel": "banner", "template": "investigating-email"}, "written for email"),
        ("notify", {"channel": "email", "template": "x"}, "no template"),
        ("confirm-impact", {"text": "x", "started": "25:99"}, "write HH:MM"),
    ],
)
def test_a_refused_verb_says_what_there_is_and_is_recorded(
    drill: Rehearsal, verb: str, args: dict[str, str], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        use(drill, verb, **args)
    assert only(drill, "verb.refused").data["verb"] == verb


def test_a_second_declaration_changes_the_severity(drill: Rehearsal) -> None:
    use(drill, "declare", severity="SEV-3")
    use(drill, "declare", severity="SEV-1")
    assert only(drill, "incident.declared").data["severity"] == "SEV-3"
    assert only(drill, "severity.changed").data["severity"] == "SEV-1"


def test_only_the_gravest_severity_gets_an_incident_id(drill: Rehearsal) -> None:
    use(drill, "declare", severity="SEV-1")
    assert only(drill, "incident.declared").data["incident"] == "INC-20260107-01"


def test_a_claimed_time_is_the_latest_such_time_that_has_passed(drill: Rehearsal) -> None:
    use(drill, "confirm-impact", text="x", started="09:59")
    claimed = only(drill, "impact.confirmed").data["claimed_ns"]
    assert -61e9 < claimed < -59e9


def test_every_customer_message_is_marked_and_its_lint_is_recorded(drill: Rehearsal) -> None:
    use(drill, "notify", channel="status-page", template="investigating-status", body="We look into it.")
    assert "[EXERCISE]" in only(drill, "message.sent").data["body"]
    slugs = {finding.split(":")[0] for finding in only(drill, "message.accepted").data["lint"]}
    assert slugs >= {"no-start", "no-impact", "no-next-update"} or len(slugs) >= 3


def test_every_argument_is_explained_and_none_beside() -> None:
    assert {name for verb in VERBS.values() for name in (*verb.required, *verb.optional)} == set(ARGUMENTS)
