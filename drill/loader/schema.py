"""JSON Schema (2020-12) of the YAML files, made from the same types and tables that the loader uses."""

from __future__ import annotations

import dataclasses
import inspect
from typing import Any, Literal, get_args, get_origin

from drill.loader.choices import CHOICES
from drill.model.codec import hints
from drill.model.config import Config
from drill.model.playbook import Playbook
from drill.model.scenario import ParamValue, Scenario
from drill.model.units import Seconds, TimeTarget

_ROOTS: dict[str, type] = {"scenario": Scenario, "playbook": Playbook, "config": Config}
_COMPACT = r"([0-9]+(\.[0-9]+)?(ms|s|m|h|d|w))+"
_WORDS = r"[0-9]+ +(day|week|hour|minute|second)s?"
_DURATION = {"type": "string", "pattern": f"^({_COMPACT}|{_WORDS})$"}
_TARGET = {"type": "string", "pattern": f"^({_COMPACT}|{_WORDS}|[0-9]+ +business days?)$"}

_SCALARS: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Seconds: {"anyOf": [_DURATION, {"const": 0}]},
    TimeTarget: _TARGET,
    ParamValue: {"type": ["string", "number", "boolean"]},
}


def schema(kind: Literal["scenario", "playbook", "config"]) -> dict[str, Any]:
    """The schema of one kind of file, as plain data ready for JSON."""
    definitions: dict[str, Any] = {}
    top = _record(_ROOTS[kind], definitions)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"drill {kind}",
        **top,
        "$defs": {name: definitions[name] for name in sorted(definitions)},
    }


def _record(cls: type, definitions: dict[str, Any]) -> dict[str, Any]:
    fields = dataclasses.fields(cls)
    return {
        "description": (inspect.getdoc(cls) or cls.__name__).splitlines()[0],
        "type": "object",
        "properties": {f.name: _field(cls, f, definitions) for f in fields},
        "required": [f.name for f in fields if _has_no_default(f)],
        "additionalProperties": False,
    }


def _field(cls: type, field: dataclasses.Field[Any], definitions: dict[str, Any]) -> dict[str, Any]:
    described = {"description": field.metadata["doc"]} if "doc" in field.metadata else {}
    shape = _shape(hints(cls)[field.name], definitions)
    if words := CHOICES.get((cls.__name__, field.name)):
        one: dict[str, Any] = {"type": "string", "enum": list(words)}
        shape = {"type": "array", "items": one} if shape["type"] == "array" else one
    if shape == _SCALARS[str] and _has_no_default(field):
        shape = {"type": "string", "minLength": 1}
    return described | shape


def _shape(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if hint in _SCALARS:
        return _SCALARS[hint]
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}
            definitions[hint.__name__] = _record(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if get_origin(hint) is tuple:
        return {"type": "array", "items": _shape(get_args(hint)[0], definitions)}
    if type(None) in get_args(hint):
        return {"anyOf": [_shape(get_args(hint)[0], definitions), {"type": "null"}]}
    return {"type": "object", "additionalProperties": _shape(get_args(hint)[1], definitions)}


def _has_no_default(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
