"""The result of a drill as a few lines for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from drill.model.units import NS, format_seconds

if TYPE_CHECKING:
    from scorecards import Written
    from scorecards.card import Row


def summary(written: Written, head: str) -> Iterator[str]:
    """Result, spans, checks that did not pass, proofs, and where the files are."""
    card = written.card
    labels = "".join(f" · {label}" for label in card.labels)
    score = "no score" if card.low is None or card.high is None else f"score {card.low:g} to {card.high:g} of 100"
    yield ""
    result = "ABSORBED" if card.absorbed and card.passed else card.result.upper()
    yield f"{result}{labels} · {score}"
    yield card.headline
    yield ""
    for row in card.rows:
        yield _row(row)
    for check in card.checks:
        if check.verdict not in ("pass", "not-applicable") or check.id.startswith("restoration"):
            yield f"  {check.verdict:<15} {check.title}: {check.detail}"
    yield ""
    yield f"scorecard   {written.markdown}"
    yield f"chart       {written.chart}"
    yield f"data        {written.json}"
    yield f"journal     {written.json.with_name('journal.jsonl')}"
    yield f"head        {head}  (keep it elsewhere: it shows any later edit)"


def _row(row: Row) -> str:
    seen = "—" if row.observed_ns is None else format_seconds(row.observed_ns / NS)
    real = f" (real: {row.real_target})" if row.real_target and row.real_target != row.target else ""
    name = f"{row.id} {row.channel}".strip()
    return f"  {row.verdict:<15} {name:<26} {seen:>10}   target {row.target or '—'}{real}"
