"""What a responder can say and do: one table for the command line, the script and the socket."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb, its required and optional arguments, and one line of help."""

    name: str
    required: tuple[str, ...]
    optional: tuple[str, ...]
    help: str


_ALL = (
    Verb("ack", (), ("text",), "Acknowledge the page."),
    Verb("report", ("text",), (), "Report a problem that no alert has told of yet."),
    Verb("declare", ("severity",), ("text",), "Declare the incident with a severity, or change the severity."),
    Verb("confirm-impact", ("text",), ("started",), "Confirm the impact: environment, users, feature, start."),
    Verb("role", ("role",), (), "Take a role: commander, technical-lead, communications, scribe."),
    Verb("note", ("type", "text"), (), "Add a fact, hypothesis, decision or action to the timeline."),
    Verb("act", ("mitigation",), (), "Run a mitigation of the playbook."),
    Verb("verify", (), ("source", "text"), "Look at the source that fired and say what you see."),
    Verb("update", ("status", "text", "next_update"), (), "Post an internal update with the next update time."),
    Verb(
        "notify",
        ("channel", "template"),
        ("what", "impact", "start", "next_update", "root_cause", "fix", "prevention", "body", "subject"),
        "Send a customer message from a template.",
    ),
    Verb("checkpoint", ("text",), (), "Write a hand-over packet."),
    Verb("resolve", (), ("text", "ended"), "Say that the incident is over."),
)

VERBS: dict[str, Verb] = {verb.name: verb for verb in _ALL}
NOTE_TYPES = ("fact", "hypothesis", "decision", "action")
ROLES = ("commander", "technical-lead", "communications", "scribe")
STATUSES = ("investigating", "mitigating", "monitoring", "resolved")
