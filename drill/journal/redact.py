"""Secrets never reach the journal: what looks like one is masked by the writer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "[redacted]"
_SECRET_KEY = re.compile(r"pass(word|wd|phrase)?$|secret|token|api[_-]?key|authori[sz]ation|credential", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"\b(?:sk|rk|pk)_(?:live|test)_\w+|\bxox[abprs]-[\w-]+|\bAKIA[0-9A-Z]{12,}|\bgh[opsu]_\w{20,}|\bglpat-[\w-]{16,}"
    r"|\bSG\.[\w-]{16,}\.[\w-]{16,}|\bAIza[\w-]{30,}|\bshp(?:at|ss|ca|pa)_[0-9a-fA-F]{20,}|\bdop_v1_[0-9a-f]{20,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)"
    r"|(?<=Bearer )[\w.~+/=-]{8,}"
)
_URL_PASSWORD = re.compile(r"(?P<head>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)", re.IGNORECASE)


def redact(value: Any, key: str = "") -> Any:
    """Plain data with every secret masked: by the name of its key, or by its look."""
    if isinstance(value, Mapping):
        return {name: redact(item, str(name)) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [redact(item, key) for item in value]
    if not isinstance(value, str) or not value:
        return value
    if _SECRET_KEY.search(key):
        return MASK
    return _URL_PASSWORD.sub(rf"\g<head>{MASK}", _SECRET_TEXT.sub(MASK, value))
