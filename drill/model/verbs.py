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
ARGUMENTS: dict[str, str] = {
    "text": "What you say, for the timeline.",
    "severity": "A severity of the playbook, for example SEV-1.",
    "started": "When the impact began, HH:MM or HH:MM:SS in UTC.",
    "ended": "When the impact ended, HH:MM or HH:MM:SS in UTC.",
    "role": "commander, technical-lead, communications or scribe.",
    "type": "fact, hypothesis, decision or action.",
    "mitigation": "A mitigation of the playbook.",
    "source": "A detection source of the playbook; left out: every one that has fired.",
    "status": "investigating, mitigating, monitoring or resolved.",
    "next_update": "When the next update comes, HH:MM in UTC.",
    "channel": "status-page, email or banner.",
    "template": "A template of the playbook, written for that channel.",
    "what": "What is broken.",
    "impact": "What customers see.",
    "start": "Since when, HH:MM in UTC; left out: what was confirmed, or when the alert fired.",
    "root_cause": "Why it happened.",
    "fix": "What was done about it.",
    "prevention": "What is done so that it does not happen again.",
    "body": "A text of your own in place of the template's.",
    "subject": "A subject of your own in place of the template's.",
}
"""What the verbs' arguments mean."""

NOTE_TYPES = ("fact", "hypothesis", "decision", "action")
ROLES = ("commander", "technical-lead", "communications", "scribe")
STATUSES = ("investigating", "mitigating", "monitoring", "resolved")
