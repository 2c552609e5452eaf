"""The documents: their bash blocks run from top to bottom on real queues, and print the text blocks below them.

A `text` block after a `bash` block is its output. `bash exit-N` exits with N; `bash no-run` cannot run here and is listed in NO_RUN. Each
document has new hosts, so IDs of jobs are known.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
from real import Daemon, Host, Lab, local, until

from pueue_skill.batches.manifest import Manifest
from pueue_skill.cli.main import parser
from pueue_skill.configuration.schema import Config
from pueue_skill.configuration.tools import ToolFile
from pueue_skill.plan.analysis import analyse
from pueue_skill.queues.pueue.task import TASK_FORM
from pueue_skill.rules.registry import RULES
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script, Unparsed

ROOT = Path(__file__).resolve().parent.parent
GENERATED = {"references/rules.md", "references/commands.md"}  # the examples of rules.md are what not to run
DOCS = sorted({str(path.relative_to(ROOT)) for path in [*ROOT.glob("*.md"), *ROOT.glob("references/*.md")]} - GENERATED)
FENCE = re.compile(r"^```(\w*)[ ]?(.*)\n((?:.*\n)*?)```$", re.MULTILINE)
CONFIG = ROOT / "examples/config.toml"

# Installation, commands for the agent, make (which has separate tests), changes of a host.
NO_RUN = {
    "CONTRIBUTING.md": [
        'make setup\nmake test\nmake test ARGS="tests/rules/test_rules.py -k PQ101"\nmake lint\nmake gen\nmake check',
    ],
    "README.md": [
        "make demo\nmake test",
        "uv tool install .",
        "pipx install .",
        "claude plugin marketplace add /path/to/pueue-skill\nclaude plugin install pueue-skill@pueue-skill",
        "pueue-skill install codex",
        "pueue-skill setup bigblack          # install pueue, its configuration, a daemon that survives reboots, the groups; then run a test job\n"
        "pueue-skill setup local             # the same on this machine\n"
        "pueue-skill setup bigblack --remove # undo what setup did",
        "pueue-skill batch submit rangebar.toml       # add the missing jobs; safe to repeat, after any interruption and by anyone\n"
        "pueue-skill batch status rangebar.toml       # show progress by phase and group\n"
        "pueue-skill batch watch rangebar.toml        # watch until the batch is done; exits 1 if a job failed\n"
        "pueue-skill batch resume rangebar.toml       # restart, in place, failed jobs that may succeed now; say why others are left as is\n"
        "pueue-skill batch log rangebar.toml LABEL    # print the output of a job",
    ],
    "references/agents.md": [
        "claude plugin marketplace add /path/to/pueue-skill\nclaude plugin install pueue-skill@pueue-skill",
        "claude --plugin-dir /path/to/pueue-skill",
        "pueue-skill install claude --mode suggest\npueue-skill install codex\npueue-skill install gemini --scope project\n"
        "pueue-skill uninstall claude",
        "pueue-skill watch --session ID",
    ],
    "references/notices.md": [
        "pueue-skill notify --test                        # send a message to each target; print which failed and why\n"
        "pueue-skill batch watch rangebar.toml --notify   # notify of its failed jobs, and of its end with counts\n"
        "pueue-skill status --watch --notify              # notify of failed jobs and empty groups, on all hosts\n"
        "pueue-skill watch --session ID --notify          # notify of failed jobs of a session\n"
        "pueue-skill notify                               # send pending notifications",
    ],
    "references/hosts.md": [
        "ssh bigblack 'cargo install pueue --locked --root ~/.local'",
        "ssh bigblack 'systemctl --user daemon-reload && systemctl --user enable --now pueued && loginctl enable-linger'",
    ],
}


class Block(NamedTuple):
    """A fenced block; `after` is the text between it and the block before."""

    language: str
    info: str
    text: str
    line: int
    after: str


def blocks(doc: str) -> list[Block]:
    text = (ROOT / doc).read_text("utf-8")
    found, end = [], 0
    for m in FENCE.finditer(text):
        found.append(Block(m[1], m[2], m[3], text.count("\n", 0, m.start()) + 1, text[end : m.start()].strip()))
        end = m.end()
    return found


def section(doc: str, name: str) -> str:
    """Return the text between `<!-- name -->` and `<!-- /name -->`."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", (ROOT / doc).read_text("utf-8"), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def stage() -> Iterator[dict[str, Daemon]]:
    """The hosts of examples/config.toml, new; each has a ~/project and stubs of the examples' programs."""
    with ExitStack() as ends:
        lab = Lab()
        ends.callback(lab.close)
        daemons: dict[str, Daemon] = {"local": local(lab)}
        ends.callback(daemons["local"].stop)
        for name, table in tomllib.loads(CONFIG.read_text())["hosts"].items():
            if name != "local":
                daemons[name] = Host(lab, name, table["groups"])
                ends.callback(daemons[name].stop)
        (master,) = [block.text for block in blocks("references/hosts.md") if "ControlMaster" in block.text]
        with (lab.client / ".ssh/config").open("a") as config:
            config.write(master.replace("~", str(lab.client)))  # ssh would take the home in the passwd file
        for name, daemon in daemons.items():
            home = lab.client if name == "local" else daemon.home
            (home / "project").mkdir()
            (home / ".bashrc").write_text('PATH="$HOME/.local/bin:$PATH"\n')
            for program in ("uv", "python"):
                path = (lab.bin if name == "local" else home / ".local/bin") / program
                path.write_text(f'#!/bin/sh\necho "{program} $*"\n')
                path.chmod(0o755)
        folder = lab.client / ".config/pueue-skill"
        folder.mkdir(parents=True)
        shutil.copy(CONFIG, folder)
        (lab.client / "data").mkdir()
        shutil.copytree(ROOT / "examples", lab.client / "examples")
        yield daemons


