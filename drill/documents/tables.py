"""Tables and lists in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

NONE = "—"


def table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> Iterator[str]:
    """The lines of a table and a blank one. Line breaks and bars in cells do not break it; an empty cell is a dash."""
    heads = tuple(heads)
    yield _line(heads)
    yield _line("---" for _ in heads)
    yield from (_line(cell(text) for text in row) for row in rows)
    yield ""


def cell(text: str) -> str:
    """Text that fits into a cell."""
    return " ".join(text.split()).replace("|", "\\|") or NONE


def fence(text: str) -> Iterator[str]:
    """A block that is shown as it is, whatever it holds, and a blank line."""
    marks = "```"
    while marks in text:
        marks += "`"
    yield from (f"{marks}text", *text.rstrip("\n").splitlines(), marks, "")


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"
