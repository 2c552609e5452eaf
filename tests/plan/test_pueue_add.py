"""PQ508: how `pueue add` changes several words, and that the suggested single argument runs them as written."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from real import Daemon, Host, until

from pueue_skill.plan.analysis import analyse
from pueue_skill.rules.registry import findings
from pueue_skill.shell.commands import commands
from pueue_skill.shell.model import Host as ModelHost
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script

HOSTS = {"bigblack": ModelHost("bigblack", "bigblack", "~/.local/bin/pueue")}
RECORDER = """#!/bin/sh
printf '[%s]' "$PWD" "$@" >>"${0%/*}/ran"
"""


def found(text: str) -> list[str]:
    script = parse(text)
    assert isinstance(script, Script)
    return [finding.message for finding in findings(commands(script)) if finding.rule == "PQ508"]


def fixed(text: str) -> str:
    (message,) = found(text)
    return message.partition("one argument keeps them: `")[2].removesuffix("`")


WORDS = {
    "rec 'a b'": ["a b"],
    "rec \"it's\" '\"x\"' c": ["it's", '"x"', "c"],
    "rec '' '#1' '(' 'a ;'": ["", "#1", "(", "a ;"],
    "rec 'a;touch x' 'b&&c' d\\|e": ["a;touch x", "b&&c", "d|e"],
    "rec '$HOME `id` $(id)' '*'": ["$HOME `id` $(id)", "*"],
    "rec 'http://h/?a=1&b=2' --json '{\"a\": 1}'": ["http://h/?a=1&b=2", "--json", '{"a": 1}'],
    "rec $'a\\tb\\nc' ä": ["a\tb\nc", "ä"],
    "rec 'back\\slash' \"!x\" ~/y": ["back\\slash", "!x", "~/y"],
    "sh -c 'rec a; rec \"b c\"'": ["a", "b c"],
    "bash -c \"A=1; rec \\$A 'x y'\"": ["1", "x y"],
    "bash -ec 'cd / && rec \"$PWD\"'": ["/"],
    "A='x y' rec \"b c\"": ["b c"],
    "env A='x y' sh -c 'rec \"$A\"'": ["x y"],
    "rec '$PUEUE_GROUP' 'a b'": ["default", "a b"],
    "rec 'a b' '&&' rec c": ["a b", "c"],
    "rec 'a b' '>' out '2>&1'": ["a b"],
    "find . -maxdepth 0 -exec rec '{}' 'a b' \\;": [".", "a b"],
    "bash -c \"rec $VALUE; rec 'b c'\"": ["one", "b c"],
    "rec \"$VALUE two\"": ["one two"],
}  # fmt: skip
"""Words after `pueue add --`, and the arguments with which they should run the recorder."""


def ran(daemon: Daemon, folder: Path, text: str) -> list[str]:
    """Return the arguments of the recorder's executions after `text` was run and its job has ended."""
    env = daemon.env | {"PATH": f"{folder}:{daemon.env['PATH']}", "VALUE": "one"}
    before = set(daemon.tasks())
    subprocess.run(["bash", "-c", text], env=env, cwd=folder, check=True, capture_output=True, timeout=30)
    (new,) = set(daemon.tasks()) - before
    until(lambda: "Done" in daemon.tasks()[new]["status"], "the job's end")
    file = folder / "ran"
    calls = file.read_text().split("[")[1:] if file.exists() else []
    file.unlink(missing_ok=True)
    return [call.removesuffix("]") for call in calls]


def recorder(folder: Path) -> Path:
    (folder / "rec").write_text(RECORDER)
    (folder / "rec").chmod(0o755)
    return folder


@pytest.mark.parametrize("words", WORDS)
def test_one_quoted_argument_runs_the_words_as_written(pueued: Daemon, tmp_path: Path, words: str) -> None:
    folder = recorder(tmp_path)
    wanted = [word.replace("~", pueued.env["HOME"], 1) if word[:1] == "~" else word for word in WORDS[words]]
    said = ran(pueued, folder, fixed(f"pueue add -- {words}"))
    assert [word for word in said if word not in (str(folder), "/")] == [word for word in wanted if word != "/"]
    assert ("/" in wanted) == ("/" in said)


@pytest.mark.parametrize("words", WORDS)
def test_pueue_runs_several_words_differently(pueued: Daemon, tmp_path: Path, words: str) -> None:
    """pueue runs exactly the command that the finding shows."""
    folder = recorder(tmp_path)
    (message,) = found(f"pueue add -- {words}")
    joined = message.removeprefix("pueue joins the words and runs `").partition("`; one argument")[0]
    assert ran(pueued, folder, f"pueue add -- {words}") == ran(pueued, folder, quoted(joined))


def quoted(text: str) -> str:
    """Return `pueue add` with one argument, with the shell's expansions done."""
    text = text.replace("$VALUE", "one")
    return "pueue add -- '" + text.replace("'", "'\\''") + "'"


