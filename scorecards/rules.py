"""The rule set as data: what is scored, what it weighs, what each span means and where that comes from."""

from __future__ import annotations

from dataclasses import dataclass

RULE_SET = "spine-2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A span or a check. ``points`` of all rules sum to 100; several rows of one rule share them evenly.

    ``required``: the drill passes only when every row of it passes. A required rule without points is a gate: it
    can fail a drill, but tells nothing of how people responded, so it earns nothing.
    """

    id: str
    title: str
    points: int
    required: bool
    definition: str
    sources: tuple[str, ...]


SPANS = (
    Rule(
        id="impact",
        title="Impact",
        points=0,
        required=False,
        definition="From the first bad sample of a reference probe (user-visible or internal) to the first good "
        "sample of a stable window. Bad again inside the window reopens it; later it is a second "
        "episode, judged apart.",
        sources=("E9",),
    ),
    Rule(
        id="detect",
        title="Detect (TTD)",
        points=10,
        required=True,
        definition="From the start of impact to the first qualifying detection: an alert of a source of the "
        "playbook that was clear at steady state, fired after the onset and is attributable to the "
        "fault; or a player's report.",
        sources=("C3", "C7", "A2"),
    ),
    Rule(
        id="page",
        title="Page delivered",
        points=0,
        required=False,
        definition="From the qualifying detection to the page in the on-call's hands; the part of acknowledging "
        "that is not the person's.",
        sources=("C2",),
    ),
    Rule(
        id="acknowledge",
        title="Acknowledge (TTA)",
        points=15,
        required=True,
        definition="From the qualifying detection to the first acknowledgement by a player. Does not apply to the "
        "player who reported the problem.",
        sources=("C1", "C4"),
    ),
    Rule(
        id="triage",
        title="Triage",
        points=8,
        required=True,
        definition="From the qualifying detection to the first declaration with a severity. Whether it is the "
        "right severity is a check of its own.",
        sources=("C4", "C7", "D3"),
    ),
    Rule(
        id="mitigate",
        title="Mitigate",
        points=8,
        required=True,
        definition="From the declaration to the end of impact, as long as no undo by the harness has begun. "
        "Negative when the impact ended before it was declared.",
        sources=("C4", "C7", "D4"),
    ),
    Rule(
        id="restore",
        title="Restore (TTR)",
        points=20,
        required=True,
        definition="From the start of impact to its end, as long as no undo by the harness has begun. What the "
        "harness undoes earns nothing.",
        sources=("C1", "E9"),
    ),
    Rule(
        id="repair",
        title="Repair",
        points=0,
        required=False,
        definition="Per fault: from its onset to its removal by responders. A fault that is still there when the "
        "impact ends was routed around, not repaired.",
        sources=("D4",),
    ),
    Rule(
        id="verify",
        title="Verify",
        points=0,
        required=False,
        definition="From the end of impact until the source that fired is clear and a player has looked at it; the "
        "source's own delay never enters restore.",
        sources=("C4", "D5"),
    ),
    Rule(
        id="notify",
        title="Notify",
        points=15,
        required=True,
        definition="Per channel of the severity: from the qualifying detection to a message that the sink "
        "accepted, sent through a player's verb, marked as an exercise and free of lint. Time from the "
        "declaration stands beside.",
        sources=("C1", "C5", "A5"),
    ),
)

CHECKS = (
    Rule(
        id="injection",
        title="Injection proved",
        points=0,
        required=True,
        definition="Every fault was proved active after it was applied. Without that a drill proves nothing.",
        sources=("C7",),
    ),
    Rule(
        id="severity",
        title="Severity right",
        points=6,
        required=True,
        definition="The first declared severity is the one that the scenario expects. Targets come from the "
        "expected severity, or from the declared one where that is stricter.",
        sources=("C4", "D1", "A3"),
    ),
    Rule(
        id="messages",
        title="Messages clean",
        points=6,
        required=False,
        definition="Every customer message is marked as an exercise, says start, impact and next update (or end), "
        "has no open hole, and was found again where customers read.",
        sources=("C5", "D6", "E5", "E13"),
    ),
    Rule(
        id="verification",
        title="Verified with the source that fired",
        points=6,
        required=True,
        definition="The source that fired was seen clear, and a player looked at it.",
        sources=("C4", "D5"),
    ),
    Rule(
        id="impact-confirmed",
        title="Impact confirmed",
        points=3,
        required=False,
        definition="A player said what is affected (environment, users, feature, start).",
        sources=("D3", "A5"),
    ),
    Rule(
        id="commander",
        title="Commander named",
        points=2,
        required=True,
        definition="The gravest severity needs a named commander.",
        sources=("D2",),
    ),
    Rule(
        id="scribe",
        title="Scribe named",
        points=1,
        required=False,
        definition="The gravest severity needs a named scribe; one person may hold several roles.",
        sources=("D2",),
    ),
    Rule(
        id="restoration-leases",
        title="Every fault undone",
        points=0,
        required=True,
        definition="Every lease is undone, seen from outside the injector.",
        sources=("C7",),
    ),
    Rule(
        id="restoration-mitigations",
        title="Every mitigation reverted or accepted",
        points=0,
        required=True,
        definition="Each change that responders made through a mitigation is reverted by its own revert, or accepted.",
        sources=("C7", "D4"),
    ),
    Rule(
        id="restoration-snapshot",
        title="Stack as before",
        points=0,
        required=True,
        definition="The stack equals the snapshot taken before the first fault, but for accepted differences, and "
        "is in its steady state.",
        sources=("C7",),
    ),
    Rule(
        id="canaries",
        title="Acknowledged writes kept",
        points=0,
        required=True,
        definition="Each write that the stack acknowledged, to the canary probes and to the synthetic customers, is "
        "there once at the end. Without any acknowledged write it is unknown.",
        sources=("D5",),
    ),
)

BY_ID = {rule.id: rule for rule in (*SPANS, *CHECKS)}

READING = (
    "Observed boundaries score; claimed ones stand beside, and a difference is a finding. A duration whose uncertainty "
    "straddles its target is unknown. A span that was cut short is failed when its target had passed, else unknown. "
    "The score is a pair, unknown counted as fail and as pass; what does not apply or has no target is taken out."
)
