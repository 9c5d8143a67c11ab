"""What a playbook that loads may still lack: rules, each traced to a source (docs/requirements.md)."""

from drill.lint.people import PEOPLE
from drill.lint.policy import POLICY
from drill.lint.rule import Rule
from drill.lint.texts import TEXTS

RULES: tuple[Rule, ...] = (*POLICY, *TEXTS, *PEOPLE)
"""Every rule, in order of the document."""

__all__ = ["RULES", "Rule"]