@pytest.mark.parametrize(
    "text",
    [
        "pueue add -- rec a --b=c d/e.txt x_1 50% a:b,c@d +e ^f",
        "pueue add 'rec a; rec b'",
        "pueue add rec a",
        "pueue add -- rec '*.txt' '$HOME' '~/x'",
        "pueue add -e -- rec 'a b'",
        "pueue add --escape rec 'a b'",
        "pueue add -g p1 -l 'a b' -w '/tmp/x y' -- rec a",
        "pueue add -a 0 1 -- rec a",
        "pueue add --after 1 2 3 --label 'x y' -- rec a",
        "pueue add -- rec a '&&' rec b",
        "pueue add -- rec a '; rec b'",
        "pueue add -- rec a \\> out",
        "pueue add -- 'cd x && rec' a b",
        'pueue add -- rec "$VALUE"',
        "pueue add -- A=1 rec b",
        "pueue status 'a b'",
    ],
)  # fmt: skip
def test_words_that_pueue_does_not_change_are_not_flagged(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "pueue add -g 'p 1' -- sh -c 'a; b'",
        "pueue add -l 'x y' -- sh -c 'a; b'",
        "pueue add --after 1 2 -- sh -c 'a; b'",
        "pueue add -a 1 -s -d 2h -o 3 -i -- sh -c 'a; b'",
        "pueue add sh -c 'a; b'",
        "A=1 pueue add -p -- sh -c 'a; b'",
        "cd x && pueue add -- sh -c 'a; b' && echo queued",
        "for i in 1 2; do pueue add -- sh -c 'a; b'; done",
        "ssh bigblack \"~/.local/bin/pueue add --label 'x y' -- sh -c 'a; b'\"",
    ],
)
def test_options_of_pueue_add_are_unchanged(text: str) -> None:
    assert fixed(text).endswith("-- \"sh -c 'a; b'\"")
    head = fixed(text).partition(" -- ")[0]
    assert head in text


def test_over_ssh(pueued: Daemon, bigblack: Host) -> None:
    """The invocation that replaces several words over ssh runs them on the host."""
    text = 'ssh bigblack "~/.local/bin/pueue add -- sh -c \'printf \\"<%s>\\" \\"a b\\" c\'"'
    (job,) = analyse(text, HOSTS).plan.jobs
    assert job.command == 'sh -c \'printf "<%s>" "a b" c\''
    env = pueued.env
    before = set(bigblack.tasks())
    subprocess.run(
        ["ssh", "bigblack", "sh -s"], input=fixed(text), env=env, check=True, capture_output=True, text=True, timeout=30
    )
    (new,) = set(bigblack.tasks()) - before
    until(lambda: "Done" in bigblack.tasks()[new]["status"], "the job's end")
    assert "<a b><c>" in bigblack.run("log", str(new)).stdout


@pytest.mark.parametrize(
    ("text", "work"),
    [
        ("ssh h pueue add -- bash -c 'cd ~/p && ./run.sh'", "cd ~/p && ./run.sh"),
        ("ssh h pueue add -- bash -c 'cd ~/p; ./run.sh \"a b\"'", "cd ~/p; ./run.sh \"a b\""),
        ("ssh h \"pueue add -- bash -c cd ~/p && ./run.sh\"", "cd ~/p && ./run.sh"),
        ("ssh h pueue add -- bash -lc 'cd p && ./run.sh'", "bash -lc 'cd p && ./run.sh'"),
        ("ssh h pueue add -- sh -c 'cd /tmp; pwd'", "sh -c 'cd /tmp; pwd'"),
        ("ssh h pueue add -- bash -c './run.sh --all'", "./run.sh --all"),
        ("ssh h \"pueue add -- bash -c 'cd ~/p && ./run.sh'\"", "bash -c 'cd ~/p && ./run.sh'"),
        ("pueue add -- bash -c python train.py", "python train.py"),
        ("pueue add -- cd ~/p && ./run.sh", "cd ~/p && ./run.sh"),
    ],
)  # fmt: skip
def test_the_suggestion_unwraps_the_shell(text: str, work: str) -> None:
    (job,) = analyse(text, {}).plan.jobs
    assert job.command == work


@pytest.mark.parametrize(
    "text",
    [
        "echo $(pueue add -- sh -c 'a; b')",
        "pueue add -- sh -c 'a; b' > log",
        "A=1 pueue add -- cd x && ./run.sh",
        "pueue add -- sh -c 'a; b'; pueue add -- sh -c 'c; d'",
        'pueue add -- bash -c "cd $DIR && ./run.sh"',
    ],
)
def test_only_the_pueue_add_command_is_replaced(text: str) -> None:
    plan = analyse(text, {}).plan
    assert (plan.verdict, plan.jobs, plan.in_place) == ("queue", (), None)
