"""From a journal to a scorecard: pure, and the same for the same events and rule set."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from fractions import Fraction

from drill.errors import JournalError
from drill.model.events import Event
from drill.model.facts import Facts
from drill.model.reading import Reading
from drill.model.spans import read
from scorecards.card import Check, Definition, Result, Row, Scorecard, Verdict
from scorecards.checks import checks
from scorecards.findings import findings
from scorecards.rows import rows
from scorecards.rules import BY_ID, RULE_SET


def score(events: Sequence[Event]) -> Scorecard:
    """Judge a journal, complete or not. Raises JournalError when event 0 is missing or cannot be understood."""
    try:
        reading = read(events)
    except (KeyError, TypeError, ValueError) as error:
        raise JournalError(
            f"the journal's event 0 cannot be read ({error}); score it with the version that wrote it"
        ) from error
    facts = Facts.of(events)
    judged, asked = rows(reading), checks(reading, facts)
    items: tuple[Row | Check, ...] = (*judged, *asked)
    low, high = (None, None) if reading.voided else pair((item.id, item.verdict) for item in items)
    result = _result(reading, items)
    return Scorecard(
        rule_set=RULE_SET,
        recorded_rule_set=reading.rule_set,
        drill_id=reading.drill_id,
        scenario=reading.scenario.id,
        scenario_title=reading.scenario.title,
        story=reading.scenario.story,
        project=reading.config.project,
        playbook=reading.playbook.id,
        playbook_version=reading.playbook.sign_off.version,
        began_utc=reading.began_utc.isoformat(timespec="milliseconds"),
        length_ns=reading.last.t,
        mode=reading.mode,
        smoke=reading.smoke,
        labels=_labels(reading),
        outcome=reading.outcome,
        result=result,
        passed=result == "passed",
        headline=_headline(reading, result, items),
        absorbed=reading.absorbed,
        voided=reading.voided,
        low=low,
        high=high,
        severity_expected=reading.severity_expected,
        severity_declared=reading.severity_declared,
        targets_severity=reading.targets_severity,
        rows=judged,
        checks=asked,
        findings=findings(reading, facts),
        definitions=_definitions(items),
        events=len(events),
    )


def pair(items: Iterable[tuple[str, Verdict]]) -> tuple[float | None, float | None]:
    """The score (0 to 100) of rule ids with verdicts, unknown counted as fail and as pass.

    Rows of one rule share its points evenly. What does not apply or has no target is taken out, the rest scaled to
    100; (None, None) when nothing is left. Turning a verdict into unknown never narrows the pair.
    """
    items = list(items)
    shares = Counter(key for key, _ in items)
    earned: dict[Verdict, Fraction] = defaultdict(Fraction)
    for key, verdict in items:
        earned[verdict] += Fraction(BY_ID[key].points, shares[key])
    total = earned["pass"] + earned["fail"] + earned["unknown"]
    if not total:
        return None, None
    return _tenth(earned["pass"] / total), _tenth((earned["pass"] + earned["unknown"]) / total)


def _tenth(share: Fraction) -> float:
    # Rounding is monotone: it never turns a wider pair into a narrower one.
    return round(share * 1000) / 10


def _result(reading: Reading, items: Iterable[Row | Check]) -> Result:
    verdicts = {item.verdict for item in items if item.required}
    if reading.voided:
        return "voided"
    if reading.outcome == "running":
        return "running"
    if "fail" in verdicts:
        return "failed"
    # A drill that was not played to its end has not been passed, whatever it saw.
    return "unknown" if "unknown" in verdicts or reading.outcome != "completed" else "passed"


def _labels(reading: Reading) -> tuple[str, ...]:
    version = f": {reading.script}" if reading.script else ""
    return ("SMOKE",) * reading.smoke + (f"SCRIPTED{version}",) * (reading.mode == "scripted")


def _headline(reading: Reading, result: Result, items: Iterable[Row | Check]) -> str:
    if result == "voided":
        return "Voided because of a real incident: there is no score."
    if result == "running":
        return "The drill is still running."
    culprit: Verdict = "fail" if result == "failed" else "unknown"
    names = [_name(item) for item in items if item.required and item.verdict == culprit]
    if reading.absorbed:
        start = "Absorbed: the fault was there and no impact was seen, so nothing was measured of the response."
        return start if not names else f"{start} {culprit.capitalize()}: {', '.join(names)}."
    cut = f"Cut short ({reading.ending.cut_by}). " if reading.ending.cut else ""
    if result == "passed":
        return "Every required span and check passed."
    return f"{cut}{culprit.capitalize()}: {', '.join(names)}." if names else f"{cut}Everything before it passed."


def _name(item: Row | Check) -> str:
    channel = item.channel if isinstance(item, Row) else ""
    return f"{item.title} ({channel})" if channel else item.title


def _definitions(items: Iterable[Row | Check]) -> tuple[Definition, ...]:
    used = {item.id for item in items}
    return tuple(
        Definition(id=rule.id, text=rule.definition, sources=rule.sources) for rule in BY_ID.values() if rule.id in used
    )
