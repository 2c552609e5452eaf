"""What looks like a secret: text in, yes or no, or the text without it, out.

For what is shown, labelled, logged or stored; a command itself is never changed. It knows the forms that secrets usually have,
and can neither know them all nor be told them.
"""

from __future__ import annotations

import re

MASK = "***"

NAMED = (
    r"(?:[A-Za-z0-9_-]*(?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|auth|credential)s?)"
)
SECRET = re.compile(
    r"(?P<url>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)"
    rf"|(?P<named>(?i:-{{0,2}}{NAMED})(?:=|:\s*|\s+))(?:\"[^\"]*\"|'[^']*'|[^\s\"']+)"
    r"|(?P<bearer>(?i:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"
    r"|(?P<mysql>\bmysql\S*\s(?:.*\s)?-p)[^\s]+"
    r"|\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{16,}|xox[abprs]-[\w-]{10,}"
    r"|AKIA[A-Z0-9]{12,}|AIza[\w-]{30,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{20,}|pypi-[\w-]{16,})"
)


def secret(text: str) -> bool:
    """Whether `text` holds what looks like a secret, or is the name of one."""
    return bool(SECRET.search(text) or re.fullmatch(f"(?i:{NAMED})", text))


def masked(text: str) -> str:
    """`text` with MASK in place of what looks like a secret."""

    def mask(match: re.Match[str]) -> str:
        kept = next((match[name] for name in ("url", "named", "bearer", "mysql") if match[name]), "")
        return kept + MASK

    return SECRET.sub(mask, text)