def same(text: str) -> str:
    """Return `text` without durations and blanks at the ends of lines."""
    return "\n".join([re.sub(r" \d+s ", " 0s ", line).rstrip() for line in text.splitlines()])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("doc", [doc for doc in DOCS if any(block.language == "bash" for block in blocks(doc))])
@pytest.mark.long
def test_every_command_line_runs(doc: str, stage: dict[str, Daemon]) -> None:
    env = stage["local"].env | {"COLUMNS": "100"}
    printed = None
    for block in blocks(doc):
        if block.language == "text" and not block.after and printed is not None:
            assert same(block.text) == same(printed), f"{doc}:{block.line}: this was printed:\n{printed}"
        printed = None
        if block.language == "bash" and block.info != "no-run":
            code = int(block.info.removeprefix("exit-") or 0)
            done = subprocess.run(
                ["bash", "-e", "-o", "pipefail", "-c", block.text],
                env=env, cwd=env["HOME"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, timeout=60,
            )  # fmt: skip
            printed = done.stdout
            assert done.returncode == code, f"{doc}:{block.line}: exit code {done.returncode}\n{block.text}{printed}"
    for daemon in stage.values():
        for task in daemon.tasks():
            until(lambda d=daemon, t=task: "Done" in d.tasks()[t]["status"], f"the end of job {task}")


@pytest.mark.timeout(300)
def test_the_service_of_hosts_md_starts_a_daemon(stage: dict[str, Daemon]) -> None:
    """In the test above a daemon already runs. The line must not hang either, as `ssh HOST pueued -d` does."""
    (line,) = [
        line for block in blocks("references/hosts.md") for line in block.text.splitlines() if "pueued -d" in line
    ]
    env, host = stage["local"].env, stage["littleblack"]
    host.pueue("shutdown")
    until(lambda: not host.answers(), "the end of the daemon")
    subprocess.run(["bash", "-c", line], env=env, check=True, timeout=20)
    until(host.answers, "the new daemon")
    host.pueue("shutdown")


def test_quoted_messages_exist_in_the_program() -> None:
    """Yield the longest part of each message in the table of troubleshooting.md that contains no name."""
    files = [
        *ROOT.glob("pueue_skill/**/*.py"),
        *ROOT.glob("pueue_skill/**/*.sh"),
        ROOT / "tests/e2e/test_run.py",
    ]  # what pueue itself says is tested there
    source = "".join([file.read_text("utf-8") for file in files])
    messages = re.findall(r"^\| `(.+?)`", (ROOT / "references/troubleshooting.md").read_text("utf-8"), re.MULTILINE)
    assert messages
    for message in messages:
        parts = re.split(r"\b(?:NAME|ID|[A-Z])\b|…|\d+", message)
        assert max(parts, key=len).strip(" :") in source, message


def test_only_these_blocks_are_not_run() -> None:
    found = {doc: [block.text.strip() for block in blocks(doc) if block.info == "no-run"] for doc in DOCS}
    assert {doc: texts for doc, texts in found.items() if texts} == NO_RUN


@pytest.mark.parametrize("doc", DOCS)
def test_blocks_are_of_known_kinds(doc: str) -> None:
    text = (ROOT / doc).read_text("utf-8")
    assert len(re.findall("^ *```", text, re.MULTILINE)) == 2 * len(blocks(doc))
    for block in blocks(doc):
        assert block.language in ("bash", "text", "toml", "json")
        assert re.fullmatch(r"|no-run|exit-\d+", block.info)
        if block.language == "toml":
            content = tomllib.loads(block.text)
            model = Manifest if "phases" in content else ToolFile if "tools" in content else Config
            model.model_validate(content)
        if block.language == "json":
            json.loads(block.text)


@pytest.mark.parametrize("doc", DOCS)
def test_commands_and_options_exist(doc: str) -> None:
    """Commands and options in prose and tables, not only in blocks."""
    (choices,) = [action.choices for action in parser()._actions if isinstance(action, argparse._SubParsersAction)]
    known = {name: set(one._option_string_actions) for name, one in choices.items()} | {"--version": set()}
    for span in re.findall(r"`pueue-skill ([^`]+)`", (ROOT / doc).read_text("utf-8")):
        command, *words = span.partition(" -- ")[0].split()
        assert command in known, span
        assert {word for word in words if word.startswith("--")} <= known[command], span


def slugs(text: str) -> set[str]:
    """Return the anchors that GitHub gives to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("doc", [*DOCS, *sorted(GENERATED)])
def test_links_resolve(doc: str) -> None:
    text = FENCE.sub("", (ROOT / doc).read_text("utf-8"))
    for link in re.findall(r"\]\(([^)\s]+)\)", text):
        if link.startswith("https://"):
            continue
        target, _, anchor = link.partition("#")
        path = (ROOT / doc).parent / target if target else ROOT / doc
        assert path.exists(), link
        assert not anchor or anchor in slugs(path.read_text("utf-8")), link


def test_the_rule_table_lists_every_rule() -> None:
    rows = ["| rule | | looks for | gives |", "|---|---|---|---|"]
    for rule in RULES:
        what = rule.what.removeprefix("Looks for ").removesuffix(".")
        rows.append(f"| {rule.id} | {rule.name} | {what} | {'queue' if rule.rewrite else 'advice'} |")
    table = "\n".join(rows) + "\n"
    assert section("README.md", "rules") == table, f"README.md should have\n{table}"


def test_the_changelog_names_every_rule() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert [rule.id for rule in RULES if not re.search(rf"\b{rule.id}\b", text)] == []


def test_commands_left_as_is_have_the_documented_reason() -> None:
    rows = re.findall(r"^\| `(.+)` \| (.+) \|$", section("README.md", "left"), re.MULTILINE)
    hosts = Config.model_validate(tomllib.loads(CONFIG.read_text())).by_name()
    assert rows
    for command, reason in rows:
        plan = analyse(command, hosts).plan
        assert (plan.jobs, plan.reason) == ((), reason), command


@pytest.mark.parametrize(
    "text", ["[[ -e x ]] && y", "case x in y) z ;; esac", "x $((1 + 1))", "x=(1 2)", "time x", "x <<'E'\ny\nE"]
)
def test_the_limits_name_constructs_for_the_second_reader(text: str) -> None:
    script = parse(text)
    assert isinstance(script, Script)
    assert script.parser == "tree-sitter"


@pytest.mark.parametrize("text", ["x )", "if x", "x 'y", "shopt -s extglob; x !(y)", "x \udcff", "x" * 65_537])
def test_the_limits_name_unparsed_constructs(text: str) -> None:
    assert isinstance(parse(text), Unparsed)


def test_the_form_around_a_job_is_the_one_in_the_readme() -> None:
    form = TASK_FORM.format(
        inherited="", before="", key="<key>", run="bash -c <the command, quoted once>", stdin="</dev/null", after=""
    )
    assert f"\n    {form}\n" in (ROOT / "README.md").read_text("utf-8")


TRIGGERS = ["run on bigblack", "run on littleblack", "queue job", "long-running task", "cache population",
            "batch processing", "GPU workstation"]  # fmt: skip


def test_the_skill_says_when_it_is_for() -> None:
    _, head, body = (ROOT / "SKILL.md").read_text("utf-8").split("---\n", 2)
    fields = dict(re.findall(r"^([a-z-]+): (.+(?:\n  .+)*)", head, re.MULTILINE))
    assert list(fields) == ["name", "description", "license", "compatibility"]
    assert fields["name"] == "pueue-skill"
    description = " ".join(fields["description"].removeprefix(">-").split())
    assert len(description) <= 1024
    assert [phrase for phrase in TRIGGERS if phrase not in description] == []
    assert len(body.splitlines()) < 100


def test_the_skill_is_valid(tmp_path: Path) -> None:
    """The reference validator requires that the folder has the skill's name."""
    skill = tmp_path / "pueue-skill"
    skill.mkdir()
    shutil.copy(ROOT / "SKILL.md", skill)
    shutil.copytree(ROOT / "references", skill / "references")
    validate = [Path(sys.executable).with_name("agentskills"), "validate", skill]
    done = subprocess.run(validate, capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stderr
