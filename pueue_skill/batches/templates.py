"""Templates of a manifest: `{NAME}` in commands, labels and groups, filled with values, quoted for bash in commands."""

from __future__ import annotations

import functools
import re

from pueue_skill.batches.model import BatchError
from pueue_skill.shell import quote
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.batches.model import Values

PLACE = regex(r"\{\{|\}\}|\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}|[{}]")


def roots(template: str, where: str) -> list[str]:
    """The variables that a template names."""
    found = []
    for match in PLACE.finditer(template):
        if match[0] in ("{", "}"):
            raise BatchError(
                f"{where}: a single {match[0]} at character {match.start()}; a brace itself is written twice"
            )
        if match[1] and match[1] != "refresh":
            found.append(match[1].partition(".")[0])
    return found


def filled(template: str, values: Values, where: str, quoted: bool = False) -> str:
    """A template with its values filled in, each quoted as a word of a command where `quoted`."""

    def value(match: Any) -> str:
        if match[0] in ("{{", "}}"):
            return str(match[0][0])
        if match[1] == "refresh":
            return "$PUEUE_SKILL_REFRESH"
        if match[1] not in values:
            raise BatchError(f"{where}: there is no value {match[0]}; values: {', '.join(values) or 'none'}")
        found = values[match[1]]
        text = str(found).lower() if isinstance(found, bool) else str(found)
        if not quoted:
            return text
        plain = quote.BARE.fullmatch(text)
        if match.start() in in_words(template):
            return f"'{text}'" if plain and "=" in text else quote.word(text)  # bare, it could be an assignment
        if not plain:
            raise BatchError(
                f"{where}: {match[0]} stands where its value {text!r} cannot be quoted (within quotes, a heredoc, a comment, or after $); "
                f"write it outside: as {match[0]} it is one word of the command, whatever it holds"
            )
        return text

    return str(PLACE.sub(value, template))


TOKEN = regex(
    r"""\\.|\$'(?:\\.|[^'\\])*'|'[^']*'|"(?:\\.|[^"\\`$]|\$(?![({]))*"|(?<![^\s;&|()])\#[^\n]*|<<<|<(?!<)|\((?!\()|[^'"`\\<(]""",
    re.DOTALL,
)
"""What bash reads in one go. None matches a quote that is not closed or that holds commands, arithmetic, or the beginning of a heredoc."""


@functools.lru_cache(256)
def in_words(template: str) -> frozenset[int]:
    """Where the places of a command begin that are part of a plain word, in which a value can be quoted."""
    found = set()
    at = 0
    while at < len(template):
        place = PLACE.match(template, at)
        if place and template[at - 1 : at] != "$":
            found.add(at)
        token = place or TOKEN.match(template, at)
        if token is None:
            break
        at = token.end()
    return frozenset(found)
