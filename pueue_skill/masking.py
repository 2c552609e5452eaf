"""What looks like a secret: text in, yes or no, or the text without it, out.

For what is shown, labelled, logged or stored; a command itself is never changed. It knows the forms that secrets usually have,
and can neither know them all nor be told them.
"""

from __future__ import annotations

import re

from pueue_skill.regex import regex

MASK = "***"

NAMED = r"(?:(?:passw(?:or)?d|passwd|pwd|secret|token|api[_-]?key|apikey|access[_-]?key|auth|credential)s?)"
"""How the name of a secret ends; what stands before that in the name is not looked at, which would take long in long words."""
SECRET = regex(
    r"(?P<url>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)"
    rf"|(?P<named>(?i:{NAMED})(?:[\"']?(?:=|\s*:\s*)|\s+))(?:\"[^\"]*(?:\"|$)|'[^']*(?:'|$)|[^\s\"']+)"
    r"|(?P<bearer>(?i:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"
    r"|(?P<mysql>\bmysql\S*\s(?:.*\s)?-p)[^\s]+"
    r"|\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}|sk-[\w-]{16,}|xox[abprs]-[\w-]{10,}"
    r"|AKIA[A-Z0-9]{12,}|AIza[\w-]{30,}|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]+|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{20,}|pypi-[\w-]{16,})"
)


def secret(text: str) -> bool:
    """Whether `text` holds what looks like a secret, or is the name of one."""
    return bool(SECRET.search(text) or re.fullmatch(f"(?i:[a-z0-9_-]*{NAMED})", text))


def masked(text: str) -> str:
    """`text` with MASK in place of what looks like a secret."""

    def mask(match: re.Match[str]) -> str:
        kept = next((match[name] for name in ("url", "named", "bearer", "mysql") if match[name]), "")
        return kept + MASK

    return SECRET.sub(mask, text)


def harmless(text: str, but: str = "") -> str:
    """Text from elsewhere without what a terminal would act on; the characters of `but` stay."""
    return "".join([char if char.isprintable() or char in but else "�" for char in text])
