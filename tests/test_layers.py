"""The imports between packages, read from their source, and the modules that a hook without a reply loads.

Imports point one way. Pure packages only compute: they use no file, clock, environment, subprocess or network.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pydantic
import pytest

from pueue_skill.cli import main

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "pueue_skill"
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}

PIPE = ("startup", "shell", "rules", "plan", "queues")
"""The pure packages: each may import those before it."""

BELOW = {
    **{name: PIPE[:i] for i, name in enumerate(PIPE)},
    "state": PIPE,
    "configuration": (*PIPE, "state"),
    "hosts": (*PIPE, "state", "configuration"),
    "jobs": (*PIPE, "state", "configuration", "hosts"),
    "batches": (*PIPE, "state", "configuration", "hosts"),
    "agents": (*PIPE, "state", "configuration", "hosts", "jobs", "batches"),
    "notify": (*PIPE, "state", "configuration", "hosts", "jobs", "batches"),
    "lint": PIPE[:4],
    "views": (*PIPE, "state", "configuration", "hosts", "jobs", "batches", "agents", "notify", "lint"),
    "cli": (*PIPE, "state", "configuration", "hosts", "jobs", "batches", "agents", "notify", "lint", "views"),
}
"""The packages that each package may import; packages missing here fail."""

# What computes only. datetime is here for reading times; asking for the present one is looked for below.
PURE = set(
    "__future__ base64 bisect collections copy dataclasses datetime enum functools gzip hashlib itertools json math operator"
    " difflib plistlib posixpath re string textwrap types typing unicodedata".split()
)

QUEUES = {path.name for path in (PACKAGE / "queues").iterdir() if (path / "__init__.py").is_file()}
"""The kinds of queue. Their shared modules are in queues/."""

KNOW_PUEUE = ("hosts/doctor/", "hosts/provision/", "jobs/proof.py", "cli/commands/setup.py")
"""Modules about pueue's daemon. All other modules outside queues/ use kinds of queue through the registry."""

ONLY_IN = {
    "apprise": ("notify/",),
    "argparse": ("cli/",),
    "bashlex": ("shell/parse/",),
    "pydantic": ("configuration/", "batches/manifest.py", "cli/schemas.py"),
    "shlex": ("shell/quote.py",),
    "shtab": ("cli/commands/completion.py",),
    "subprocess": ("hosts/transport.py",),
    "textual": ("views/top.py",),
    "tree_sitter": ("shell/parse/",),
    "tree_sitter_bash": ("shell/parse/",),
    "yaml": ("configuration/formats.py", "hosts/provision/", "lint/sources.py"),
}

EXCEPTIONS = {
    "shell/parse/tables.py": {"marshal", "os", "sys"},  # bashlex's tables are kept in a file, or its import is slow
    "startup/files.py": {"os"},
    "startup/digest.py": {"_sha2", "_sha256"},  # as hashlib, without OpenSSL
    "queues/registry.py": {"importlib"},  # a kind of queue is imported when it is first asked for something
    "queues/actions.py": {"fnmatch"},  # for fnmatchcase, which only computes
}

READERS = {"shell/parse/tables.py", "startup/files.py", "startup/record.py", "queues/script.py", "queues/registry.py"}
"""Pure modules that open files, import by name or compile text of this package: the parser's tables, the one write, constructors, scripts
and kinds of queue."""

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
    room = file.partition("/")[0]
    pure = room in PIPE
    for name, line, later in imports(file, text):
        top, _, rest = name.partition(".")
        own = top == "pueue_skill"
        if not among(file, ONLY_IN.get(top, (file,))):
            yield f"{file}:{line} imports {top}, which only {' and '.join(ONLY_IN[top])} may"
        if (top in ("apprise", "rich", "shtab", "yaml") and not later and file != "views/top.py") or (
            name == "pueue_skill.views.top" and not later
        ):
            yield f"{file}:{line} imports {name} outside a function: every start would pay for it"
        if own and rest and "/" in file and rest.partition(".")[0] not in (room, *BELOW[room]):
            yield f"{file}:{line} imports {name}, and {room} may import only {' '.join(BELOW[room])}"
        kind = next((kind for kind in QUEUES if file.startswith(f"queues/{kind}/")), "")
        if kind and any(name.startswith(f"pueue_skill.queues.{other}") for other in QUEUES - {kind}):
            yield f"{file}:{line} imports {name}: a kind of queue knows no other"
        asks = next((kind for kind in QUEUES if f"{name}.".startswith(f"pueue_skill.queues.{kind}.")), "")
        if asks and room != "queues" and not (asks == "pueue" and among(file, KNOW_PUEUE)):
            yield f"{file}:{line} imports {name}: kinds of queue are reached through queues.registry"
        if pure and not own and top not in PURE | EXCEPTIONS.get(file, set()) | ONLY_IN.keys():
            yield f"{file}:{line} is pure and imports {name}, which is not on the list of what only computes"
    if pure and file not in READERS:
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in IMPURE:
                yield f"{file}:{node.lineno} is pure and calls {ast.unparse(node.func)}"
    if room != "queues":
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Compare) and ast.unparse(node.left).endswith(".backend"):
                yield f"{file}:{node.lineno} asks which kind a queue is; a member of queues.protocol.Kind says what it can do"
    if "utils" in Path(file).stem:
        yield f"{file}: a module is named for what it holds"


