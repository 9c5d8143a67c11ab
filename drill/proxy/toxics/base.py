"""What a toxic is: attributes, and what it does to the data of one stream of a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, TypeVar

from drill.proxy.errors import bad_body
from drill.proxy.stage import Stage

UPSTREAM, DOWNSTREAM = "upstream", "downstream"

T = TypeVar("T", bound="Toxic")


@dataclass(frozen=True)
class Toxic:
    """The base passes everything on. The fields of a subclass are its attributes, integers or strings."""

    buffer_bytes: ClassVar[int] = 64 * 1024
    """How much may wait in front of it on each connection."""
    closes_when_removed: ClassVar[bool] = False

    def attributes(self) -> dict[str, int | str]:
        """As the API shows them."""
        return {each.name: getattr(self, each.name) for each in fields(self) if each.type in _TYPES}

    def merged(self: T, given: Mapping[str, Any]) -> T:
        """A copy with some attributes changed; unknown ones are ignored. Raises ApiError 400 for a bad one."""
        types = {each.name: str(each.type) for each in fields(self) if each.type in _TYPES}
        known = {name: value for name, value in given.items() if name in types and value is not None}
        for name, value in known.items():
            if not isinstance(value, _TYPES[types[name]]) or isinstance(value, bool):
                raise bad_body(f"attribute {name}: {value!r} is not of type {types[name]}")
        changed = replace(self, **known)
        changed.check()
        return changed

    def check(self) -> None:
        """Raises ApiError 400 for a value that makes no sense."""

    async def pipe(self, stage: Stage) -> None:
        """Move data from the stage's queue on until the stream ends, or an interrupt: then keep nothing back."""
        while (chunk := await stage.receive()) is not None:
            await stage.send(chunk)
            if chunk.end is not None:
                return


_TYPES: dict[Any, type] = {"int": int, "str": str}
"""Field annotations (which are text here) that make an attribute."""


@dataclass(eq=False)
class ToxicEntry:
    """A toxic in its place on a proxy. ``toxicity``: the share of connections, 0 to 1."""

    name: str
    type: str
    stream: str
    toxicity: float
    toxic: Toxic

    def to_json(self) -> dict[str, Any]:
        """As the API shows it."""
        return {
            "attributes": self.toxic.attributes(),
            "name": self.name,
            "type": self.type,
            "stream": self.stream,
            "toxicity": self.toxicity,
        }
