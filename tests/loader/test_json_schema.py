"""The JSON Schema: valid itself, closed, described, and at one with the loader."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import jsonschema
import pytest
import yaml
from loader_samples import SAMPLES

from drill.loader import schema
from drill.model.units import parse_seconds, parse_target

KINDS: tuple[Literal["scenario", "playbook", "config"], ...] = ("scenario", "playbook", "config")


def objects(node: Any) -> list[dict[str, Any]]:
    """Every object schema with properties in a schema."""
    if isinstance(node, list):
        return [each for child in node for each in objects(child)]
    if not isinstance(node, dict):
        return []
    here = [node] if "properties" in node else []
    return here + [each for child in node.values() for each in objects(child)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_valid_closed_and_described(kind: Literal["scenario", "playbook", "config"]) -> None:
    whole = schema(kind)
    jsonschema.Draft202012Validator.check_schema(whole)
    for each in objects(whole):
        assert each["additionalProperties"] is False
        assert each["description"]
    assert all("description" in field for field in whole["properties"].values())


@pytest.mark.parametrize("kind", KINDS)
def test_the_samples_fit_and_an_unknown_field_does_not(kind: Literal["scenario", "playbook", "config"]) -> None:
    validator = jsonschema.Draft202012Validator(schema(kind))
    content = yaml.safe_load(SAMPLES[kind])
    validator.validate(content)
    assert not validator.is_valid(content | {"surprise": 1})


@pytest.mark.parametrize("text", ["30s", "1h30m", "500ms", "2 weeks", "1 day", "1.5h"])
def test_what_the_schema_takes_for_a_duration_the_program_reads(text: str) -> None:
    validator = jsonschema.Draft202012Validator(schema("scenario")["$defs"]["FaultSpec"]["properties"]["max_duration"])
    assert validator.is_valid(text)
    assert parse_seconds(text) > 0


@pytest.mark.parametrize("text", ["30", "s", "3 business days", "1h 30m", "-5s", "", "٣s"])
def test_what_is_no_duration_is_none_for_schema_and_program(text: str) -> None:
    validator = jsonschema.Draft202012Validator(schema("scenario")["$defs"]["FaultSpec"]["properties"]["max_duration"])
    assert not validator.is_valid(text)
    with pytest.raises(ValueError, match="duration"):
        parse_seconds(text)


def test_a_target_may_be_business_time() -> None:
    validator = jsonschema.Draft202012Validator(schema("playbook")["$defs"]["Severity"]["properties"]["restore"])
    assert validator.is_valid("3 business days")
    assert parse_target("3 business days").business_days == 3
    assert not validator.is_valid(3)


def test_no_yaml_file_points_to_a_schema_that_is_not_there() -> None:
    for path in Path("scenarios").glob("*.yaml"):
        assert "$schema" not in path.read_text()
