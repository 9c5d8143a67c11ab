"""The smoke overlay on a playbook."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from loader_samples import PLAYBOOK, write

from drill.errors import InvalidInput
from drill.loader import load_playbook, with_smoke
from drill.model.units import Seconds, TimeTarget


def test_only_what_the_overlay_names_becomes_shorter(tmp_path: Path) -> None:
    real = load_playbook(write(tmp_path, PLAYBOOK))
    before = load_playbook(write(tmp_path, PLAYBOOK))
    short = with_smoke(real)
    assert real == before
    assert (short.sources[0].interval, short.sources[0].deadline) == (Seconds(1), Seconds(1))
    assert short.severities[0].restore == TimeTarget(seconds=60)
    assert short.severities[0].acknowledge == real.severities[0].acknowledge
    assert short.severities[0].channels[0].within == TimeTarget(seconds=30)
    assert short.severities[1] == real.severities[1]
    undone = replace(short, sources=real.sources, severities=real.severities)
    assert undone == real


def test_a_playbook_without_overlay_is_refused(tmp_path: Path) -> None:
    playbook = load_playbook(write(tmp_path, PLAYBOOK[: PLAYBOOK.index("smoke:")]))
    with pytest.raises(InvalidInput, match="no smoke section"):
        with_smoke(playbook)
