"""The document that people read of a playbook: to the byte, and complete."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from drill import shipped
from drill.documents.playbook import render_playbook
from drill.documents.tables import cell, fence
from drill.loader import load_playbook
from drill.model.people import Person
from drill.model.playbook import Playbook

GOLD = Path(__file__).with_name("clients.md")


def shipped_one(name: str) -> Playbook:
    return load_playbook(shipped.playbook_path(name))


def test_the_document_is_the_gold_file() -> None:
    """After a change that is meant: ``drill playbook render clients > tests/documents/clients.md``, and read it."""
    assert render_playbook(shipped_one("clients")) == GOLD.read_text()


@pytest.mark.parametrize("name", shipped.playbooks())
def test_everything_that_has_a_name_is_in_the_document(name: str) -> None:
    playbook = shipped_one(name)
    text = render_playbook(playbook)
    names = [
        row.name
        for part in ("severities", "sources", "reports", "mitigations", "verification", "templates", "clients")
        for row in getattr(playbook, part)
    ]
    names += [item.id for item in playbook.checklist] + [duty.role for duty in playbook.roles]
    assert [each for each in names if each not in text] == []
    assert all(str(row.restore) in text and str(row.acknowledge) in text for row in playbook.severities)


@pytest.mark.parametrize("name", shipped.playbooks())
def test_every_line_of_a_table_has_as_many_cells_as_its_head(name: str) -> None:
    lines = render_playbook(shipped_one(name)).splitlines()
    width = 0
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|"):
            cells = line.replace("\\|", "").count("|")
            width = width if before.startswith("|") else cells
            assert cells == width, line


def test_a_part_that_is_not_there_is_left_out() -> None:
    bare = replace(shipped_one("standard"), checklist=(), roles=(), verification=(), reports=())
    text = render_playbook(bare)
    assert [head for head in ("## Roles", "## The first", "## Verification", "## Clients") if head in text] == []


def test_a_bar_or_a_fence_in_the_data_breaks_nothing() -> None:
    assert cell("a|b\n c") == "a\\|b c"
    assert next(fence("```sh\nx\n```")) == "````text"
    odd = shipped_one("standard")
    odd = replace(odd, on_call=replace(odd.on_call, secondary=Person(name="x|y", email="x@example.test")))
    assert "Second: x|y <x@example.test>." in render_playbook(odd)
