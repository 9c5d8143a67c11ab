"""Everything that is shipped loads, fits its schema, and its names lead somewhere."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from drill import shipped
from drill.errors import InvalidInput
from drill.loader import (
    check_references,
    load_config,
    load_playbook,
    load_scenario,
    playbook_file,
    problems,
    scenarios_folder,
    schema,
    with_smoke,
)
from drill.model.messages import fill, lint, mark
from drill.model.playbook import Playbook
from drill.model.units import Seconds, TimeTarget

CONFIG = """\
project: mine
stack:
  default: process
  process: true
  services:
    - {name: mail, ports: {http: 8025}, command: [mail]}
    - {name: statuspage, ports: {http: 8080}, command: [page]}
probes:
  - {name: page, service: statuspage, path: /, audience: user}
  - {name: ready, service: statuspage, path: /ready, audience: internal}
"""
SCENARIOS = sorted(shipped.scenarios_dir().glob("*.yaml"))
PLAYBOOKS = [shipped.playbook_path(name) for name in shipped.playbooks()]


def plain(path: Path) -> Any:
    """The file as an editor's YAML server would see it: dates stay text."""

    class Loader(yaml.SafeLoader):
        pass

    Loader.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)
    return yaml.load(path.read_text(), Loader)  # noqa: S506  (a subclass of the safe loader, on our own files)


def kinds() -> dict[str, tuple[str, ...]]:
    """Fault kinds and their parameters, as pyproject.toml registers them."""
    project = tomllib.loads((shipped.root() / "pyproject.toml").read_text())["project"]
    entries = project["entry-points"]["drill.injectors"]
    loaded = {name: EntryPoint(name, value, "drill.injectors").load() for name, value in entries.items()}
    return {name: tuple(cls().params) for name, cls in loaded.items()}


