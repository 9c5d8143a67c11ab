"""YAML text to a tree of nodes that know their lines. Composed from parser events, so that everything is bounded:
depth, nodes after aliases are expanded, one document, no tags. No Python object is ever constructed from a tag."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from yaml.resolver import Resolver

from drill.loader.finding import BrokenFileError, show

MAX_DEPTH = 32
MAX_NODES = 20_000
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_RESOLVER: Any = Resolver()
_PREFIX = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scalar:
    """A single value. ``type``: what YAML takes it for: str, int, float, bool, null, timestamp, merge."""

    line: int
    text: str
    type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Items:
    """A list."""

    line: int
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pairs:
    """A mapping, as written: keys may repeat."""

    line: int
    pairs: tuple[tuple[Node, Node], ...]


Node = Scalar | Items | Pairs


def compose(text: str) -> Pairs:
    """The top-level mapping of a YAML text. Raises BrokenFileError with the line."""
    try:
        node = _Composer(text).document()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        reason = " ".join(str(error.problem or error.context).split())
        raise BrokenFileError(mark.line + 1 if mark else 1, f"this is not YAML: {reason}; check the line") from None
    except yaml.YAMLError as error:
        raise BrokenFileError(1, f"this is not YAML: {' '.join(str(error).split())}; check the file") from None
    if not isinstance(node, Pairs):
        raise BrokenFileError(node.line, "the file must be a mapping (key: value) at the top; see `drill schema`")
    return node


class _Composer:
    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        self._anchors: dict[str, tuple[Node, int]] = {}
        self._count = 0

    def document(self) -> Node:
        next(self._events)  # the start of the stream
        if isinstance(next(self._events), yaml.StreamEndEvent):
            raise BrokenFileError(1, "the file is empty; see `drill schema` for what belongs in it")
        node = self._node(next(self._events), 0)
        next(self._events)  # the end of the document
        more = next(self._events)
        if not isinstance(more, yaml.StreamEndEvent):
            raise BrokenFileError(_line(more), "a second document begins here; write one document a file")
        return node

    def _node(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        if event.tag is not None:
            raise BrokenFileError(_line(event), f"the tag {show(event.tag)} is not allowed; remove it")
        if depth > MAX_DEPTH:
            raise BrokenFileError(_line(event), f"nested deeper than {MAX_DEPTH} levels; flatten it")
        before = self._count
        # A long text counts for more, or aliases of it would be a bomb too.
        self._grow(1 + len(getattr(event, "value", "")) // 64, event)
        node = self._plain(event, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = (node, self._count - before)
        return node

    def _alias(self, event: Any) -> Node:
        if event.anchor not in self._anchors:
            raise BrokenFileError(
                _line(event), f"the alias {show(event.anchor)} has no complete anchor before it; write it out"
            )
        node, size = self._anchors[event.anchor]
        self._grow(size, event)
        return node

    def _plain(self, event: Any, depth: int) -> Node:
        if isinstance(event, yaml.ScalarEvent):
            tag = _RESOLVER.resolve(yaml.ScalarNode, event.value, event.implicit) if event.implicit[0] else "str"
            return Scalar(line=_line(event), text=event.value, type=str(tag).removeprefix(_PREFIX))
        if isinstance(event, yaml.SequenceStartEvent):
            return Items(line=_line(event), items=tuple(self._until(yaml.SequenceEndEvent, depth)))
        flat = list(self._until(yaml.MappingEndEvent, depth))
        return Pairs(line=_line(event), pairs=tuple(zip(flat[::2], flat[1::2], strict=True)))

    def _until(self, end: type, depth: int) -> Iterator[Node]:
        while not isinstance(event := next(self._events), end):
            yield self._node(event, depth + 1)

    def _grow(self, size: int, event: Any) -> None:
        self._count += size
        if self._count > MAX_NODES:
            raise BrokenFileError(
                _line(event), f"more than {MAX_NODES} values once aliases are expanded; make it smaller"
            )


def _line(event: Any) -> int:
    return int(event.start_mark.line) + 1
