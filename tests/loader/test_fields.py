"""Wrong fields and values: the line, the YAML path, what is wrong and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from loader_samples import CONFIG, PLAYBOOK, SAMPLES, SCENARIO, write

from drill.errors import InvalidInput
from drill.loader import load_config, load_playbook, load_scenario, problems
from drill.model.units import Seconds, TimeTarget

# (file, text to replace, replacement, line, path, words)
Row = tuple[str, str, str, int, str, str]
ROWS: list[Row] = [
    ("scenario", "title: A sample", "titel: A sample", 2, "titel", "did you mean title?"),
    ("scenario", "title: A sample", "title: 3", 2, "title", "put it in quotes"),
    ("scenario", "title: A sample", "title: yes", 2, "title", "put it in quotes"),
    ("scenario", "title: A sample", "title:", 2, "title", "must be text, found nothing"),
    ("scenario", "title: A sample", "title: ''", 2, "title", "is empty"),
    ("scenario", "title: A sample", "title: [a]", 2, "title", "found a list"),
    ("scenario", "id: sample", "id: other", 1, "id", "differs from the file name"),
    ("scenario", "id: sample", "id: ../x", 1, "id", "is no name"),
    ("scenario", "    target: api\n", "", 5, "faults[0].target", "is missing"),
    ("scenario", "2m", "120", 8, "faults[0].max_duration", "with a unit"),
    ("scenario", "2m", "2 fortnights", 8, "faults[0].max_duration", "is no duration"),
    ("scenario", "2m", "-2m", 8, "faults[0].max_duration", "is no duration"),
    ("scenario", "2m", "2 business days", 8, "faults[0].max_duration", "severity only"),
    ("scenario", "2m", "0", 8, "faults[0].max_duration", "more than 0"),
    ("scenario", "2m", "5h", 8, "faults[0].max_duration", "longer than 4 h"),
    ("scenario", "2m", "9000w", 8, "faults[0].max_duration", "longer than a year"),
    ("scenario", "2m", "9" * 30 + "s", 8, "faults[0].max_duration", "longer than a year"),
    ("scenario", "2m", "9" * 400 + " weeks", 8, "faults[0].max_duration", "must be a duration"),
    ("playbook", "15m", "9" * 30 + " weeks", 5, "severities[0].acknowledge", "longer than a year"),
    ("playbook", "15m", "999 business days", 5, "severities[0].acknowledge", "longer than a year"),
    ("playbook", "15m", "9" * 5000 + " business days", 5, "severities[0].acknowledge", "must be a time"),
    ("scenario", "{grace: 1}", "{grace: [1]}", 9, "faults[0].params.grace", "found a list"),
    ("scenario", "{grace: 1}", "{grace: 0o17}", 9, "", ""),
    ("scenario", "{grace: 1}", "{grace: 017}", 9, "faults[0].params.grace", "whole number"),
    ("scenario", "{grace: 1}", "{grace: .nan}", 9, "faults[0].params.grace", "must be a number"),
    ("scenario", "{grace: 1}", "{grace: null}", 9, "faults[0].params.grace", "must be text"),
    ("scenario", "{grace: 1}", "[grace]", 9, "faults[0].params", "must be a mapping"),
    ("scenario", "{grace: 1}", "{}\n    start: 3m", 10, "faults[0].start", "not before the end"),
    ("scenario", "{grace: 1}", "{}\n    duration: 3m", 10, "faults[0].duration", "longer than max_duration"),
    ("scenario", "{grace: 1}", "{}\n    duration: 1m\n    ramp: 61s", 11, "faults[0].ramp", "longer than the fault"),
    ("scenario", "{grace: 1}", "{}\n    ramp: 3m", 10, "faults[0].ramp", "longer than the fault lasts"),
    ("scenario", "{grace: 1}", "{}\n    replicas: some", 10, "faults[0].replicas", "known: all, one"),
    ("scenario", "max_duration: 3m", "max_duration: 25h", 13, "max_duration", "longer than 24 h"),
    ("scenario", "[api]", "api", 14, "blast_radius", "must be a list"),
    ("scenario", "[api]", "[db]", 14, "blast_radius", "does not hold 'api'"),
    ("scenario", "[api]", "[api]\nhat: yes", 15, "hat", "true or false"),
    ("scenario", "[api]", "[api]\nstop: {bad_for: 0}", 15, "stop.bad_for", "more than 0"),
    ("scenario", "[api]", "[api]\nscript:\n  - {do: akk}", 16, "script[0].do", "did you mean ack?"),
    ("scenario", "[api]", "[api]\nscript: [{do: ack, until: pages}]", 15, "script[0].until", "did you mean page?"),
    ("scenario", "[api]", "[api]\nscript: [{do: act}]", 15, "script[0].args", "needs the argument 'mitigation'"),
    ("scenario", "[api]", "[api]\nscript: [{do: ack, args: {txt: a}}]", 15, "script[0].args.txt", "did you mean text?"),
    (
        "scenario",
        "[api]",
        "[api]\nscript: [{do: role, args: {role: king}}]",
        15,
        "script[0].args.role",
        "unknown role 'king'",
    ),
    ("playbook", "rank: 2", "rank: 3", 4, "severities", "1 (gravest) to 2"),
    ("playbook", "rank: 2", "rank: 2.0", 7, "severities[1].rank", "whole number"),
    ("playbook", "rank: 2", "rank: two", 7, "severities[1].rank", "whole number"),
    ("playbook", "name: SEV-2", "name: SEV-1", 7, "severities[1].name", "used twice"),
    ("playbook", "15m", "0s", 5, "severities[0].acknowledge", "zero"),
    ("playbook", "channel: email, within", "channel: pager, within", 6, "severities[0].channels[0].channel", "unknown"),
    ("playbook", "type: http", "type: ping", 9, "sources[0].type", "known: http"),
    ("playbook", "path: /api/health", "path: api", 9, "sources[0].path", "begin it with /"),
    ("playbook", "service: api, path", "failures: 0, service: api, path", 9, "sources[0].failures", "more than 0"),
    ("playbook", "type: restart", "type: flag", 11, "mitigations[0].flag", "type flag needs it"),
    ("playbook", "type: restart", "type: restart, flag: x", 11, "mitigations[0].flag", "no meaning"),
    ("playbook", "since {start}", "since {strat}", 13, "templates[0].body", "did you mean start?"),
    ("playbook", "since {start}", "{start.__class__}", 13, "templates[0].body", "unknown hole"),
    ("playbook", "since {start}", "{start!r}", 13, "templates[0].body", "unknown hole"),
    ("playbook", "since {start}", "since {start", 13, "templates[0].body", "braces do not match"),
    ("playbook", "since {start}", "since {}", 13, "templates[0].body", "unknown hole"),
    ("playbook", 'subject: "{what}", ', "", 13, "templates[0].subject", "an e-mail needs one"),
    ("playbook", '"{what}"', '"a\\nb"', 13, "templates[0].subject", "more than one line"),
    ("playbook", "me@example.test", "me", 14, "on_call.email", "no mail address"),
    ("playbook", '"2026-01-02"', '"2026-02-30"', 3, "sign_off.approved", "no date"),
    ("playbook", '"2026-04-02"', '"2025-04-02"', 3, "sign_off.next_review", "after the approval"),
    ("playbook", "smoke:", "calendar: {zone: Mars/Base}\nsmoke:", 15, "calendar.zone", "unknown time zone"),
    ("playbook", "smoke:", "calendar: {zone: ../../etc/passwd}\nsmoke:", 15, "calendar.zone", "unknown time zone"),
    ("playbook", "smoke:", "calendar: {zone: Europe}\nsmoke:", 15, "calendar.zone", "unknown time zone"),
    ("playbook", "smoke:", 'calendar: {opens: "25:00"}\nsmoke:', 15, "calendar.opens", "no time of day"),
    ("playbook", "smoke:", 'calendar: {opens: "18:00"}\nsmoke:', 15, "calendar.closes", "not after opens"),
    ("playbook", "smoke:", "calendar: {workdays: [mo]}\nsmoke:", 15, "calendar.workdays", "did you mean mon?"),
    ("playbook", "smoke:", 'calendar: {holidays: ["1.1.26"]}\nsmoke:', 15, "calendar.holidays[0]", "no date"),
    ("playbook", "    uptime: {", "    uptim: {", 17, "smoke.sources.uptim", "did you mean uptime?"),
    ("playbook", "interval: 1s", "interval: 31s", 17, "smoke.sources.uptime.interval", "only shorten"),
    ("playbook", "failures: 3", "failures: 4", 17, "smoke.sources.uptime.failures", "only shorten"),
    ("playbook", "restore: 60s", "restore: 5h", 19, "smoke.targets.SEV-1.restore", "only shorten"),
    ("playbook", "SEV-1: {restore: 60s", "SEV-9: {restore: 60s", 19, "smoke.targets.SEV-9", "unknown severity"),
    ("playbook", "{email: 30s}", "{email: 61m}", 19, "smoke.targets.SEV-1.channels.email", "only shorten"),
    ("playbook", "{email: 30s}", "{banner: 1s}", 19, "smoke.targets.SEV-1.channels.banner", "unknown channel"),
    ("config", "name: mail", "name: api", 5, "stack.services[1].name", "used twice"),
    ("config", "8025", "80250", 5, "stack.services[1].ports.http", "no port"),
    ("config", "health: /health", "health: ok", 4, "stack.services[0].health", "begin it with /"),
    ("config", "health: /health", "command: 'run me'", 4, "stack.services[0].command", "must be a list"),
    ("config", "health: /health", "command: ['{pyton}']", 4, "stack.services[0].command[0]", "did you mean python?"),
    ("config", "health: /health", "env: {A: '{port:htp}'}", 4, "stack.services[0].env.A", "mean port:http?"),
    ("config", "health: /health", "command: ['{\"a\": 1}', '{data}/{port:http}']", 4, "", ""),
    ("config", "project: sample}", "project: sample, prepare: ['{data}']}", 7, "stack.compose.prepare[0]", "unknown"),
    ("config", "project: sample}", "project: Sample!}", 7, "stack.compose.project", "no Compose project name"),
    ("config", "compose.yml", "../compose.yml", 7, "stack.compose.file", "leads out of the project"),
    ("config", "compose.yml", "/etc/passwd", 7, "stack.compose.file", "leads out of the project"),
    ("config", "  compose:", "  default: process\n  compose:", 7, "stack.default", "stack.process is false"),
    ("config", "  compose:", "  process: true\n  compose:", 7, "stack.process", "no service has a command"),
    ("config", "  compose: {file: compose.yml, project: sample}\n", "", 2, "stack.default", "no stack.compose"),
    ("config", "audience: user", "audience: internal", 8, "probes", "no probe has audience user"),
    ("config", "service: api, path: /,", "service: apy, path: /,", 9, "probes[0].service", "did you mean api?"),
    ("config", "audience: user", "audience: user, port: grpc", 9, "probes[0].port", "unknown port"),
    ("config", "audience: user", "audience: user, expect: 99", 9, "probes[0].expect", "no HTTP status"),
    ("config", "project: sample\nstack", "project: sample\nhat_avoid: -1\nstack", 2, "hat_avoid", "below 0"),
    ("config", "project: sample\nstack", "project: sample\nstate_dir: ../x\nstack", 2, "state_dir", "leads out"),
    ("config", "project: sample\nstack", "project: sample\naccept: [db]\nstack", 2, "accept[0]", "not service.field"),
    ("config", "project: sample\nstack", "project: sample\naccept: [db.x]\nstack", 2, "accept[0]", "unknown service"),
    ("config", "project: sample\nstack", "project: sample\nplaybook: ../p.yaml\nstack", 2, "playbook", "leads out"),
    (
        "config",
        "project: sample\nstack",
        "project: sample\nsinks: {mail_service: m}\nstack",
        2,
        "sinks.mail_service",
        "unknown service",
    ),
]


@pytest.mark.parametrize(("kind", "old", "new", "line", "path", "words"), ROWS)
def test_a_wrong_value_is_told_with_line_path_and_remedy(
    kind: str, old: str, new: str, line: int, path: str, words: str, tmp_path: Path
) -> None:
    assert old in SAMPLES[kind]
    file = write(tmp_path, SAMPLES[kind].replace(old, new, 1))
    found = problems(file, kind)
    if not words:  # a row that shows what is still accepted
        assert found == []
        return
    assert any(each.startswith(f"{file}:{line}: {path}: ") and words in each for each in found), found
    assert all(len(each.splitlines()) == 1 for each in found)


@pytest.mark.parametrize("kind", SAMPLES)
def test_the_samples_are_clean_and_their_kind_is_told_from_their_keys(kind: str, tmp_path: Path) -> None:
    assert problems(write(tmp_path, SAMPLES[kind])) == []


def test_every_problem_of_a_file_is_listed_and_the_error_counts_the_rest(tmp_path: Path) -> None:
    text = SCENARIO.replace("2m", "2").replace("title:", "titel:").replace("[api]", "api")
    file = write(tmp_path, text)
    found = problems(file)
    assert [each.split(": ")[1] for each in found] == ["titel", "title", "faults[0].max_duration", "blast_radius"]
    with pytest.raises(InvalidInput, match="and 3 more"):
        load_scenario(file)


def test_values_arrive_with_their_types(tmp_path: Path) -> None:
    scenario = load_scenario(write(tmp_path, SCENARIO.replace("{grace: 1}", "{a: 1, b: 1.5, c: true, d: 'x'}")))
    assert scenario.faults[0].params == {"a": 1, "b": 1.5, "c": True, "d": "x"}
    assert [type(value) for value in scenario.faults[0].params.values()] == [int, float, bool, str]
    assert scenario.max_duration == Seconds(180)
    assert scenario.blast_radius == ("api",)


def test_an_unquoted_date_stays_the_text_that_was_written(tmp_path: Path) -> None:
    playbook = load_playbook(write(tmp_path, PLAYBOOK.replace('"2026-01-02"', "2026-01-02")))
    assert playbook.sign_off.approved == "2026-01-02"
    assert playbook.severities[1].restore == TimeTarget(business_days=1)


def test_a_config_may_reach_as_far_as_its_root(tmp_path: Path) -> None:
    folder = tmp_path / "staging"
    folder.mkdir()
    file = write(folder, CONFIG.replace("compose.yml", "../compose.yml"), "drill.yaml")
    with pytest.raises(InvalidInput, match="leads out of the project"):
        load_config(file)
    assert load_config(file, root=tmp_path).project == "sample"


def test_a_link_does_not_hide_that_a_path_leads_out(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "state").symlink_to(tmp_path)
    file = write(folder, CONFIG + "state_dir: state/x\n", "drill.yaml")
    assert any("state_dir" in each for each in problems(file))
