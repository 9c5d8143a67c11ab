"""Proxies and toxics, as the Toxiproxy API has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class ToxicState:
    """One toxic of a proxy, as the Toxiproxy API has it. ``toxicity``: share of connections, 0 to 1."""

    name: str
    type: str
    stream: str = "downstream"
    toxicity: float = 1.0
    attributes: Mapping[str, int | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyState:
    """One proxy of a Toxiproxy-compatible server."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[ToxicState, ...] = ()
