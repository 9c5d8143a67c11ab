"""Gold files: regenerate with ``UPDATE_GOLD=1 pytest tests/scorecards``, and read the difference."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
from journals import Story

from drill.model.spans import read
from scorecards import Scorecard, render_json, render_markdown, score, write
from scorecards.chart import _extent, _pack, _scale, render_chart
from scorecards.lanes import items

GOLD = Path(__file__).parent / "gold"


def troubled() -> Story:
    """Declared low, late, a dirty message, noise, and undone by the harness when time was up."""
    story = Story().without("fault.gone", "fault.sampled", "impact.ended", "alert.cleared", "source.checked")
    story.without("incident.resolved", "message.seen").change("incident.declared", severity="SEV-2")
    story.change("incident.acknowledged", 20).add(7, "alert.fired", alert_id="a9", source="mailcheck", detail="")
    story.change("message.accepted", lint=["no-impact: say what customers notice"])
    return story.undone(40, "expiry", "completed")


def voided() -> Story:
    return Story().until(20).add(20, "drill.voided", reason="real").undone(20.5, "abort", "voided")


STORIES: dict[str, Story] = {
    "clean": Story(smoke=True, mode="scripted"),
    "troubled": troubled(),
    "absorbed": Story().without("impact.began", "impact.ended"),
    "voided": voided(),
}


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize(("suffix", "render"), [("json", render_json), ("md", render_markdown)])
def test_a_scorecard_is_byte_for_byte_the_gold_one(
    name: str, suffix: str, render: Callable[[Scorecard, str], str]
) -> None:
    text = render(score(STORIES[name].events), "0f" * 32)
    path = GOLD / f"{name}.{suffix}"
    if os.environ.get("UPDATE_GOLD") == "1":
        path.write_text(text)
    assert text == path.read_text()


def test_json_is_canonical() -> None:
    text = render_json(score(Story().events))
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2, ensure_ascii=False) + "\n"


def test_every_line_with_a_verdict_carries_the_labels() -> None:
    text = render_markdown(score(STORIES["clean"].events))
    lines = [line for line in text.splitlines() if any(word in line for word in ("✓", "✗", "? unknown", "PASSED"))]
    assert len(lines) > 15
    assert all("SMOKE · SCRIPTED" in line for line in lines)


def test_text_from_a_journal_cannot_break_the_table() -> None:
    story = Story().without("restoration.checked", where=lambda data: data["proof"] == "leases")
    story.add(28.4, "restoration.checked", proof="leases", ok=True, detail="a | b\n| c", differences=[])
    text = render_markdown(score(story.events))
    assert "a \\| b \\| c" in text


@pytest.mark.parametrize("name", STORIES)
def test_marks_and_labels_of_a_lane_never_overlap(name: str) -> None:
    events = STORIES[name].events
    shown = items(events, read(events), score(events))
    scale = _scale(shown, 0)
    placed, rows = _pack(shown, scale)
    assert len(placed) == len(shown)
    assert rows >= 7
    by_row: dict[int, list[tuple[float, float]]] = {}
    for spot in placed:
        by_row.setdefault(spot.row, []).append(_extent(spot.item, scale)[:2])
    for extents in by_row.values():
        ordered = sorted(extents)
        assert all(left[1] < right[0] for left, right in pairwise(ordered))


@pytest.mark.parametrize("name", STORIES)
def test_the_chart_is_a_png_and_the_same_again(name: str) -> None:
    events = STORIES[name].events
    first = render_chart(events, score(events))
    assert first.startswith(b"\x89PNG\r\n")
    assert render_chart(events, score(events)) == first


@pytest.mark.parametrize("length", [1, 2, 6, 9])
def test_a_chart_of_a_drill_that_has_hardly_begun_can_be_drawn(length: int) -> None:
    events = Story().events[:length]
    assert render_chart(events, score(events)).startswith(b"\x89PNG")


def test_write_leaves_three_whole_files_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "results"
    written = write(Story().events, folder, "ab" * 32)
    again = write(Story().events, folder, "ab" * 32)
    assert sorted(path.name for path in folder.iterdir()) == ["scorecard.json", "scorecard.md", "timeline.png"]
    assert written == again
    assert json.loads(written.json.read_text())["journal_head"] == "ab" * 32
    assert "![timeline](timeline.png)" in written.markdown.read_text()


def test_nothing_heavy_is_imported_before_a_chart_is_drawn() -> None:
    import subprocess
    import sys

    code = (
        "import scorecards, sys; print(any(m.split('.')[0] in ('matplotlib', 'pandas', 'docker') for m in sys.modules))"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert answer.stdout.strip() == "False"
