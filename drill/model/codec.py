"""Frozen types to plain data and back, for event 0, leases and sockets. Strict: unknown or missing keys raise."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin

T = TypeVar("T")


def encode(value: Any) -> Any:
    """Plain data (dict, list, str, number, bool, None) for a frozen type of ours."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): encode(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [encode(item) for item in value]
    return value


@cache
def hints(cls: type) -> dict[str, Any]:
    """The resolved type hints of a dataclass, NewTypes replaced by what they wrap."""
    return typing.get_type_hints(cls)


def decode(cls: type[T], data: Any) -> T:
    """Build ``cls`` from plain data. Raises ValueError on an unknown key and TypeError on a missing one."""
    return typing.cast(T, _value(cls, data))


def _value(hint: Any, data: Any) -> Any:
    hint = getattr(hint, "__supertype__", hint)
    origin = get_origin(hint)
    if dataclasses.is_dataclass(hint):
        return _record(typing.cast(type, hint), data)
    if origin in (Union, types.UnionType):
        inner = [arg for arg in get_args(hint) if arg is not type(None)]
        return None if data is None else _value(inner[0], data) if len(inner) == 1 else data
    if origin is tuple:
        return tuple(_value(get_args(hint)[0], item) for item in data)
    if origin is not None and isinstance(origin, type) and issubclass(origin, Mapping):
        return {key: _value(get_args(hint)[1], item) for key, item in data.items()}
    if hint is float and isinstance(data, int):
        return float(data)
    return data


def _record(cls: type, data: Any) -> Any:
    known = hints(cls)
    if unknown := set(data) - set(known):
        raise ValueError(f"{cls.__name__} has no field {sorted(unknown)[0]!r}")
    return cls(**{key: _value(known[key], item) for key, item in data.items()})
