"""Setup statements: those that may run again in each job, such as cd, variables, a virtual environment.

Repeating setup in every job gives each job the state that the one shell had. A statement that could differ the second
time (a command substitution, an output) is not setup.
"""

from __future__ import annotations

from pueue_skill.shell.arguments import basename
from pueue_skill.shell.syntax import Compound, Node, Redirect, Simple
from pueue_skill.shell.walk import Statement
from pueue_skill.startup.regex import regex

REPEATABLE = {"cd", "pushd", "export", "declare", "typeset", "readonly", "local", "set", "shopt", "source", ".", "unset",
              "alias", "ulimit", "umask", "module", "conda", "mamba", "micromamba", "pyenv", "nvm", ":", "true"}  # fmt: skip
EXITS = {"exit", "return"}
ENVIRONMENT_FILE = regex(r"(?:activate|\.env|rc|profile|(?:conda|nvm|env|environment|setvars)\.sh)$")
"""Files that are sourced only for the variables and functions that they set."""


def is_setup(node: Node) -> bool:
    """Whether `node` only prepares the shell, with the same result every time."""
    if isinstance(node, Compound):
        return node.kind == "function" and not node.redirects
    if not isinstance(node, Simple):
        return False
    if any(word.programs for word in (*node.assigns, *node.words)) or any(map(may_write, node.redirects)):
        return False
    if not node.words:
        return True
    name = basename(node.words[0].value)
    if name == "mkdir":
        return any(word.value in ("-p", "--parents") for word in node.words[1:])
    if name in ("source", "."):
        return len(node.words) == 2 and ENVIRONMENT_FILE.search(node.words[1].value) is not None
    return name in REPEATABLE


def may_write(redirect: Redirect) -> bool:
    """Whether the redirect may write to a file other than /dev/null."""
    return redirect.op not in (">&", "<") and (redirect.target is None or redirect.target.value != "/dev/null")


def only_prepares(parts: list[Statement]) -> bool:
    """Whether an and-or list consists of setup, possibly with `|| exit`."""
    for before, statement in zip([None, *parts], parts, strict=False):
        leaves = (
            before is not None
            and before.operator == "||"
            and isinstance(statement.node, Simple)
            and bool(statement.node.words)
            and statement.node.words[0].value in EXITS
        )
        if not leaves and not is_setup(statement.node):
            return False
    return True


def sets_option(parts: list[Statement], name: str, letter: str) -> bool:
    """Whether `set -o NAME` or `set -LETTER` is one of the statements."""
    for statement in parts:
        node = statement.node
        if isinstance(node, Simple) and node.words and node.words[0].value == "set":
            values = [word.value for word in node.words[1:]]
            if name in values or any(v[:1] == "-" and v[:2] != "--" and letter in v for v in values):
                return True
    return False
