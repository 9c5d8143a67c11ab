"""Rules for customer messages: the exercise mark, start, impact, time of the next update (C5, D6, E5, E13)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from drill.model.verbs import STATUSES

EXERCISE_MARK = "[EXERCISE]"

_HOLE = re.compile(r"\{([a-z_]+)\}")
_TIME = re.compile(r"(?<![\d:.])(?:[01]?\d|2[0-4]):[0-5]\d(?::[0-5]\d)?(?![\d:])")
_LABELS = re.compile(
    r"(?P<next>\b(?:next|further|another)[ -]update\b|\bupdate (?:you )?(?:again )?(?=by\b|at\b|before\b))"
    r"|(?P<end>\b(?:end(?:s|ed)?|resolved|restored|recovered|fixed|finished|until)\b|(?:\bto|[-\u2013])\s*$)"
    r"|(?P<start>\b(?:start(?:s|ed)?|since|from|beg[ai]n|beginning)\b)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_IMPACT = re.compile(
    r"\bimpact\b[ \t]*:[ \t]*[^\s.]"
    r"|\b(?:customers?|users?|you|requests?|orders?|payments?)\b[^.\n]{0,60}?"
    r"\b(?:may|might|cannot|can't|could not|couldn't|can not|unable|affected|fail(?:s|ed|ing)?|see|saw|experienc\w+)\b"
    r"|\b(?:affected|impacted|unavailable|not available|no (?:customer )?impact)\b",
    re.IGNORECASE,
)


def mark(subject: str, body: str) -> tuple[str, str]:
    """Subject and body with the exercise mark put before each that lacks it; an empty subject stays empty."""
    return _marked(subject) if subject else subject, _marked(body)


def _marked(text: str) -> str:
    return text if EXERCISE_MARK in text else f"{EXERCISE_MARK} {text}"


def fill(template_text: str, values: Mapping[str, str]) -> str:
    """Fill the holes ``{name}`` for which there is a value; the others stay, and the lint finds them."""
    return _HOLE.sub(lambda hole: values.get(hole[1]) or hole[0], template_text)


def lint(channel: str, status: str, subject: str, body: str) -> tuple[str, ...]:
    """Findings on a customer message, each ``slug: what to do``; empty when it is clean.

    Rules: the exercise mark in the body, and in the subject where there is one; e-mail needs a subject; a start time,
    an impact statement and the time of the next update (HH:MM), for a resolved message the end time instead; no hole
    of the template left open; a status of the update format. A time counts as what the nearest word before it in
    its sentence says (start, end, next update); with no such word it is a start time.
    """
    return tuple(_findings(channel, status, subject, body))


def _findings(channel: str, status: str, subject: str, body: str) -> Iterator[str]:
    text = _HOLE.sub("", f"{subject}\n{body}")
    times = {label for sentence in _SENTENCE.split(text) for label in _labels(sentence)}
    if EXERCISE_MARK not in body or (subject and EXERCISE_MARK not in subject):
        yield f"no-exercise-mark: put {EXERCISE_MARK} into subject and body"
    if channel == "email" and not subject.strip():
        yield "no-subject: an e-mail needs a subject"
    if "start" not in times:
        yield "no-start-time: say when it started, as HH:MM"
    if not _IMPACT.search(text):
        yield "no-impact: say what customers notice, for example `Impact: ...`"
    if status == "resolved" and "end" not in times:
        yield "no-end-time: say when it ended, as HH:MM"
    if status != "resolved" and "next" not in times:
        yield "no-next-update: say when the next update comes, for example `Next update: 14:30`"
    if status not in STATUSES:
        yield f"unknown-status: use one of {', '.join(STATUSES)}"
    if holes := sorted(set(_HOLE.findall(f"{subject}\n{body}"))):
        yield f"unfilled-hole: fill in {', '.join('{' + hole + '}' for hole in holes)}"


def _labels(sentence: str) -> Iterator[str]:
    """What each time stamp of a sentence is: ``start``, ``end`` or ``next``."""
    for stamp in _TIME.finditer(sentence):
        labels = [found.lastgroup or "" for found in _LABELS.finditer(sentence[: stamp.start()])]
        yield labels[-1] if labels else "start"