@pytest.mark.parametrize("file", FILES)
def test_imports_between_packages(file: str) -> None:
    assert list(faults(file, FILES[file].read_text())) == []


def test_every_module_is_in_a_documented_package() -> None:
    assert {file for file in FILES if "/" not in file} == {"__init__.py", "__main__.py"}
    assert {file.partition("/")[0] for file in FILES if "/" in file} == BELOW.keys()
    for file in FILES:
        tree = ast.parse(FILES[file].read_text())
        if file.endswith("__init__.py") and file != "shell/parse/__init__.py":
            assert ast.get_docstring(tree), file
            assert file == "__init__.py" or len(tree.body) == 1, f"{file} holds code: importing a module would run it"
        else:
            assert ast.get_docstring(tree) or file == "__main__.py", file


def test_the_tests_mirror_the_packages() -> None:
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders <= BELOW.keys() | {"e2e"}


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("plan/whole_line.py", "import os"),
        ("plan/whole_line.py", "def f():\n    from time import time"),
        ("plan/whole_line.py", "from pueue_skill.hosts import transport"),
        ("shell/commands.py", "from ..hosts import transport"),
        ("rules/ssh.py", "from ..plan.planner import plan"),
        ("rules/ssh.py", "import pueue_skill.configuration.config"),
        ("queues/registry.py", "def f():\n    from pueue_skill.jobs import select"),
        ("queues/slurm/submit.py", "from pueue_skill.queues.pueue import submit"),
        ("queues/pueue/batch.py", "def f():\n    from pueue_skill.queues import slurm"),
        ("hosts/client.py", "from pueue_skill.jobs import select"),
        ("hosts/audit.py", "from pueue_skill.queues.pueue import state"),
        ("jobs/actions.py", "def f():\n    from pueue_skill.queues import pueue"),
        ("hosts/doctor/examination.py", "from pueue_skill.queues.slurm.state import parse_snapshot"),
        ("state/database.py", "from pueue_skill.configuration import config"),
        ("agents/hook.py", "def f():\n    from pueue_skill.cli import main"),
        ("plan/whole_line.py", "text = open('f').read()"),
        ("plan/whole_line.py", "from datetime import datetime\ndatetime.now()"),
        ("shell/commands.py", "import bashlex"),
        ("hosts/client.py", "def f(host):\n    return host.backend == 'slurm'"),
        ("hosts/client.py", "import subprocess"),
        ("hosts/client.py", "from subprocess import run"),
        ("cli/main.py", "import shlex"),
        ("cli/main.py", "from rich.table import Table"),
        ("cli/main.py", "from pueue_skill.views import top"),
        ("cli/main.py", "def f():\n    from textual.app import App"),
        ("cli/main.py", "from pydantic import BaseModel"),
        ("lint/sources.py", "import yaml"),
        ("notify/deliver.py", "import apprise"),
        ("lint/check.py", "def f():\n    import yaml"),
        ("agents/hook.py", "def f():\n    import argparse"),
        ("shell/utils.py", ""),
    ],
)
def test_a_forbidden_import_is_reported(file: str, text: str) -> None:
    assert len(list(faults(file, text))) == 1


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("plan/whole_line.py", "from pueue_skill import __version__\nfrom ..rules import ssh\nimport re, hashlib"),
        ("shell/parse/bashlex_reader.py", "import bashlex.parser\nfrom . import tables"),
        ("queues/pueue/submit.py", "re.compile('x')\nfrom datetime import datetime\ndatetime.fromisoformat('x')"),
        ("cli/main.py", "import argparse, os\ndef f():\n    from rich.table import Table"),
        ("cli/main.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from rich.table import Table"),
        ("lint/sources.py", "import tomllib\ndef f():\n    import yaml"),
        ("hosts/transport.py", "import subprocess"),
        ("hosts/doctor/examination.py", "from pueue_skill.queues.pueue import health"),
    ],
)
def test_a_permitted_import_is_not_reported(file: str, text: str) -> None:
    assert list(faults(file, text)) == []


PROBE = """
import sys
sys.path[:0] = [sys.argv.pop(1), sys.argv.pop(1)]
import pueue_skill.agents.hook
status = pueue_skill.agents.hook.main(sys.argv[1:])
print(*sorted(sys.modules), sep="\\n", file=sys.stderr)
sys.exit(status)
"""


