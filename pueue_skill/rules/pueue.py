"""PQ5: pueue used in ways that do something else than they seem to."""

from __future__ import annotations

from pueue_skill.facts import Wrapper, options
from pueue_skill.model import Command, Word
from pueue_skill.rules.rule import Hit, Rule, on
from pueue_skill.rules.work import weigh

ADD = Wrapper("wladgo", "working-directory label after delay group priority")
"""The options of `pueue add` that take a value (pueue 4.0: -w -l -a -d -g -o)."""


def subcommand(command: Command) -> str | None:
    return command.args[0] if command.name == "pueue" and command.args else None


def added(command: Command) -> tuple[Word, ...]:
    """The words that `pueue add` joins with spaces and queues."""
    return command.words[2 + options(command.words[2:], ADD)[1] :] if subcommand(command) == "add" else ()


def check_split_add(command: Command, after: tuple[Command, ...]) -> Hit | None:
    words = added(command)
    if not words or command.then not in ("&&", ";", "||") or not after or after[0].name == "pueue":
        return None
    if len(words) == 1 and " " in words[0].value:
        return None
    if words[0].value not in ("cd", "source", ".", "export") and weigh(after[0]).size == "quick":
        return None
    rest = after[0].words[0].value
    queued = " ".join([word.value for word in words])
    return on(
        command,
        f"only `{queued}` is queued; the {command.then} ends `pueue add`, and {rest} runs at once, outside the queue",
    )


def check_restart(command: Command, after: tuple[Command, ...]) -> Hit | None:
    if subcommand(command) != "restart" or {"-i", "--in-place", "--help", "-h"} & set(command.args):
        return None
    if {"-a", "--all-failed"} & set(command.args):
        return on(command, "restarts every failed task of every group as a new one, whoever's it is")
    return on(command, "without --in-place a new task is made: dependencies are dropped and dependants stay failed")


def check_reset(command: Command, after: tuple[Command, ...]) -> Hit | None:
    if subcommand(command) != "reset" or {"--help", "-h"} & set(command.args):
        return None
    return on(command, "kills all running tasks of the whole queue and deletes their output")


RULES = (
    Rule(
        id="PQ501",
        name="split-add",
        what="Looks for `pueue add` whose command line is cut short by the shell's own `&&`, `;` or `||`.",
        why="The operator ends `pueue add`: only what stands before it is queued, the rest runs at once, in the wrong folder and "
        "outside the queue.",
        instead="Give `pueue add` exactly one argument, quoted once.",
        anchors=("pueue",),
        confidence="high",
        rewrite=True,
        check=check_split_add,
        bad=(
            "pueue add -- cd ~/project && uv run python script.py",
            'ssh bigblack "~/.local/bin/pueue add -- cd ~/project && uv run python script.py"',
            'ssh h "pueue add -- cd p && uv run x"',
        ),
        good=(
            "pueue add -- 'cd ~/project && uv run python script.py'",
            "pueue add -- python a.py && pueue status",
            "pueue add -- python a.py && echo queued",
            "pueue add 'cd x && y' && pueue add z",
        ),
    ),
    Rule(
        id="PQ502",
        name="restart-as-new-task",
        what="Looks for `pueue restart` without --in-place.",
        why="pueue makes a new task with a new id, without dependencies; dependants of the old one stay failed, and a restart of all "
        "failed tasks repeated a few times multiplies them.",
        instead="`pueue restart --in-place ID`, or with `--failed-in-group GROUP`.",
        anchors=("pueue",),
        confidence="high",
        rewrite=False,
        check=check_restart,
        bad=("pueue restart 3", "pueue restart --all-failed", "ssh bigblack '~/.local/bin/pueue restart 3'"),
        good=("pueue restart --in-place 3", "pueue restart -i -g p1", "pueue restart --help", "echo pueue restart 3"),
    ),
    Rule(
        id="PQ503",
        name="reset-of-the-queue",
        what="Looks for `pueue reset`.",
        why="It kills what runs, forgets what waits and deletes the output of what is done, in all groups, whoever's it is.",
        instead="`pueue clean --group GROUP` for what is done, `pueue kill ID` for one task.",
        anchors=("pueue",),
        confidence="high",
        rewrite=False,
        check=check_reset,
        bad=("pueue reset", "ssh bigblack '~/.local/bin/pueue reset --force'"),
        good=("pueue clean --group p1", "git reset --hard", "pueue reset --help"),
    ),
)
