"""Every error that drill raises on purpose, each with an exit code and a documented slug.

DrillError                     4  harness-failed
├── InvalidInput               2  invalid-input
├── Refused                    3  refused
├── StackError                 4  stack-failed
│   └── ActionFailed           4  action-failed
├── JournalError               4  journal-broken
├── NotUndone                  5  not-undone
├── Voided                     6  voided
├── Blocked                    7  kill-switch
└── Aborted                  130  aborted
"""

from __future__ import annotations


class DrillError(Exception):
    """The root. ``str(error)`` is one line for the user: what is wrong, where, what to do."""

    exit_code = 4
    slug = "harness-failed"


class InvalidInput(DrillError):
    """What the user wrote (a file, an option) cannot be used."""

    exit_code = 2
    slug = "invalid-input"


class Refused(DrillError):
    """Refused for safety: no proof of staging, another drill on the stack, a fault that loses data."""

    exit_code = 3
    slug = "refused"


class StackError(DrillError):
    """The stack does not answer, is not healthy, or cannot do what was asked."""

    exit_code = 4
    slug = "stack-failed"


class ActionFailed(StackError):
    """One action on the stack (start, stop, signal, exec, send) did not succeed."""

    slug = "action-failed"


class JournalError(DrillError):
    """A journal cannot be read or written, or its chain is broken."""

    exit_code = 4
    slug = "journal-broken"


class NotUndone(DrillError):
    """Something was not proved undone; the message holds the manual steps."""

    exit_code = 5
    slug = "not-undone"


class Voided(DrillError):
    """The drill was voided because of a real incident."""

    exit_code = 6
    slug = "voided"


class Blocked(DrillError):
    """The kill switch is on."""

    exit_code = 7
    slug = "kill-switch"


class Aborted(DrillError):
    """Aborted by a person; everything is proved undone."""

    exit_code = 130
    slug = "aborted"
