"""What each module may import, read from its source, and what a hook that has nothing to do loads.

The core computes: it knows no file, clock, environment, subprocess or network, and nothing of the edges around it.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pydantic
import pytest

from pueue_skill.cli import main

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pueue_skill"
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}

CORE = (
    "__init__.py", "kinds.py", "model.py", "record.py", "regex.py", "digest.py", "gate.py", "parse/", "facts.py", "nodes.py", "expand.py", "quote.py", "masking.py", "terminal.py", "parts.py", "reasons.py", "remote.py", "acts.py", "names.py", "tools.py", "rules/",
    "plan/", "backends/",
)  # fmt: skip

# What computes only. datetime is here for reading times; asking for the present one is looked for below.
PURE = set(
    "__future__ base64 bisect collections copy dataclasses datetime enum functools gzip hashlib itertools json math operator"
    " difflib plistlib posixpath re string textwrap types typing unicodedata".split()
)

ONLY_IN = {
    "apprise": ("notify.py",),
    "argparse": tuple(
        [f"cli{name}.py" for name in ("", "_audit", "_batch", "_notify", "_setup", "_timeline", "_verbs")]
    ),
    "bashlex": ("parse/",),
    "pydantic": ("config.py", "manifest.py", "schemas.py"),
    "shlex": ("quote.py",),
    "subprocess": ("transport.py",),
    "textual": ("top.py",),
    "tree_sitter": ("parse/",),
    "tree_sitter_bash": ("parse/",),
    "yaml": ("manifest.py", "setup.py", "sources.py"),
}

EXCEPTIONS = {
    "parse/tables.py": {"marshal", "os", "sys"},  # bashlex's tables are kept in a file, or its import is slow
    "digest.py": {"_sha2", "_sha256"},  # as hashlib, without OpenSSL
    "acts.py": {"fnmatch"},  # for fnmatchcase, which only computes
}

IMPURE = {"open", "print", "input", "exec", "eval", "__import__", "import_module", "now", "today", "utcnow"}


class Import(NamedTuple):
    name: str  # dotted, in full
    line: int
    later: bool  # in a function, or for the type checker alone: not at every start


def is_later(node: ast.AST) -> bool:
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    return function or (isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"))


def imports(file: str, text: str) -> Iterator[Import]:
    tree = ast.parse(text)
    later = {id(node) for part in ast.walk(tree) if is_later(part) for node in ast.walk(part)}
    package = ["pueue_skill", *Path(file).parent.parts]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*parts, *([node.module] if node.module else [])])
            # `from package import module` means the module, `from module import name` what the module holds.
            names = [
                f"{source}.{alias.name}" if is_module(f"{source}.{alias.name}") else source for alias in node.names
            ]
        else:
            continue
        yield from (Import(name, node.lineno, id(node) in later) for name in names)


def file_of(module: str) -> str:
    """`rules/ssh.py` for pueue_skill.rules.ssh; folders by their __init__.py."""
    path = "/".join(module.split(".")[1:])
    return next((file for file in (f"{path}.py", f"{path}/__init__.py".lstrip("/")) if file in FILES), f"{path}.py")


def is_module(name: str) -> bool:
    return name.startswith("pueue_skill.") and file_of(name) in FILES


def among(file: str, places: tuple[str, ...]) -> bool:
    return any(file == place or (place.endswith("/") and file.startswith(place)) for place in places)


def faults(file: str, text: str) -> Iterator[str]:
    core = among(file, CORE)
    for name, line, later in imports(file, text):
        top = name.partition(".")[0]
        own = top == "pueue_skill"
        if not among(file, ONLY_IN.get(top, (file,))):
            yield f"{file}:{line} imports {top}, which only {' and '.join(ONLY_IN[top])} may"
        if (top in ("apprise", "rich", "yaml") and not later and file != "top.py") or (
            name == "pueue_skill.views.top" and not later
        ):
            yield f"{file}:{line} imports {name} outside a function: every start would pay for it"
        if core and own and not among(file_of(name), CORE):
            yield f"{file}:{line} is core and imports {name}, which is not"
        if core and not own and top not in PURE | EXCEPTIONS.get(file, set()) | ONLY_IN.keys():
            yield f"{file}:{line} is core and imports {name}, which is not on the list of what only computes"
    if core and file != "parse/tables.py":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in IMPURE:
                yield f"{file}:{node.lineno} is core and calls {ast.unparse(node.func)}"
    if "utils" in Path(file).stem:
        yield f"{file}: a module is named for what it holds"


@pytest.mark.parametrize("file", FILES)
def test_borders(file: str) -> None:
    assert list(faults(file, FILES[file].read_text())) == []


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("plan/whole.py", "import os"),
        ("plan/whole.py", "def f():\n    from time import time"),
        ("plan/whole.py", "from pueue_skill import transport"),
        ("facts.py", "from . import transport"),
        ("rules/ssh.py", "from ..transport import run"),
        ("rules/ssh.py", "import pueue_skill.configuration.config"),
        ("plan/whole.py", "text = open('f').read()"),
        ("plan/whole.py", "from datetime import datetime\ndatetime.now()"),
        ("facts.py", "import bashlex"),
        ("runtime.py", "import subprocess"),
        ("runtime.py", "from subprocess import run"),
        ("cli.py", "import shlex"),
        ("cli.py", "from rich.table import Table"),
        ("cli.py", "from pueue_skill import top"),
        ("cli.py", "def f():\n    from textual.app import App"),
        ("cli.py", "from pydantic import BaseModel"),
        ("sources.py", "import yaml"),
        ("notify.py", "import apprise"),
        ("check.py", "def f():\n    import yaml"),
        ("hook.py", "def f():\n    import argparse"),
        ("utils.py", ""),
    ],
)
def test_a_crossed_border_is_seen(file: str, text: str) -> None:
    assert len(list(faults(file, text))) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("plan/whole.py", "from pueue_skill import __version__, quote\nfrom .rules import ssh\nimport re, hashlib"),
        ("parse/bashlex_reader.py", "import bashlex.parser\nfrom . import tables"),
        ("backends/pueue.py", "re.compile('x')\nfrom datetime import datetime\ndatetime.fromisoformat('x')"),
        ("cli.py", "import argparse, os\ndef f():\n    from rich.table import Table"),
        ("cli.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from rich.table import Table"),
        ("sources.py", "import tomllib\ndef f():\n    import yaml"),
        ("transport.py", "import subprocess"),
    ],
)
def test_a_border_that_is_kept_is_no_fault(file: str, text: str) -> None:
    assert list(faults(file, text)) == []


PROBE = """
import sys
sys.path[:0] = [sys.argv.pop(1), sys.argv.pop(1)]
import pueue_skill.hook
status = pueue_skill.agents.hook.main(sys.argv[1:])
print(*sorted(sys.modules), sep="\\n", file=sys.stderr)
sys.exit(status)
"""


def loaded_by(command: str, *options: str) -> set[str]:
    """The modules that a hook has loaded once it has looked at `command`, by their first names."""
    event = {
        "session_id": "s",
        "cwd": str(ROOT),
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": command},
    }
    packages = str(Path(pydantic.__file__).parent.parent)
    words = [sys.executable, "-I", *options, "-c", PROBE, str(ROOT), packages, "PreToolUse"]
    done = subprocess.run(words, input=json.dumps(event), capture_output=True, text=True, check=True)
    assert bool(done.stdout) == ("train" in command)
    return {name.partition(".")[0] for name in done.stderr.split()}


SLOW = {"typing", "argparse", "jsonschema", "platformdirs", "pydantic", "rich", "sqlite3", "subprocess", "yaml", "concurrent", "hashlib", "dataclasses"}  # fmt: skip


def test_a_hook_with_nothing_to_do_loads_next_to_nothing() -> None:
    loaded = loaded_by("git status --short")
    assert "pueue_skill" in loaded
    assert loaded & (SLOW | {"bashlex", "tree_sitter", "shlex", "inspect"}) == set()


def test_a_hook_with_something_to_say_loads_the_parser_and_nothing_slow(home: Path) -> None:
    loaded_by("python train.py", "-S")  # bashlex's tables are kept the first time
    loaded = loaded_by("python train.py", "-S")
    assert "bashlex" in loaded
    assert loaded & (SLOW | {"tree_sitter", "inspect"}) == set()


def test_a_command_makes_its_own_options_alone() -> None:
    """As it has them among all; a name that is none is told all that there are."""
    (all_of_them,) = [action.choices for action in main.parser()._actions if action.dest == "name"]
    assert all_of_them
    for name, whole in dict(all_of_them).items():
        (made,) = [action.choices for action in main.parser(name)._actions if action.dest == "name"]
        assert made
        assert list(made) == [name]
        assert dict(made)[name].format_help() == whole.format_help()
    assert main.parser("no such command").format_help() == main.parser().format_help()
