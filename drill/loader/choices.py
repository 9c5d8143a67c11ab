"""Fields of type text that admit a few words only: one table for the loader and the JSON Schema."""

from __future__ import annotations

from drill.model.verbs import ROLES, STATUSES, VERBS

CHANNELS = ("status-page", "email", "banner")
PAGES = ("chat", "email")
WORKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
UNTIL = ("", "page", "alert-clear")

CHOICES: dict[tuple[str, str], tuple[str, ...]] = {
    ("ScriptStep", "do"): tuple(VERBS),
    ("ScriptStep", "until"): UNTIL,
    ("ChannelRule", "channel"): CHANNELS,
    ("DetectionSource", "type"): ("http", "prometheus"),
    ("Severity", "roles"): ROLES,
    ("Severity", "review"): ("", "full", "standard", "note"),
    ("Mitigation", "type"): ("restart", "flag", "image", "failover", "config", "block", "exec"),
    ("VerificationStep", "kind"): ("http", "browser", "sql", "external"),
    ("Duty", "role"): ROLES,
    ("ChecklistItem", "verb"): ("", *VERBS),
    ("Template", "channel"): CHANNELS,
    ("Template", "status"): STATUSES,
    ("Calendar", "workdays"): WORKDAYS,
    ("OnCall", "pages"): PAGES,
    ("FaultSpec", "replicas"): ("all", "one"),
    ("ServiceSpec", "role"): ("", "postgresql", "redis", "toxiproxy", "prometheus", "alertmanager"),
    ("StackConfig", "default"): ("compose", "process"),
    ("StackConfig", "data"): ("keep", "disposable"),
    ("ProbeSpec", "audience"): ("user", "internal"),
    ("ProbeSpec", "type"): ("http", "canary"),
}
"""(class, field) to the words; for a list, each item is one of them."""
