"""What Prometheus says of a detection source's rule: whether it is clear, and whether it is the playbook's."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from drill.errors import ActionFailed
from drill.model.playbook import DetectionSource
from drill.ports import Stack
from drill.stacks.http import ask, decoded

RULES = "/api/v1/rules?type=alert"
"""One answer tells that a rule is loaded, that it could be evaluated, and which of its alerts are pending or firing.
The plain list of alerts is as empty for a rule that is missing or broken as for one that is clear."""


@dataclass(frozen=True, slots=True)
class RuleFacts:
    """One alerting rule as loaded. ``interval_s``: between evaluations; ``hold_s``: its ``for``."""

    interval_s: float
    hold_s: float
    health: str
    """``ok``, ``err``, or ``unknown`` until it was evaluated."""
    error: str
    active: int
    """How many of its alerts that carry the source's labels are pending or firing."""


def rules(stack: Stack, source: DetectionSource) -> RuleFacts | None:
    """The source's rule, None when there is none. Blocking. Raises ActionFailed when Prometheus gives no rules."""
    where = f"{source.via}{RULES}"
    answer = decoded(ask(stack, source.via, "http", "GET", RULES), where)
    try:
        return find(answer, source)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ActionFailed(f"{where} answered, but not as Prometheus does; is {source.via} one?") from error


def disagreements(source: DetectionSource, facts: RuleFacts | None) -> list[str]:
    """Where a rule differs from what the playbook says of it: a line each, with both values."""
    if facts is None:
        return [f"source {source.name}: {source.via} has no rule {_named(source)}"]
    found = []
    if facts.interval_s != source.interval:
        found.append(f"evaluated every {facts.interval_s:g} s, the playbook says {source.interval:g} s (interval)")
    if facts.hold_s != source.hold:
        found.append(f"fires after {facts.hold_s:g} s, the playbook says {source.hold:g} s (hold)")
    if facts.health == "err":
        found.append(f"cannot be evaluated: {facts.error}")
    return [f"source {source.name}: {_named(source)} {line}" for line in found]


def verdict(content: bytes, source: DetectionSource) -> tuple[bool, str]:
    """Whether the source is clear, from what ``RULES`` answered, and a line on why. What is not known is not clear."""
    try:
        facts = find(json.loads(content), source)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        return False, f"{source.via} answered, but not as Prometheus does"
    if facts is None:
        return False, f"{source.via} has no rule {_named(source)}"
    if facts.health != "ok":
        return False, f"{_named(source)} " + (f"fails: {facts.error}" if facts.error else "was not evaluated yet")
    return not facts.active, f"{_named(source)}: {facts.active} pending or firing"


def find(answer: Any, source: DetectionSource) -> RuleFacts | None:
    """The rule of that name with the most of the source's labels, and none that contradicts one.

    A label may also come from the rule's expression: then the rule itself does not carry it. Raises KeyError,
    TypeError, ValueError or AttributeError for what is not Prometheus' answer.
    """
    if answer["status"] != "success":
        raise ValueError("no success")
    found = list(_candidates(answer["data"]["groups"], source))
    if not found:
        return None
    group, rule = max(found, key=lambda pair: sum(key in pair[1]["labels"] for key in source.match))
    return RuleFacts(
        interval_s=float(group["interval"]),
        hold_s=float(rule["duration"]),
        health=str(rule["health"]),
        error=" ".join(str(rule.get("lastError") or "").split())[:200],
        active=sum(_active(alert, source.match) for alert in rule["alerts"]),
    )


def _candidates(groups: Any, source: DetectionSource) -> Iterator[tuple[Any, Any]]:
    for group in groups:
        for rule in group["rules"]:
            labels = rule["labels"]
            if rule["name"] == source.alert and all(
                labels.get(key, want) == want for key, want in source.match.items()
            ):
                yield group, rule


def _active(alert: Any, match: Mapping[str, str]) -> bool:
    carried = all(alert["labels"].get(key) == want for key, want in match.items())
    return carried and alert["state"] in ("pending", "firing")


def _named(source: DetectionSource) -> str:
    labels = ", ".join(f"{key}={value}" for key, value in sorted(source.match.items()))
    return f"{source.alert}{{{labels}}}" if labels else source.alert
