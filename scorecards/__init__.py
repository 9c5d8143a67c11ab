"""Judgement: from a journal's events to a scorecard and its files. Pure but for :func:`write`; no Docker, no clock."""

from scorecards.card import Check, Finding, Row, Scorecard, Verdict
from scorecards.jsonout import render_json
from scorecards.markdown import render_markdown
from scorecards.rules import RULE_SET
from scorecards.score import score
from scorecards.write import Written, write

__all__ = [
    "RULE_SET",
    "Check",
    "Finding",
    "Row",
    "Scorecard",
    "Verdict",
    "Written",
    "render_json",
    "render_markdown",
    "score",
    "write",
]
