"""Choosing a stack by its kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drill.errors import InvalidInput
from drill.model.config import Config
from drill.stacks import open_stack
from drill.stacks.compose import ComposeStack
from drill.stacks.process import ProcessStack


@pytest.mark.parametrize(("kind", "cls"), [("compose", ComposeStack), ("process", ProcessStack)])
def test_the_kind_chooses_and_nothing_is_started(
    reference_config: Config, tmp_path: Path, kind: str, cls: type
) -> None:
    assert type(open_stack(reference_config, kind, tmp_path, tmp_path)) is cls
    assert list(tmp_path.iterdir()) == []


def test_without_a_kind_the_settings_choose(reference_config: Config, tmp_path: Path) -> None:
    settings = replace(reference_config, stack=replace(reference_config.stack, default="process"))
    assert isinstance(open_stack(settings, "", tmp_path, tmp_path), ProcessStack)


def test_an_unknown_kind_is_named(reference_config: Config, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="'swarm'"):
        open_stack(reference_config, "swarm", tmp_path, tmp_path)


def test_the_process_stack_must_be_allowed(reference_config: Config, tmp_path: Path) -> None:
    settings = replace(reference_config, stack=replace(reference_config.stack, process=False))
    with pytest.raises(InvalidInput, match=r"stack\.process"):
        open_stack(settings, "process", tmp_path, tmp_path)
