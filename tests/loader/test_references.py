"""Names that lead from a scenario and a playbook to the stack and the injectors."""

from __future__ import annotations

from pathlib import Path

import pytest
from loader_samples import CONFIG, PLAYBOOK, SCENARIO, write

from drill.loader import check_references, load_config, load_playbook, load_scenario, reference_problems
from drill.model.config import Config
from drill.model.playbook import Playbook

KINDS = {"noop": (), "container.stop": ("grace",)}

ROWS = [
    ("target: api", "target: apy", "faults[0].target: unknown service 'apy'; did you mean api?"),
    ("target: api", "target: role:primry", "faults[0].target: unknown role 'role:primry'; did you mean role:primary?"),
    ("target: api", "target: role:primary", "faults[0].target: is a role, but no service of drill.yaml has"),
    ("kind: container.stop", "kind: container.stpo", "faults[0].kind: unknown fault kind 'container.stpo'"),
    ("{grace: 1}", "{grave: 1}", "faults[0].params.grave: container.stop has no such parameter; did you mean grace?"),
    ("kind: container.stop", "kind: noop", "faults[0].params.grace: noop has no such parameter; none is defined"),
    ("[api]", "[api, apy]", "blast_radius[1]: unknown service 'apy'"),
    ("[api]", "[api]\nprobes: [pagee]", "probes[0]: unknown probe 'pagee'"),
    ("[api]", "[api]\nstop: {probes: [page]}", "stop.probes[0]: 'page' looks at the blast radius"),
    ("[api]", "[api]\nstop: {probes: [nope]}", "stop.probes[0]: unknown probe"),
    ("SEV-1", "SEV-7", "expected.severity: unknown severity 'SEV-7'"),
    ("[uptime]", "[uptim]", "expected.detection[0]: unknown detection source 'uptim'; did you mean uptime?"),
    ("[uptime]", "[]\n  mitigations: [reboot]", "expected.mitigations[0]: unknown mitigation 'reboot'"),
    ("[api]", "[api]\nscript: [{do: declare, args: {severity: S}}]", "script[0].args.severity: unknown severity 'S'"),
    ("[api]", "[api]\nscript: [{do: act, args: {mitigation: m}}]", "script[0].args.mitigation: unknown mitigation"),
    ("[api]", "[api]\nscript: [{do: verify, args: {source: s}}]", "script[0].args.source: unknown source 's'"),
    (
        "[api]",
        "[api]\nscript: [{do: notify, args: {channel: email, template: t}}]",
        "script[0].args.template: unknown template 't'",
    ),
    (
        "[api]",
        "[api]\nscript: [{do: notify, args: {channel: banner, template: mail}}]",
        "script[0].args.channel: 'mail' is for email; write that channel",
    ),
]


@pytest.fixture
def around(tmp_path: Path) -> tuple[Playbook, Config]:
    folder = tmp_path / "around"
    folder.mkdir()
    playbook = load_playbook(write(folder, PLAYBOOK))
    return playbook, load_config(write(folder, CONFIG, "drill.yaml"))


@pytest.mark.parametrize(("old", "new", "message"), ROWS)
def test_a_name_that_leads_nowhere_is_told_with_its_path(
    old: str, new: str, message: str, tmp_path: Path, around: tuple[Playbook, Config]
) -> None:
    text = SCENARIO.replace(old, new, 1)
    text = text.replace("[api]", "[api, apy]") if "target: apy" in new else text
    file = write(tmp_path, text)
    found = check_references(load_scenario(file), *around, KINDS)
    assert any(each.startswith(message) for each in found), found
    placed = reference_problems(file, *around, KINDS)
    assert [each.split(": ", 1)[1] for each in placed] == found
    assert all(each.startswith(f"{file}:") for each in placed)


def test_names_that_all_exist_give_no_finding(tmp_path: Path, around: tuple[Playbook, Config]) -> None:
    file = write(tmp_path, SCENARIO)
    assert check_references(load_scenario(file), *around, KINDS) == []
    assert reference_problems(file, *around, KINDS) == []


def test_a_playbook_that_does_not_fit_the_stack_is_told(tmp_path: Path, around: tuple[Playbook, Config]) -> None:
    text = PLAYBOOK.replace("service: api, path", "port: grpc, service: api, path").replace(
        "type: restart, service: api", "type: flag, flag: f, service: api"
    )
    file = write(tmp_path, text)
    scenario = load_scenario(write(tmp_path / "around", SCENARIO))
    found = check_references(scenario, load_playbook(file), around[1], KINDS)
    assert found == [
        "playbook sample: sources[0].port: unknown port of api 'grpc'; known: http",
        "playbook sample: mitigations[0].service: 'api' has no flags path in drill.yaml; add it there",
    ]
    assert reference_problems(file, *around, KINDS)[0].startswith(f"{file}:9: sources[0].port")
