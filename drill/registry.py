"""Fault kinds, found through the entry-point group ``drill.injectors``: the built-in ones and anybody's own."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING

from drill.errors import InvalidInput

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from drill.ports import Injector

GROUP = "drill.injectors"


def all_kinds() -> list[str]:
    """The names of all fault kinds, sorted. Loads none of them."""
    return sorted(_found())


@cache
def get(kind: str) -> Injector:
    """The injector of a kind. Raises InvalidInput for a kind that nobody offers, or two do, or that does not load."""
    offers = _found().get(kind)
    if offers is None:
        near = difflib.get_close_matches(kind, all_kinds(), n=1)
        remedy = f"did you mean {near[0]}?" if near else "see `drill injectors list`"
        raise InvalidInput(f"no fault kind is named {kind!r}; {remedy}")
    if len(offers) > 1:
        raise InvalidInput(
            f"fault kind {kind} is offered by {' and '.join(sorted(offers))}; uninstall one of the packages"
        )
    value, offer = next(iter(offers.items()))
    try:
        injector: Injector = offer.load()()
    except (ImportError, AttributeError) as error:
        raise InvalidInput(f"fault kind {kind}: cannot load {value}: {error}") from error
    return injector


def params(kind: str) -> Mapping[str, str]:
    """A kind's parameters, name to one line of documentation. Raises InvalidInput like :func:`get`."""
    return get(kind).params


@cache
def _found() -> dict[str, dict[str, EntryPoint]]:
    """Kind to what offers it. The same offer seen twice (an editable install beside a wheel) is one."""
    from importlib.metadata import entry_points

    found: dict[str, dict[str, EntryPoint]] = {}
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, {})[entry.value] = entry
    return found
