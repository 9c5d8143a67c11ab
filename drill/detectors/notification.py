"""Alertmanager's webhook (version 4) as data. Whoever wrote it is a stranger: nothing in it is taken on trust."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_LABELS = 40
_LONGEST_LABEL = 200
_LONGEST_DETAIL = 500


@dataclass(frozen=True, slots=True)
class Notice:
    """One alert of a notification. ``started_utc_ns``: by Alertmanager's word, ns since 1970; None: not known."""

    firing: bool
    labels: Mapping[str, str]
    detail: str
    started_utc_ns: int | None
    key: str
    """The same for every notice of one alert."""

    @property
    def name(self) -> str:
        """The rule's name."""
        return self.labels.get("alertname", "")


def notices(body: Any) -> list[Notice] | None:
    """The alerts of a notification; None when it is not one of Alertmanager's."""
    if not isinstance(body, dict) or body.get("version") != "4" or not isinstance(body.get("alerts"), list):
        return None
    return [notice for alert in body["alerts"] if (notice := _notice(alert)) is not None]


def _notice(alert: Any) -> Notice | None:
    if not isinstance(alert, dict) or alert.get("status") not in ("firing", "resolved"):
        return None
    labels = _texts(alert.get("labels"))
    return Notice(
        firing=alert["status"] == "firing",
        labels=labels,
        detail=_detail(_texts(alert.get("annotations"), _LONGEST_DETAIL)),
        started_utc_ns=utc_ns(alert.get("startsAt")),
        key=text(alert.get("fingerprint") or "") or json.dumps(labels, sort_keys=True),
    )


def _texts(found: Any, longest: int = _LONGEST_LABEL) -> dict[str, str]:
    return dict(_pairs(found, longest)) if isinstance(found, dict) else {}


def _pairs(found: dict[str, Any], longest: int) -> Iterator[tuple[str, str]]:
    for name, value in list(found.items())[:_MOST_LABELS]:
        yield text(name), text(value, longest)


def text(value: Any, longest: int = _LONGEST_LABEL) -> str:
    """A stranger's value as text that a journal can hold."""
    return str(value)[:longest].encode(errors="replace").decode()


def _detail(annotations: Mapping[str, str]) -> str:
    """What people are told: the summary and the description, else whatever there is."""
    told = [annotations[name] for name in ("summary", "description") if annotations.get(name)]
    return " ".join(" ".join(told or annotations.values()).split())[:_LONGEST_DETAIL] or "no annotations"


def utc_ns(stamp: Any) -> int | None:
    """An RFC 3339 time as ns since 1970; None when it is none, names no zone, or is Go's zero time."""
    if not isinstance(stamp, str):
        return None
    try:
        at = datetime.fromisoformat(stamp)
    except ValueError:
        return None
    if at.tzinfo is None or at.year <= 1:
        return None
    return (at - _EPOCH) // timedelta(microseconds=1) * 1000
