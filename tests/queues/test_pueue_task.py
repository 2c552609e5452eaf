"""The text of a task, and the job that is parsed from it."""

from __future__ import annotations

import pytest

from pueue_skill.plan.model import Job
from pueue_skill.queues.pueue.invocation import WAITER
from pueue_skill.queues.pueue.task import FOLDER, TooLong, inline_task, parse_task, stderr_file, task
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOCAL, LOGIN_SHELL

WORK = [
    "true",
    "",
    "echo 'it''s' \"$HOME\"\n\tx",
    "x </dev/null; exit",
    'x <"$HOME/y" 2>"$HOME/z"); exit',
    "-c x",
    "$'\\377'",
    'bash "$HOME/x"',
    "env PUEUE_SKILL_KEY=other bash -c x </dev/null; exit",
    "pueue wait --quiet 1 >/dev/null 2>&1 </dev/null; env PUEUE_SKILL_KEY=other bash -c x </dev/null; exit",
    "exec 2>/dev/null; (env PUEUE_SKILL_KEY=k bash -c x </dev/null); exit",
]


@pytest.mark.parametrize(
    "pueue", [None, "pueue", "~/.local/bin/pueue", "/a b/pueue", "/it's/ a/pueue", "/$x's\"/pueue"]
)
@pytest.mark.parametrize("split", [False, True], ids=["merged", "apart"])
@pytest.mark.parametrize("stdin", [False, True], ids=["nothing", "input"])
@pytest.mark.parametrize(
    ("shell", "umask", "nice"), [("bash", None, 0), ("login", 0o22, 0), ("nested", 0o7, -5), ("bash", 0, 19)]
)
def test_the_work_is_parsed_from_the_task(
    shell: str, umask: int | None, nice: int, stdin: bool, split: bool, pueue: str | None
) -> None:
    job = Job(
        "k:1",
        LOCAL,
        "pueue",
        None,
        None,
        None,
        "",
        shell=shell,
        stdin=stdin,
        split_output=split,
        umask=umask,
        nice=nice,
    )  # type: ignore[arg-type]
    before = f"{WAITER.format(pueue=quote.path(pueue), ids='1 2')}; " if pueue else ""
    for work in WORK:
        text = before + inline_task(job._replace(command=work))
        assert parse_task(text) == ("k:1", work)
        assert stderr_file(text) == (f'"{FOLDER}/k:1.err"' if split else "")
    long = job._replace(command="é" * 70_000)
    with pytest.raises(TooLong):
        inline_task(long)
    text, files = task(long)
    ((name, content),) = files.items()
    assert parse_task(before + text) == ("k:1", f'{LOGIN_SHELL if shell == "login" else "bash"} "{FOLDER}/{name}"')
    assert content.decode() == ("unset SHLVL; " if shell == "nested" else "") + long.command
