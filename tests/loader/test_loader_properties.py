"""Properties: what is valid survives YAML; whatever else is in a file, only InvalidInput comes out."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import jsonschema
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from loader_samples import SAMPLES, dump, plain

from drill.errors import InvalidInput
from drill.loader import load_config, load_playbook, load_scenario, problems, schema
from drill.model.scenario import Expected, FaultSpec, Scenario, ScriptStep, StopCondition
from drill.model.units import Seconds
from drill.model.verbs import NOTE_TYPES, ROLES, STATUSES, VERBS

LETTERS = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp"), include_characters="\n\t")
TEXT = st.text(LETTERS, min_size=1, max_size=40).filter(str.strip)
NAME = st.from_regex(r"[a-z][a-z0-9-]{0,12}", fullmatch=True)
# Milliseconds, so that no duration needs an exponent when it is written.
DURATION = st.integers(1, 4 * 3600 * 1000).map(lambda ms: Seconds(ms / 1000))
PARAM = TEXT | st.booleans() | st.integers(-(10**14), 10**14) | st.integers(-(10**6), 10**6).map(lambda n: n / 1000)
WORDS = {("role", "role"): ROLES, ("note", "type"): NOTE_TYPES, ("update", "status"): STATUSES}


@st.composite
def steps(draw: st.DrawFn) -> ScriptStep:
    verb = VERBS[draw(st.sampled_from(sorted(VERBS)))]
    optional = draw(st.lists(st.sampled_from(verb.optional), unique=True)) if verb.optional else []
    args = {
        name: draw(st.sampled_from(WORDS[verb.name, name]) if (verb.name, name) in WORDS else TEXT)
        for name in (*verb.required, *optional)
    }
    return ScriptStep(
        do=verb.name, until=draw(st.sampled_from(["", "page", "alert-clear"])), wait=draw(DURATION), args=args
    )


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    services = draw(st.lists(NAME, min_size=1, max_size=3, unique=True))
    whole = draw(DURATION)
    faults = tuple(
        FaultSpec(
            id=name,
            kind=draw(NAME),
            target=draw(st.sampled_from(services)),
            max_duration=draw(DURATION),
            start=draw(st.sampled_from([Seconds(0.0), Seconds(round(whole / 2, 4))])),
            params=draw(st.dictionaries(TEXT, PARAM, max_size=3)),
        )
        for name in draw(st.lists(NAME, min_size=1, max_size=3, unique=True))
    )
    return Scenario(
        id=draw(NAME),
        title=draw(TEXT),
        story=draw(TEXT),
        faults=faults,
        expected=Expected(
            severity=draw(TEXT), detection=tuple(draw(st.lists(TEXT))), mitigations=tuple(draw(st.lists(TEXT)))
        ),
        max_duration=whole,
        blast_radius=tuple(services),
        needs=tuple(draw(st.lists(NAME, max_size=2))),
        probes=tuple(draw(st.lists(NAME, max_size=2))),
        stop=StopCondition(probes=tuple(draw(st.lists(NAME, max_size=2))), bad_for=draw(DURATION)),
        hat=draw(st.booleans()),
        script=tuple(draw(st.lists(steps(), max_size=3))),
    )


SCENARIO_SCHEMA = jsonschema.Draft202012Validator(schema("scenario"))


@given(scenario=scenarios())
@settings(max_examples=100, deadline=None)
def test_a_valid_scenario_written_as_yaml_loads_as_itself_and_fits_the_schema(scenario: Scenario) -> None:
    SCENARIO_SCHEMA.validate(plain(Scenario, scenario))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{scenario.id}.yaml"
        path.write_text(dump(scenario), encoding="utf-8")
        assert problems(path, "scenario") == []
        assert load_scenario(path) == scenario


def try_all(content: bytes) -> None:
    """Every loader either returns or raises InvalidInput in one line."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.yaml"
        path.write_bytes(content)
        for found in problems(path):
            assert found.startswith(f"{path}:")
            assert len(found.splitlines()) == 1
        for load in (load_scenario, load_playbook, load_config):
            with contextlib.suppress(InvalidInput):
                load(path)


@given(st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_any_bytes_give_invalid_input_at_worst(content: bytes) -> None:
    try_all(content)


@given(st.text(st.sampled_from("ab: -[]{}&*!|>'\"%@`#,?\n\t0~<=.\\x1\u2028\x85é😀"), max_size=80))
@settings(max_examples=100, deadline=None)
def test_any_text_of_yaml_signs_gives_invalid_input_at_worst(content: str) -> None:
    try_all(content.encode())


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(kind=st.sampled_from(sorted(SAMPLES)), data=st.data())
@settings(max_examples=100, deadline=None)
def test_a_valid_file_with_any_one_value_replaced_gives_invalid_input_at_worst(kind: str, data: st.DataObject) -> None:
    content = yaml.safe_load(SAMPLES[kind])
    at = content
    while True:
        keys = list(range(len(at))) if isinstance(at, list) else sorted(at)
        key = data.draw(st.sampled_from(keys))
        if not isinstance(at[key], list | dict) or not at[key] or data.draw(st.booleans()):
            at[key] = data.draw(VALUE)
            break
        at = at[key]
    try_all(yaml.safe_dump(content, allow_unicode=True).encode("utf-8", "surrogatepass"))
