"""Nodes to the frozen types of ``drill.model``, by their type hints; every problem is kept with its line."""

from __future__ import annotations

import dataclasses
import typing
from typing import Any, get_args, get_origin

from drill.loader.choices import CHOICES
from drill.loader.finding import Finding, hint, show, step
from drill.loader.nodes import Items, Node, Pairs, Scalar
from drill.loader.scalars import CONVERT, text
from drill.model.codec import hints

BAD: Any = object()
"""Stands for a value that could not be built; its problem is in ``findings``."""


class Builder:
    """Builds one file. ``lines``: YAML path to line; ``findings``: (line, finding) in order of the file."""

    def __init__(self) -> None:
        self.lines: dict[str, int] = {}
        self.findings: list[tuple[int, Finding]] = []

    def build(self, kind: Any, node: Node, path: str = "") -> Any:
        """An object of type hint ``kind``, or BAD."""
        self.lines.setdefault(path, node.line)
        if kind in CONVERT:
            return self._scalar(kind, node, path)
        if dataclasses.is_dataclass(kind):
            return self._record(typing.cast(type, kind), node, path)
        if get_origin(kind) is tuple:
            return self._list(get_args(kind)[0], node, path)
        if inner := _optional(kind):
            return None if isinstance(node, Scalar) and node.type == "null" else self.build(inner, node, path)
        return self._mapping(get_args(kind)[1], node, path)

    def _fail(self, line: int, path: str, message: str) -> Any:
        self.findings.append((line, Finding(path, message)))
        return BAD

    def _scalar(self, kind: Any, node: Node, path: str) -> Any:
        called, convert = CONVERT[kind]
        if not isinstance(node, Scalar):
            return self._fail(node.line, path, f"must be {called}, found {_called(node)}; write a single value")
        try:
            return convert(node)
        except ValueError as error:
            return self._fail(node.line, path, str(error))

    def _list(self, item: Any, node: Node, path: str) -> Any:
        if not isinstance(node, Items):
            return self._fail(node.line, path, f"must be a list, found {_called(node)}; write it as [a, b]")
        built = tuple(self.build(item, child, f"{path}[{index}]") for index, child in enumerate(node.items))
        return BAD if any(item is BAD for item in built) else built

    def _mapping(self, kind: Any, node: Node, path: str) -> Any:
        children = self._children(node, path)
        if children is None:
            return BAD
        built = {key: self.build(kind, child, step(path, key)) for key, child in children.items()}
        return BAD if any(item is BAD for item in built.values()) else built

    def _record(self, cls: type, node: Node, path: str) -> Any:
        children = self._children(node, path)
        if children is None:
            return BAD
        before = len(self.findings)
        fields = {f.name: f for f in dataclasses.fields(cls)}
        for key in [key for key in children if key not in fields]:
            self._fail(children.pop(key).line, step(path, key), f"unknown field; {hint(key, fields)}")
        for f in fields.values():
            if f.name not in children and _required(f):
                self._fail(node.line, step(path, f.name), f"is missing; add it: {f.metadata.get('doc', 'required')}")
        values = {key: self._field(cls, fields[key], child, step(path, key)) for key, child in children.items()}
        return BAD if len(self.findings) > before else cls(**values)

    def _field(self, cls: type, field: dataclasses.Field[Any], node: Node, path: str) -> Any:
        value = self.build(hints(cls)[field.name], node, path)
        if isinstance(value, str) and not value.strip() and _required(field):
            return self._fail(node.line, path, "is empty; write something")
        if value is not BAD and (words := CHOICES.get((cls.__name__, field.name))):
            for word in value if isinstance(value, tuple) else (value,):
                if word not in words:
                    self._fail(node.line, path, f"unknown value {show(word)}; {hint(word, [w for w in words if w])}")
        return value

    def _children(self, node: Node, path: str) -> dict[str, Node] | None:
        if not isinstance(node, Pairs):
            self._fail(node.line, path, f"must be a mapping (key: value), found {_called(node)}; list its fields")
            return None
        children: dict[str, Node] = {}
        for key, child in node.pairs:
            name = self._key(key, path)
            if name in children:
                self._fail(key.line, step(path, name), "is written twice; keep one")
            elif name is not BAD:
                children[name] = child
                # A block list or mapping begins a line below its key; people look for the key.
                self.lines.setdefault(step(path, name), key.line)
        return children

    def _key(self, key: Node, path: str) -> Any:
        if not isinstance(key, Scalar):
            return self._fail(key.line, path, "a key must be text; write a single word")
        if key.type == "merge":
            return self._fail(key.line, path, "merge keys (<<) are not supported; write the fields out")
        try:
            return text(key)
        except ValueError as error:
            return self._fail(key.line, path, f"a key {error}")


def _optional(kind: Any) -> Any:
    """What an ``X | None`` wraps, or None for another hint."""
    arguments = get_args(kind)
    return arguments[0] if len(arguments) == 2 and arguments[1] is type(None) else None


def _required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _called(node: Node) -> str:
    if isinstance(node, Scalar):
        return "nothing" if node.type == "null" else show(node.text)
    return "a list" if isinstance(node, Items) else "a mapping"
