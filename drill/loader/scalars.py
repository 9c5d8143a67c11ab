"""Single values, strictly: a number is no text, ``yes`` is no boolean, a duration has a unit."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from drill.loader.finding import show
from drill.loader.nodes import Scalar
from drill.model.scenario import ParamValue
from drill.model.units import Seconds, TimeTarget, parse_seconds, parse_target

_INT = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,15})?([eE][-+]?[0-9]{1,2})?")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LONGEST = 40  # letters of a duration
MAX_SECONDS = 366 * 86400.0
MAX_BUSINESS_DAYS = 366


def text(node: Scalar) -> str:
    """Text. A date written without quotes is the text that stands there; every other type needs quotes."""
    if node.type not in ("str", "timestamp"):
        what = "nothing" if node.type == "null" else f"{show(node.text)}, which YAML reads as {node.type}"
        raise ValueError(f"must be text, found {what}; put it in quotes")
    if found := _UNPRINTABLE.search(node.text):
        raise ValueError(f"contains the control character {found[0]!a}; remove it")
    return node.text


def boolean(node: Scalar) -> bool:
    """``true`` or ``false``; YAML 1.1's yes, no, on and off are refused, because YAML 1.2 reads them as text."""
    if node.type == "bool" and node.text.lower() in ("true", "false"):
        return node.text.lower() == "true"
    raise ValueError(f"must be true or false, found {show(node.text)}; write true or false without quotes")


def integer(node: Scalar) -> int:
    """A decimal whole number."""
    if node.type == "int" and _INT.fullmatch(node.text):
        return int(node.text)
    raise ValueError(f"must be a whole number, found {show(node.text)}; write for example 3, without quotes")


def number(node: Scalar) -> float:
    """A decimal number."""
    # "1e3" is text to YAML 1.1 and a number to 1.2: refused here by its type, so nobody has to know.
    if node.type in ("int", "float") and _FLOAT.fullmatch(node.text):
        return float(node.text)
    raise ValueError(f"must be a number, found {show(node.text)}; write for example 1.5, without quotes")


def seconds(node: Scalar) -> Seconds:
    """A duration with its unit; 0 needs none."""
    if node.type == "int" and node.text == "0":
        return Seconds(0)
    if node.type != "str" or len(node.text) > _LONGEST:
        raise ValueError(f"must be a duration, found {show(node.text)}; write it with a unit, for example 30s, 15m, 4h")
    value = parse_seconds(node.text)
    if value > MAX_SECONDS:
        raise ValueError(f"{show(node.text)} is longer than a year; check the unit")
    return value


def target(node: Scalar) -> TimeTarget:
    """A time target above zero: a duration, or business days."""
    if node.type != "str" or len(node.text) > _LONGEST:
        raise ValueError(f"must be a time, found {show(node.text)}; write for example 15m, 4h or 3 business days")
    value = parse_target(node.text)
    if value.seconds > MAX_SECONDS or value.business_days > MAX_BUSINESS_DAYS:
        raise ValueError(f"{show(node.text)} is longer than a year; check the unit")
    if not value.seconds and not value.business_days:
        raise ValueError("a target of zero cannot be met; write for example 15m")
    return value


def parameter(node: Scalar) -> ParamValue:
    """A fault's parameter: text, number or boolean, as it is written."""
    if node.type == "bool":
        return boolean(node)
    if node.type == "int":
        return integer(node)
    return number(node) if node.type == "float" else text(node)


CONVERT: dict[Any, tuple[str, Callable[[Scalar], Any]]] = {
    str: ("text", text),
    bool: ("true or false", boolean),
    int: ("a whole number", integer),
    float: ("a number", number),
    Seconds: ("a duration such as 30s", seconds),
    TimeTarget: ("a time such as 15m or 3 business days", target),
    ParamValue: ("text, a number, true or false", parameter),
}
"""Type hint to what it is called and how a scalar becomes it."""
