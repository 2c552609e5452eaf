"""The text of a task of pueue 4: a Job in, the text for `pueue add` out, and back to the key and the command.

A task has one fixed form, TASK_FORM; `task` makes it and `parse_task` reads it. pueue passes it to `sh -c`. bash runs the work, as
agents write bash and sh would break or silently change some of it; for some jobs the host's login shell does. Its stdin is /dev/null
or a file, as pueue's own is a pipe that never ends. The exit code is that of the work; a signal becomes 128+n, as pueue itself does not
report its number. The key is in the environment: the queue can be searched for it, and so can processes that survived their daemon.

Work that does not fit into an argument, and stdin, are stored in files of FOLDER that are named by their content. A task that is
restarted in place needs them again, so nothing here removes them; sh/lib/sweep.sh removes files that no task refers to.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from pueue_skill.plan.model import Job
from pueue_skill.queues.scripts import MAX_ARG_BYTES, SPELLED, check_key
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOGIN_SHELL
from pueue_skill.startup.digest import digest
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.model import JobState

FOLDER = "$HOME/.local/share/pueue-skill/jobs"
TASK_FORM = "{inherited}{before}env PUEUE_SKILL_KEY={key} {run} {stdin}{after}; exit"
WAITS = regex(
    r"""(?:(?:\\.|[^\s'"\\]|'[^']*'|"[^"]*")+) wait --quiet (?P<ids>[0-9 ]+) >/dev/null 2>&1 </dev/null(?:; |$)"""
)
"""A job that waits for others while it runs: a waiter, or the work of a job of version 0.1 after it has waited."""
INHERITED = "umask {umask:03o}; ", "renice {nice} -p $$ >/dev/null 2>&1; "
"""Settings of the submitting process that the daemon does not pass on."""
FRESH = "unset SHLVL; "
"""Precedes bash text that starts the login shell, which reads its start-up files at the outermost level only."""
SPLIT_STDERR = "exec 2>/dev/null; (", ' 2>"{folder}/{key}.err")'
"""Text before and after a job whose stderr goes to a file; sh itself reports signals on its own stderr, which is discarded."""
TASK = regex(
    r"""(?:umask \d+; )?(?:renice -?\d+ -p \$\$ >/dev/null 2>&1; )?(?:exec 2>/dev/null; \()?"""
    r"""env PUEUE_SKILL_KEY=(?P<key>\S+) (?P<shell>bash|"\$SHELL") (?P<work>-c .+|"\$HOME/[^"]+") """
    r"""(?:</dev/null|<"\$HOME/[^"]+")(?: 2>(?P<errors>"\$HOME/[^"]+")\))?; exit""",
    re.DOTALL,
)


class TooLong(ValueError):
    """The job does not fit into one argument."""


def task(job: Job) -> tuple[str, dict[str, bytes]]:
    """Return the text of the task for `job`, and the files that it needs in FOLDER, by name.

    Raises ValueError for NUL, and for a key that is not a plain word.
    """
    files: dict[str, bytes] = {}
    try:
        return inline_task(job), files
    except TooLong:
        text = FRESH + job.command if job.shell == "nested" else job.command
        work = text.encode("utf-8", "surrogateescape")
        files[name_of(work)] = work
    return format_task(job, f'"{FOLDER}/{name_of(work)}"'), files


def inline_task(job: Job) -> str:
    """Return the text of the task for `job` with its whole work. Raises TooLong, and ValueError as `task` does."""
    try:
        job.command.encode("utf-8")
        work = job.command
    except UnicodeEncodeError:
        if job.shell == "login":
            raise TooLong("the job is not UTF-8, and only bash can spell it") from None
        work = SPELLED + quote.ansi_c(job.command)
    text = format_task(job, f"-c {quote.word(FRESH + work if job.shell == 'nested' else work)}")
    if len(text.encode()) > MAX_ARG_BYTES:
        raise TooLong(f"the job is {len(text.encode())} bytes long, and pueue can start at most {MAX_ARG_BYTES}")
    return text


def format_task(job: Job, work: str) -> str:
    check_key(job.key)
    before, after = SPLIT_STDERR if job.split_output else ("", "")
    stdin = f'<"{FOLDER}/{job.key}.in"' if job.stdin else "</dev/null"
    umask, nice = INHERITED
    inherited = "" if job.umask is None else umask.format(umask=job.umask)
    return TASK_FORM.format(
        inherited=inherited + (nice.format(nice=job.nice) if job.nice else ""),
        before=before,
        key=job.key,
        run=f"{LOGIN_SHELL if job.shell == 'login' else 'bash'} {work}",
        stdin=stdin,
        after=after.format(folder=FOLDER, key=job.key),
    )


def name_of(content: bytes) -> str:
    return digest(content, 32)


def parse_task(text: str) -> tuple[str | None, str]:
    """Return the key and the command of a task; None and the text as is for tasks that pueue-skill did not submit.

    If the work is in a file, the command is the one that runs the file.
    """
    waits = WAITS.match(text)
    match = TASK.fullmatch(text, waits.end() if waits else 0)
    if not match:
        return None, text
    if not match["work"].startswith("-c "):
        return match["key"], f"{match['shell']} {match['work']}"
    words = quote.split(match["work"][3:])
    if words is None or len(words) != 1:
        return None, text
    work = words[0].removeprefix(FRESH) if match["shell"] == "bash" else words[0]
    if work.startswith(SPELLED + "$'"):
        work = quote.from_ansi_c(work[len(SPELLED) :])
    return match["key"], work


def stderr_file(text: str) -> str:
    """Return the file for the stderr of a task, as sh source; empty if stderr is not stored separately."""
    waits = WAITS.match(text)
    match = TASK.fullmatch(text, waits.end() if waits else 0)
    return (match["errors"] or "") if match else ""


def stderr_below_home(state: JobState) -> str:
    """Return the file of `state.errors` as a path relative to the home; empty without one."""
    return state.errors.removeprefix('"$HOME/').removesuffix('"')


def add_arguments(job: Job, text: str, after: Sequence[str] | None = None) -> str:
    """Return the words after `pueue` that add `job` and print its id; parameters as for `task_words`."""
    return f"add --print-task-id {task_words(job, text, after)}"


def task_words(job: Job, text: str, after: Sequence[str] | None = None) -> str:
    """Return the words of `pueue add` for `job`. `text` is the text of its task, `after` the ids of its dependencies, both as shell source."""
    if after is None:
        after = [str(int(id)) for id in job.after]
    # With `=` a value may begin with a dash; the shell expands `~/` only at the start of a word.
    words = []
    if job.group:
        words.append(f"--group={quote.word(job.group)}")
    if job.label:
        words.append(f"--label={quote.word(job.label)}")
    if job.priority:
        words.append(f"--priority={job.priority}")
    if job.cwd and job.cwd.startswith("~/"):
        words += ["--working-directory", quote.path(job.cwd)]
    elif job.cwd:
        words.append(f"--working-directory={quote.word(job.cwd)}")
    if after:
        words.append("--after " + " ".join(after))
    return " ".join([*words, "--", text])
