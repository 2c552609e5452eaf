"""Names of variables in generated scripts: none collides with a variable that a job gets, or with one of the command in the script."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import tree_sitter_bash
from tree_sitter import Language, Node, Parser

import pueue_skill
from pueue_skill.plan.analysis import analyse
from pueue_skill.plan.model import Job
from pueue_skill.queues.actions import Action
from pueue_skill.queues.model import JobState
from pueue_skill.queues.protocol import BatchRequest, Pack
from pueue_skill.queues.pueue import units as pueue_units
from pueue_skill.queues.pueue.invocation import recorder
from pueue_skill.queues.registry import KINDS, invocation
from pueue_skill.queues.slurm.arrays import Site
from pueue_skill.queues.slurm.state import parse_snapshot
from pueue_skill.queues.slurm.submit import script_of
from pueue_skill.shell.model import LOCAL, Host

PARSER = Parser(Language(tree_sitter_bash.language()))
OWN = re.compile(r"(?:pq|PQ)_\w+")
MEANT = {
    "PATH",
    "PWD",
    "IFS",
    "HOME",
    "USER",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "PUEUE_CONFIG_PATH",
    "RUST_BACKTRACE",
    "PUEUE_SKILL_KEY",
    "SLURM_TIME_FORMAT",
    "SLURM_BITSTR_LEN",
    "ENVIRONMENT",
    "LC_ALL",
    "SHLVL",
    "SSH_CLIENT",
}
"""Variables that a script sets for the programs that it calls."""


def nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in node.children:
        yield from nodes(child)


def text_of(node: Node | None) -> str:
    return node.text.decode("utf-8", "replace") if node and node.text else ""


def names_set(script: str) -> set[str]:
    """The variables that a shell script sets, by any command, except in its heredocs."""
    found = set()
    script = re.sub(r"(<<'(\w+)'.*\n)(?:.*\n)*?\2\n", r"\1\2\n", script)
    for node in nodes(PARSER.parse(script.encode("utf-8", "surrogateescape")).root_node):
        if node.type == "variable_assignment":
            found.add(text_of(node.child_by_field_name("name")).partition("[")[0])
        elif node.type in ("for_statement", "c_style_for_statement"):
            found.add(text_of(node.child_by_field_name("variable")))
        elif node.type == "arithmetic_expansion":
            found |= set(re.findall(r"(\w+) *[-+]?=(?!=)", text_of(node)))
        elif node.type == "command":
            name, *words = [text_of(child) for child in node.named_children]
            if name == "read":
                found |= {word for word in words if re.fullmatch(r"[A-Za-z_]\w*", word)}
            elif name == "printf" and words[:1] == ["-v"]:
                found.add(words[1])
            elif name == "eval":
                text = " ".join(words)
                made = r'print "(\w+?)_?"' if "$(" in text else r"(?<![\w$-])([A-Za-z_]\w*?)_?(?:\$\w+)?="
                found |= set(re.findall(made, text))
    return found - {""}


pueue, slurm = KINDS["pueue"], KINDS["slurm"]
HOST = Host("local", groups=(("few", 2),), path=("~/bin",))
JOB = Job("k1", "local", "pueue", "few", "label", "/tmp", "echo 'a'")
LONG = JOB._replace(key="k2", command="x" * 140_000, stdin=b"in", split_output=True, after=("1",))
STATE = JobState("1", "k1", "done", "failed", 1, "", "few", None, "/tmp", "x", (), "", None, None)
ACTS = [Action(STATE, call) for call in ("kill", "remove", "restart")]
SITE = Site(parse_snapshot(""), 1000)
BATCH = BatchRequest(
    [JOB._replace(key="b:p:k1:0"), JOB._replace(key="b:p:k2:0", after=("b:p:k1:0",))],
    HOST,
    "b",
    {"few": 2},
    ("KEPT",),
    True,
    20,
)
PACKED = [Pack(JOB._replace(key="b:p:u:0"), (("b:p:k1:0", "echo"),), 10, 2)]
SCRIPTS = {
    "pueue: submission": pueue.submit_script(JOB, HOST),
    "pueue: submission with files": pueue.submit_script(LONG, HOST),
    "pueue: invocation": pueue.invocation((JOB, JOB._replace(key="k3", after=("k1",))), HOST),
    "pueue: follow": pueue.follow_script(STATE, HOST, 0, 0),
    "pueue: status": pueue.status_script(HOST),
    "pueue: acts": pueue.action_script(HOST, ACTS),
    "pueue: batch": pueue.submission(BATCH)[0],
    "pueue: units": pueue.submission(BATCH._replace(jobs=PACKED))[0],
    "pueue: in a unit": pueue_units.runner().decode(),
    "slurm: submission": slurm.submit_script(JOB, HOST),
    "slurm: submission with files": slurm.submit_script(LONG, HOST),
    "slurm: job": script_of(LONG)[0],
    "slurm: invocation": slurm.invocation((JOB, JOB._replace(key="k3", after=("k1",))), HOST),
    "slurm: follow": slurm.follow_script(STATE, HOST, 0, 0),
    "slurm: status": slurm.status_script(HOST),
    "slurm: acts": slurm.action_script(HOST, ACTS),
    "slurm: batch": slurm.submission(BATCH._replace(preflight=SITE))[0],
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_sets_only_prefixed_names(name: str) -> None:
    """A queue stores the environment of the submitting process: setting an exported variable here would change it for the job."""
    found = names_set(SCRIPTS[name])
    assert {one for one in found if not OWN.fullmatch(one)} <= MEANT


QUEUES = Path(pueue_skill.__file__).parent / "queues"
FILES = {
    str(path.relative_to(QUEUES)): path
    for path in QUEUES.glob("**/sh/**/*.*sh")
    if not re.match("provision|health", path.name)  # these add no jobs
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_sets_only_prefixed_names(name: str) -> None:
    found = names_set(FILES[name].read_text())
    assert {one for one in found if not OWN.fullmatch(one)} <= MEANT


TEXTS = (
    'for folder in exps/*; do python train.py --dir "$folder"; done',
    'for pq_work in $(cat f); do python train.py "$pq_work"; done',
    "while read -r folder work quote; do python train.py $folder $work $quote; done < f",
    "IFS=,; set -f; for pq_values in $(cat f); do python train.py $pq_values; done",
    "set -u; PATH=/opt/bin:$PATH; for s in $(cat f); do python train.py $s; done",
    "pq_record() { echo mine; }; pueue() { echo mine; }; for s in $(cat f); do python train.py $s; done",
    'cat f | xargs -I% -P4 python train.py --symbol % "$pq_work"',
    "cat f | xargs -I sh python train.py sh",
    "xargs -n2 -d '\\n' python train.py < f",
)
"""Texts with names that an invocation might use, too."""
RUN_IN_OURS = {"IFS", "PUEUE_SKILL_KEY"}
"""Names without a prefix that the program after the pipe sets."""


@pytest.mark.parametrize("text", TEXTS)
def test_a_loop_runs_in_one_shell_and_is_submitted_by_another(text: str) -> None:
    """The user's text is left of a pipe, where only a program with fixed words is ours; none of it runs on the right."""
    made = invocation(analyse(text, {LOCAL: Host(LOCAL)}).plan)
    assert made
    (pipe,) = [
        node
        for node in nodes(PARSER.parse(made.encode()).root_node)
        if node.type == "pipeline" and text_of(node).startswith("{\n")
    ]
    theirs, ours = pipe.named_children[0], pipe.named_children[-1]
    assert names_set(text_of(theirs)) <= names_set(text)
    assert {word for word in ("pueue add", "pq_record", "pq_next", "printf -v") if word in text_of(theirs)} <= {
        word for word in ("pq_record",) if word in text
    }
    assert {name for name in names_set(text_of(ours)) if not OWN.fullmatch(name)} <= RUN_IN_OURS
    read = {
        text_of(node)
        for node in nodes(ours)
        if node.type == "variable_name" and node.parent and "expansion" in node.parent.type
    }
    assert {name for name in read if not OWN.fullmatch(name)} <= RUN_IN_OURS | {"PWD", "1"}


@pytest.mark.parametrize("text", [text for text in TEXTS if "xargs" in text])
def test_xargs_gets_no_word_of_the_user(text: str) -> None:
    made = invocation(analyse(text, {LOCAL: Host(LOCAL)}).plan)
    assert made
    (call,) = re.findall(r"; (xargs .*?) >&\d", made)
    place = "{}" if "-I" in text else ""
    assert re.fullmatch(rf"xargs (-d '.n' )?(-n 2|-I {{}}) {re.escape(recorder())} ?{re.escape(place)}", call)


def test_names_set_finds_every_way_to_set_a_variable() -> None:
    text = 'a=1 b=2 true; for c in x; do read -r d e; done; printf -v f x; g=$((h += 1)); eval "i=\\$x j_$k=1"; l[2]=x'
    assert names_set(text) == set("abcdefghijl")
