"""Fault kinds and how they are found."""

from __future__ import annotations

import importlib
import importlib.metadata
import tomllib
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import get_args

import pytest

from drill import registry
from drill.errors import InvalidInput
from drill.model.lease import Reversibility
from drill.ports import Injector

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
BUILT_IN: dict[str, str] = tomllib.loads(PYPROJECT.read_text())["project"]["entry-points"][registry.GROUP]


def entry(name: str, value: str) -> EntryPoint:
    return EntryPoint(name=name, value=value, group=registry.GROUP)


@pytest.fixture(autouse=True)
def offered(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EntryPoint]]:
    """The built-in kinds, as an installation offers them; a test adds its own."""
    offers = [entry(name, value) for name, value in BUILT_IN.items()]
    monkeypatch.setattr(importlib.metadata, "entry_points", lambda **_: offers)
    registry.get.cache_clear()
    registry._found.cache_clear()
    yield offers
    registry.get.cache_clear()
    registry._found.cache_clear()


def file_of(kind: str) -> str:
    """A kind's name as a module's: `proxy.rate-limit` is in proxy/rate_limit.py."""
    return kind.replace("-", "_")


@pytest.mark.parametrize("kind", BUILT_IN)
def test_every_built_in_kind_is_whole(kind: str) -> None:
    injector: Injector = registry.get(kind)
    assert injector.kind == kind
    assert injector.reversibility in get_args(Reversibility)
    assert all(text for text in registry.params(kind).values())
    assert type(injector).__doc__


@pytest.mark.parametrize("kind", BUILT_IN)
def test_a_kind_lives_in_the_file_of_its_name_with_a_test_of_its_name(kind: str) -> None:
    module = importlib.import_module("injectors." + file_of(kind))
    assert registry.get(kind).__class__.__module__ == module.__name__
    assert (
        (PYPROJECT.parent / "tests/injectors" / file_of(kind).replace(".", "/"))
        .with_name(f"test_{file_of(kind).split('.')[-1]}.py")
        .is_file()
    )


def test_all_kinds_are_listed_in_order() -> None:
    assert registry.all_kinds() == sorted(BUILT_IN)


def test_an_unknown_kind_suggests_the_nearest() -> None:
    with pytest.raises(InvalidInput, match=r"did you mean container\.pause\?"):
        registry.get("container.puase")
    with pytest.raises(InvalidInput, match="drill injectors list"):
        registry.get("x")


def test_a_kind_of_another_package_is_found(offered: list[EntryPoint]) -> None:
    offered.append(entry("mine", "injectors.noop:NoOp"))
    assert "mine" in registry.all_kinds()
    assert registry.get("mine").kind == "noop"


def test_the_same_offer_seen_twice_is_one(offered: list[EntryPoint]) -> None:
    offered.append(entry("noop", BUILT_IN["noop"]))
    assert registry.get("noop").kind == "noop"


def test_two_packages_with_the_same_kind_are_refused(offered: list[EntryPoint]) -> None:
    offered.append(entry("noop", "other.package:NoOp"))
    with pytest.raises(InvalidInput, match=r"injectors\.noop:NoOp and other\.package:NoOp"):
        registry.get("noop")


@pytest.mark.parametrize("value", ["no.such.module:Fault", "injectors.noop:NoSuchClass"])
def test_a_kind_that_cannot_be_loaded_is_named(offered: list[EntryPoint], value: str) -> None:
    offered.append(entry("broken", value))
    assert "broken" in registry.all_kinds()
    with pytest.raises(InvalidInput, match=f"fault kind broken: cannot load {value}"):
        registry.get("broken")
