"""What is wrong in a file, where: findings by YAML path, and the one line that each becomes."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from typing import NamedTuple

_MOST = 12
"""Names that a hint lists."""


class Finding(NamedTuple):
    """One problem: its YAML path (empty for the whole file) and what is wrong with what to do, in one line."""

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}: {self.text}" if self.path else self.text


class BrokenFileError(Exception):
    """The file cannot be read as YAML any further. ``line`` counts from 1."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line
        self.text = text


def show(value: str) -> str:
    """A value of the user's for a message: quoted, on one line, shortened."""
    return repr(value if len(value) <= 60 else value[:57] + "...")


def step(path: str, key: str) -> str:
    """The YAML path of a key under ``path``; a key that would confuse the reader is quoted."""
    name = key if key.replace("-", "").replace("_", "").isalnum() else show(key)
    return f"{path}.{name}" if path else name


def hint(wrong: str, known: Collection[str]) -> str:
    """What to write instead: the nearest known name, or the list of them, as far as a line can hold it."""
    if near := difflib.get_close_matches(wrong, list(known), n=1):
        return f"did you mean {near[0]}?"
    names = sorted(known)
    more = f" and {len(names) - _MOST} more" if len(names) > _MOST else ""
    return f"known: {', '.join(names[:_MOST])}{more}" if names else "none is defined"


def locate(lines: Mapping[str, int], path: str) -> int:
    """The line of a YAML path, or of its nearest ancestor that has one."""
    while path and path not in lines:
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    return lines.get(path, 1)


def one_line(file: str, line: int, finding: Finding) -> str:
    """``file:line: yaml.path: what is wrong; what to do``."""
    name = file if file.isprintable() else repr(file)
    return f"{name}:{line}: {finding}"