@pytest.fixture
def standard() -> Playbook:
    return load_playbook(shipped.playbook_path("standard"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_scenario_loads_fits_the_schema_and_its_names_exist(path: Path, standard: Playbook) -> None:
    assert problems(path) == []
    jsonschema.Draft202012Validator(schema("scenario")).validate(plain(path))
    config = load_config(shipped.reference_config())
    assert check_references(load_scenario(path), standard, config, kinds()) == []


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: path.stem)
def test_a_playbook_loads_fits_the_schema_and_has_an_overlay(path: Path) -> None:
    assert problems(path) == []
    jsonschema.Draft202012Validator(schema("playbook")).validate(plain(path))
    assert with_smoke(load_playbook(path)).sources != load_playbook(path).sources


def test_the_reference_config_loads_and_fits_the_schema() -> None:
    path = shipped.reference_config()
    assert problems(path) == []
    jsonschema.Draft202012Validator(schema("config")).validate(plain(path))


@pytest.mark.parametrize("name", shipped.playbooks())
def test_every_scenario_of_the_hat_can_be_played_with_every_shipped_playbook(name: str) -> None:
    config, playbook = load_config(shipped.reference_config()), load_playbook(shipped.playbook_path(name))
    for path in SCENARIOS:
        scenario = load_scenario(path)
        if scenario.hat:
            assert check_references(scenario, playbook, config, kinds()) == []
            assert check_references(scenario, with_smoke(playbook), config, kinds()) == []


def test_the_catalogue_holds_what_is_promised() -> None:
    assert {path.stem for path in SCENARIOS} >= {
        "api-frozen",
        "api-crashed",
        "api-stopped-by-deploy",
        "db-primary-down",
        "payment-webhook-500",
        "llm-rate-limited",
        "rehearsal",
    }
    assert not load_scenario(shipped.scenarios_dir() / "rehearsal.yaml").hat


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_a_script_tells_customers_before_it_mitigates_and_looks_again_before_it_resolves(path: Path) -> None:
    scenario = load_scenario(path)
    script = scenario.script
    severity = load_playbook(shipped.playbook_path("standard")).severity(scenario.expected.severity)
    owed = [rule for rule in severity.channels if rule.if_longer_than is None] if severity else []
    verbs = [step.do for step in script]
    if verbs:
        assert verbs[:3] == ["ack", "declare", "confirm-impact"]
        assert script[0].until == "page"
        assert verbs[: verbs.index("act")].count("notify") == len(owed) > 0
        assert verbs.index("act") < verbs.index("verify") < verbs.index("resolve") == len(verbs) - 1


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_message_of_a_script_is_complete_and_clean(path: Path, standard: Playbook) -> None:
    known = {"start": "10:05", "end": "10:25", "next_update": "10:35", "severity": "SEV-1", "incident": ""}
    for step in load_scenario(path).script:
        if step.do == "notify":
            template = standard.template(step.args["template"])
            assert template is not None
            subject, body = (fill(text, known | dict(step.args)) for text in (template.subject, template.body))
            assert lint(template.channel, template.status, *mark(subject, body)) == ()


def test_the_standard_policy_has_the_times_of_c1(standard: Playbook) -> None:
    rows = [(row.name, row.acknowledge, row.restore) for row in standard.severities]
    assert rows == [
        ("SEV-1", TimeTarget(seconds=900), TimeTarget(seconds=4 * 3600)),
        ("SEV-2", TimeTarget(seconds=3600), TimeTarget(business_days=1)),
        ("SEV-3", TimeTarget(seconds=4 * 3600), TimeTarget(business_days=3)),
        ("SEV-4", TimeTarget(business_days=1), TimeTarget(seconds=14 * 86400)),
    ]
    channels = {row.name: [(rule.channel, rule.within) for rule in row.channels] for row in standard.severities}
    hour = TimeTarget(seconds=3600)
    assert channels["SEV-1"] == [("status-page", hour), ("email", hour)]
    assert channels["SEV-2"] == [("status-page", TimeTarget(seconds=7200)), ("email", None)]
    assert standard.severities[1].channels[1].if_longer_than == Seconds(4 * 3600)
    assert (channels["SEV-3"], channels["SEV-4"]) == ([("banner", None)], [])


def test_detection_can_meet_its_target_at_worst(standard: Playbook) -> None:
    for playbook in (standard, with_smoke(standard)):
        source = playbook.sources[0]
        worst = source.interval * source.failures + source.deadline
        target = playbook.severities[0].detect
        assert target is not None
        assert worst <= target.seconds


def test_a_playbook_that_is_not_shipped_is_refused_with_a_suggestion() -> None:
    with pytest.raises(InvalidInput, match="did you mean standard"):
        shipped.playbook_path("standart")
    with pytest.raises(InvalidInput, match="shipped: "):
        shipped.playbook_path("../../etc/passwd")


def test_what_is_shipped_is_found_in_a_wheel_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert shipped.root() == Path(shipped.__file__).parent.parent
    (tmp_path / "_shipped").mkdir()
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path)
    assert shipped.scenarios_dir() == tmp_path / "_shipped" / "scenarios"
    assert shipped.reference_config() == tmp_path / "_shipped" / "staging" / "drill.yaml"


def test_a_config_leads_to_its_own_files_or_to_the_shipped_ones(tmp_path: Path) -> None:
    (tmp_path / "drill.yaml").write_text(CONFIG + "playbook: ours/policy.yaml\nscenarios: drills\n")
    own = load_config(tmp_path / "drill.yaml")
    assert playbook_file(own, tmp_path) == tmp_path / "ours" / "policy.yaml"
    assert scenarios_folder(own, tmp_path) == tmp_path / "drills"
    (tmp_path / "drill.yaml").write_text(CONFIG)
    plain_config = load_config(tmp_path / "drill.yaml")
    assert playbook_file(plain_config, tmp_path) == shipped.playbook_path("standard")
    assert scenarios_folder(plain_config, tmp_path) == shipped.scenarios_dir()
