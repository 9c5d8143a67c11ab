"""The scorecard as canonical JSON: sorted keys, integers for times (ns), nothing of the machine that rendered it."""

from __future__ import annotations

import json

from drill.model.codec import encode
from scorecards.card import Scorecard


def render_json(card: Scorecard, head: str = "") -> str:
    """The scorecard, with the journal's head (its last hash) when known. Same card, same bytes."""
    data = {**encode(card), "journal_head": head}
    return json.dumps(data, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
