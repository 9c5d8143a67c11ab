"""The scorecard as one page of Markdown, for a founder and an auditor alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from drill.model.units import NS, format_seconds
from scorecards.card import Bound, Check, Row, Scorecard, Verdict
from scorecards.rules import READING

_WORDS: dict[Verdict, str] = {
    "pass": "✓ pass",
    "fail": "✗ FAIL",
    "unknown": "? unknown",
    "not-applicable": "n/a",
    "no-target": "no target",
}
_RESTORATION = "restoration-"
_NONE = "—"


def render_markdown(card: Scorecard, head: str = "") -> str:
    """One page; ``head`` is the journal's head (its last hash), kept elsewhere to show edits. Same card, same bytes."""
    parts: tuple[Iterable[str], ...] = (_header(card), _spans(card), _checks(card), _findings(card), _foot(card, head))
    return "\n".join(line for part in parts for line in part) + "\n"


def verdict_word(card: Scorecard) -> str:
    """The result in capitals; an absorbed drill says so, for it measured nobody."""
    return card.result.upper() + (" (ABSORBED)" if card.absorbed else "")


def _labelled(card: Scorecard, words: str) -> str:
    return " · ".join((words, *card.labels))


def _header(card: Scorecard) -> Iterator[str]:
    yield f"# {_labelled(card, f'Drill scorecard: {card.scenario_title}')}"
    yield ""
    yield f"**{_labelled(card, verdict_word(card))}** — {card.headline}"
    yield ""
    if card.labels:
        yield from (f"> {_LABELS[label.partition(':')[0]]}" for label in card.labels)
        yield ""
    yield "| | |"
    yield "| --- | --- |"
    yield f"| Score | {_labelled(card, _score(card))} |"
    yield f"| Drill | `{card.drill_id}` on {card.project}, {card.began_utc}, {_seconds(card.length_ns)} |"
    yield f"| Scenario | `{card.scenario}`: {card.story.strip()} |"
    declared = card.severity_declared or "none"
    yield f"| Severity | expected {card.severity_expected}, declared {declared}; targets of {card.targets_severity} |"
    yield f"| Playbook | {card.playbook}, version {card.playbook_version} |"
    yield f"| Outcome | {card.outcome} |"
    yield ""
    yield "![timeline](timeline.png)"


_LABELS = {
    "SMOKE": "SMOKE: intervals, thresholds and targets were shortened for CI. The playbook's own targets stand beside.",
    "SCRIPTED": "SCRIPTED: a script responded. This is no evidence of how people respond.",
}


def _score(card: Scorecard) -> str:
    if card.low is None or card.high is None:
        return "none"
    if card.low == card.high:
        return f"{card.low:g} of 100"
    return f"{card.low:g} to {card.high:g} of 100 (unknown counted as fail and as pass)"


def _spans(card: Scorecard) -> Iterator[str]:
    if not card.rows:
        return
    yield "\n## Spans\n"
    yield "| span | from | to | observed | claimed | target | playbook target | margin | verdict |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- | --- |"
    yield from (_span(card, row) for row in card.rows)
    yield ""
    yield "Times count from the start of the recording; `#n` is the event that shows it. Spans with `*` are required."
    yield from _beside(card)


def _span(card: Scorecard, row: Row) -> str:
    title = f"{row.title}{f' ({row.channel})' if row.channel else ''}{'*' if row.required else ''}"
    cells = (
        title,
        _bound(row.start),
        _bound(row.end),
        _observed(row),
        _seconds(row.claimed_ns),
        row.target or _NONE,
        row.real_target or _NONE,
        _seconds(row.margin_ns),
        _labelled(card, _WORDS[row.verdict]),
    )
    return f"| {' | '.join(_cell(cell) for cell in cells)} |"


def _bound(bound: Bound | None) -> str:
    return f"{bound.t_ns / NS:.2f} s #{bound.seq}" if bound else _NONE


def _observed(row: Row) -> str:
    if row.observed_ns is not None:
        return f"{_seconds(row.observed_ns)} ± {row.uncertainty_ns / NS:.3f} s"
    if row.elapsed_ns is not None and row.elapsed_ns >= 0 and row.state in ("censored", "running"):
        return f"{row.state} after {_seconds(row.elapsed_ns)}"
    return _NONE if row.state == "not-applicable" else row.state


def _seconds(ns: int | None) -> str:
    return _NONE if ns is None else format_seconds(ns / NS)


def _beside(card: Scorecard) -> Iterator[str]:
    """What does not fit in the table: notes, times from the declaration, the verdict under the declared severity."""
    notes = [f"- {_name(row)}: {note}." for row in card.rows for note in _notes(card, row)]
    if notes:
        yield ""
        yield from notes


def _name(row: Row) -> str:
    return f"{row.title} ({row.channel})" if row.channel else row.title


def _notes(card: Scorecard, row: Row) -> Iterator[str]:
    if row.note:
        yield row.note
    if row.from_declaration_ns is not None:
        yield f"{_seconds(row.from_declaration_ns)} from the declaration"
    if row.declared_verdict and row.declared_target:
        verdict = _labelled(card, _WORDS[row.declared_verdict])
        yield f"under the declared {card.severity_declared} (target {row.declared_target}): {verdict}"


def _checks(card: Scorecard) -> Iterator[str]:
    restoration = [check for check in card.checks if check.id.startswith(_RESTORATION)]
    yield from _table(card, "Checks", [check for check in card.checks if check not in restoration])
    yield from _table(card, "Restoration", restoration)


def _table(card: Scorecard, title: str, checks: list[Check]) -> Iterator[str]:
    yield f"\n## {title}\n"
    yield "| check | verdict | detail | events |"
    yield "| --- | --- | --- | --- |"
    for check in checks:
        name = check.title + ("*" if check.required else "")
        cells = (_cell(name), _labelled(card, _WORDS[check.verdict]), _cell(check.detail), _events(check.events))
        yield f"| {' | '.join(cells)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _events(events: tuple[int, ...]) -> str:
    return ", ".join(f"#{seq}" for seq in events) or _NONE


def _findings(card: Scorecard) -> Iterator[str]:
    yield "\n## Findings\n"
    yield from (f"- {_cell(item.text)} ({_events(item.events)})" for item in card.findings)
    if not card.findings:
        yield "None."


def _foot(card: Scorecard, head: str) -> Iterator[str]:
    yield "\n## Definitions used\n"
    for item in card.definitions:
        yield f"- **{item.id}** ({', '.join(item.sources)}): {item.text}"
    yield f"\n{READING}\n"
    recorded = card.recorded_rule_set
    other = f" (recorded under `{recorded}`)" if recorded and recorded != card.rule_set else ""
    yield f"Rule set `{card.rule_set}`{other} · {card.events} events · journal head `{head or 'not given'}`"
