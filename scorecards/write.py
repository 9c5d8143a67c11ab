"""Write a scorecard's files, each whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from drill.model.events import Event
from scorecards.card import Scorecard
from scorecards.chart import render_chart
from scorecards.jsonout import render_json
from scorecards.markdown import render_markdown
from scorecards.score import score

_SHARED = 0o644
"""Results are for showing; state is private and lies elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The card and where its files are."""

    card: Scorecard
    json: Path
    markdown: Path
    chart: Path


def write(events: Sequence[Event], folder: Path, head: str = "") -> Written:
    """Score and write ``scorecard.json``, ``scorecard.md`` and ``timeline.png`` into ``folder`` (made when missing).

    ``head``: the journal's last hash. Raises JournalError for a journal without event 0, OSError when it cannot write.
    """
    card = score(events)
    folder.mkdir(parents=True, exist_ok=True)
    chart = _put(folder / "timeline.png", render_chart(events, card))
    markdown = _put(folder / "scorecard.md", render_markdown(card, head).encode())
    json = _put(folder / "scorecard.json", render_json(card, head).encode())
    return Written(card=card, json=json, markdown=markdown, chart=chart)


def _put(path: Path, content: bytes) -> Path:
    """Write beside and rename: a reader never sees half a file."""
    handle, beside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), _SHARED)
        os.replace(beside, path)
    except OSError:
        Path(beside).unlink(missing_ok=True)
        raise
    return path