def loaded_by(command: str, *options: str) -> set[str]:
    """Return the modules that a hook has loaded for `command`, by their first names."""
    event = {
        "session_id": str(uuid.uuid4()),
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


def test_a_hook_without_a_reply_loads_few_modules() -> None:
    loaded = loaded_by("git status --short")
    assert "pueue_skill" in loaded
    assert loaded & (SLOW | {"bashlex", "tree_sitter", "shlex", "inspect"}) == set()


def test_a_hook_with_a_reply_loads_the_parser_and_nothing_slow(home: Path) -> None:
    loaded_by("python train.py", "-S")  # bashlex's tables are kept the first time
    loaded = loaded_by("python train.py", "-S")
    assert "bashlex" in loaded
    assert loaded & (SLOW | {"tree_sitter", "inspect"}) == set()


def test_a_command_defines_only_its_own_options() -> None:
    """The options are the same as those in the full parser; an unknown command gets the list of all."""
    (all_of_them,) = [action.choices for action in main.parser()._actions if action.dest == "name"]
    assert all_of_them
    for name, whole in dict(all_of_them).items():
        (made,) = [action.choices for action in main.parser(name)._actions if action.dest == "name"]
        assert made
        assert list(made) == [name]
        assert dict(made)[name].format_help() == whole.format_help()
    assert main.parser("no such command").format_help() == main.parser().format_help()


STARTED = """
import sys
sys.path[:0] = [sys.argv.pop(1), sys.argv.pop(1)]
from pueue_skill.cli.main import main
file = sys.argv.pop(1)
status = main(sys.argv[1:])
open(file, "w").write("\\n".join(sys.modules))
sys.exit(status)
"""

PUEUE = """#!/bin/sh
case $1 in
--version) echo pueue 4.0.4 ;;
add) for added; do :; done; printf %s "$added" >"$0.added"; echo 0 ;;
status)
    task=
    if [ -f "$0.added" ]; then
        task=$(printf '"0":{"id":0,"created_at":"2026-11-24T10:00:00Z","original_command":"%s","command":"%s","path":"/","envs":{},
            "group":"default","dependencies":[],"priority":0,"label":null,"status":{"Queued":{"enqueued_at":"2026-11-24T10:00:00Z"}}}' \\
            "$(cat "$0.added")" "$(cat "$0.added")" | tr -d '\\n')
    fi
    echo "{\\"tasks\\":{$task},\\"groups\\":{\\"default\\":{\\"status\\":\\"Running\\",\\"parallel_tasks\\":4}}}" ;;
esac
"""
"""A queue that holds the last submitted job."""

NOT_AT_START = {
    "concurrent", "dataclasses", "email", "gettext", "hashlib", "inspect", "ipaddress", "jsonschema", "logging", "pathlib", "platformdirs", "pydantic",
    "rich", "shutil", "sqlite3", "tempfile", "textwrap", "tomllib", "typing", "typing_extensions", "urllib", "yaml",
}  # fmt: skip
"""Modules whose import takes a short command longer than its work."""

NO_QUEUE = {"datetime", "subprocess", "selectors", "threading"}
NO_PARSER = {"bashlex", "tree_sitter"}


@pytest.mark.parametrize(
    ("words", "without"),
    [
        (["--version"], {"json", "datetime"} | NO_PARSER),
        (["suggest", "python train.py"], NO_QUEUE | {"tree_sitter"}),
        (["status"], NO_PARSER),
        (["run", "--detach", "python train.py"], NO_PARSER),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, list) else "",
)
def test_modules_that_a_command_loads(words: list[str], without: set[str], tmp_path: Path, home: Path) -> None:
    """Without a terminal, with a cached configuration, and with the hook's caches."""
    (home / ".config/pueue-skill").mkdir(parents=True)
    (home / ".config/pueue-skill/config.toml").write_text("[hosts.local]\ngroups = { default = 4 }\n[run]\nwait = 5\n")
    (tmp_path / "pueue").write_text(PUEUE)
    (tmp_path / "pueue").chmod(0o755)
    packages = str(Path(pydantic.__file__).parent.parent)
    command = [sys.executable, "-I", "-S", "-c", STARTED, str(ROOT), packages, str(tmp_path / "loaded"), *words]
    env = {"HOME": str(home), "PATH": f"{tmp_path}:/usr/bin:/bin", "LANG": "C.UTF-8"}
    for _ in range(2):  # the first time, settings and the parser's tables are kept
        (tmp_path / "pueue.added").unlink(missing_ok=True)
        done = subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        assert done.stdout
    loaded = {name.partition(".")[0] for name in (tmp_path / "loaded").read_text().split()}
    assert "pueue_skill" in loaded
    assert loaded & (NOT_AT_START | without) == set()
