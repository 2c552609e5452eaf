"""Templates of a manifest: `{NAME}` in commands, labels and groups. In commands, values are quoted for bash."""

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

PLACEHOLDER = regex(r"\{\{|\}\}|\{([A-Za-z_][\w-]*(?:\.[\w-]+)*)\}|[{}]")
"""A placeholder with its name, a doubled brace, or a single brace, which is an error."""

BASH_TOKEN = regex(
    r"""\\.|\$'(?:\\.|[^'\\])*'|'[^']*'|"(?:\\.|[^"\\`$]|\$(?![({]))*"|(?<![^\s;&|()])\#[^\n]*|<<<|<(?!<)|\((?!\()|[^'"`\\<(]""",
    re.DOTALL,
)
"""The next token of a bash command: an escape, a quoted string, a comment, or one character.

Does not match an unclosed quote, a double-quoted string with an expansion, a backquote, or the start of a heredoc or of arithmetic:
after these, no position is known to be quotable.
"""


def variables_in(template: str, key_path: str) -> list[str]:
    """Return the names of the variables in a template, without their fields. Raises BatchError for a single brace."""
    names = []
    for match in PLACEHOLDER.finditer(template):
        if match[0] in ("{", "}"):
            raise BatchError(
                f"{key_path}: a single {match[0]} at character {match.start()}. Write a literal brace twice: {match[0] * 2}"
            )
        if match[1] and match[1] != "refresh":
            names.append(match[1].partition(".")[0])
    return names


def fill(template: str, values: Values, key_path: str, quoted: bool = False) -> str:
    """Return a template with its values; with `quoted`, each value becomes one word of a bash command.

    Raises BatchError for an unknown value, and for a value that cannot be quoted at its position.
    """

    def replacement(match: Any) -> str:
        if match[0] in ("{{", "}}"):
            return str(match[0][0])
        if match[1] == "refresh":
            return "$PUEUE_SKILL_REFRESH"
        if match[1] not in values:
            raise BatchError(f"{key_path}: unknown value {match[0]}; values: {', '.join(values) or 'none'}")
        value = values[match[1]]
        text = str(value).lower() if isinstance(value, bool) else str(value)
        if not quoted:
            return text
        bare = quote.BARE.fullmatch(text)
        if match.start() in quotable_positions(template):
            return f"'{text}'" if bare and "=" in text else quote.word(text)  # unquoted, A=b would be an assignment
        if not bare:
            raise BatchError(
                f"{key_path}: the value {text!r} of {match[0]} cannot be quoted here (within quotes, a heredoc or a comment, or after $). "
                f"Write {match[0]} without quotes: its value is always one word of the command"
            )
        return text

    return str(PLACEHOLDER.sub(replacement, template))


@functools.lru_cache(256)
def quotable_positions(template: str) -> frozenset[int]:
    """Return the start of each placeholder of a command that is part of an unquoted word, so that its value can be quoted."""
    positions = set()
    position = 0
    while position < len(template):
        placeholder = PLACEHOLDER.match(template, position)
        if placeholder and template[position - 1 : position] != "$":
            positions.add(position)
        token = placeholder or BASH_TOKEN.match(template, position)
        if token is None:
            break
        position = token.end()
    return frozenset(positions)
