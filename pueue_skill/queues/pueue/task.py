"""The text of a task of pueue 4: a Job to what `pueue add` is given, and that text to the key and the command again.

A queued command has one fixed form, QUEUED, made by `task` and undone by `proposed`. pueue hands it to `sh -c`, which runs
the work by bash (what agents write is bash, and sh would break or silently change some of it) or by the login shell of the
host, with /dev/null or a file for standard input (pueue's own is a pipe that never ends), and gives its exit status on
(with a signal as 128+n, which pueue itself reports without its number). The key stands in the environment, where the queue
can be asked for it and a process that outlived its daemon can be found by it.

What does not fit into an argument, or is read, lies in files of FOLDER that are named by their content. They stay, because a
task that is restarted in place needs them again: nothing here removes them, whoever cleans up after tasks that are gone may.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence

from pueue_skill.plan.model import Job
from pueue_skill.queues.scripts import MAX_ARG_BYTES, SPELLED
from pueue_skill.shell import quote
from pueue_skill.shell.model import LOGIN_SHELL
from pueue_skill.startup.digest import digest
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.model import JobState

FOLDER = "$HOME/.local/share/pueue-skill/jobs"
QUEUED = "{inherited}{before}env PUEUE_SKILL_KEY={key} {run} {stdin}{after}; exit"
WAITS = regex(
    r"""(?:(?:\\.|[^\s'"\\]|'[^']*'|"[^"]*")+) wait --quiet (?P<ids>[0-9 ]+) >/dev/null 2>&1 </dev/null(?:; |$)"""
)
"""A job that waits for others while it runs: a waiter, or work of version 0.1 with the waiting before it."""
INHERITED = "umask {umask:03o}; ", "renice {nice} -p $$ >/dev/null 2>&1; "
"""What a job has of the process that submits it, where the daemon that starts it may have another."""
FRESH = "unset SHLVL; "
"""Before bash text that starts the login shell, which reads its start-up files at the outermost level only."""
APART = "exec 2>/dev/null; (", ' 2>"{folder}/{key}.err")'
"""Around a job whose standard error is kept apart, from what sh itself says of signals too."""
PROPOSED = regex(
    r"""(?:umask \d+; )?(?:renice -?\d+ -p \$\$ >/dev/null 2>&1; )?(?:exec 2>/dev/null; \()?"""
    r"""env PUEUE_SKILL_KEY=(?P<key>\S+) (?P<shell>bash|"\$SHELL") (?P<work>-c .+|"\$HOME/[^"]+") """
    r"""(?:</dev/null|<"\$HOME/[^"]+")(?: 2>(?P<errors>"\$HOME/[^"]+")\))?; exit""",
    re.DOTALL,
)


class TooLong(ValueError):
    """The job does not fit into one argument."""


def task(job: Job) -> tuple[str, dict[str, bytes]]:
    """The text that pueue is given for `job`, and the files by name that it needs in FOLDER.

    Raises ValueError for NUL, and for a key that is no plain word.
    """
    files: dict[str, bytes] = {}
    try:
        return queued(job), files
    except TooLong:
        text = FRESH + job.command if job.shell == "nested" else job.command
        work = text.encode("utf-8", "surrogateescape")
        files[name_of(work)] = work
    return formed(job, f'"{FOLDER}/{name_of(work)}"'), files


def encoded(files: Mapping[str, bytes]) -> str:
    """Files by name as scripts take them (PQ_FILES): words by turns the name of one and its content in base64."""
    return " ".join([f"{name} {base64.b64encode(content).decode()}" for name, content in files.items()])


def queued(job: Job) -> str:
    """The text that pueue is given for `job`, all of its work in it. Raises TooLong, and ValueError as `task` does."""
    try:
        job.command.encode("utf-8")
        work = job.command
    except UnicodeEncodeError:
        if job.shell == "login":
            raise TooLong("the job is not UTF-8, and only bash can spell it") from None
        work = SPELLED + quote.ansi_c(job.command)
    text = formed(job, f"-c {quote.word(FRESH + work if job.shell == 'nested' else work)}")
    if len(text.encode()) > MAX_ARG_BYTES:
        raise TooLong(f"the job is {len(text.encode())} bytes long, and pueue can start at most {MAX_ARG_BYTES}")
    return text


def formed(job: Job, work: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9:_.@+-]{1,200}", job.key):  # it names a file
        raise ValueError(f"the key {job.key!r} may hold letters, digits and : _ . @ + - only, at most 200")
    before, after = APART if job.split_output else ("", "")
    stdin = f'<"{FOLDER}/{job.key}.in"' if job.stdin else "</dev/null"
    umask, nice = INHERITED
    inherited = "" if job.umask is None else umask.format(umask=job.umask)
    return QUEUED.format(
        inherited=inherited + (nice.format(nice=job.nice) if job.nice else ""),
        before=before,
        key=job.key,
        run=f"{LOGIN_SHELL if job.shell == 'login' else 'bash'} {work}",
        stdin=stdin,
        after=after.format(folder=FOLDER, key=job.key),
    )


def name_of(content: bytes) -> str:
    return digest(content, 32)


def proposed(text: str) -> tuple[str | None, str]:
    """The key and the command in what pueue was given; other people's tasks come back as they are, without a key.

    Of work that lies in a file the command is what runs the file.
    """
    waits = WAITS.match(text)
    match = PROPOSED.fullmatch(text, waits.end() if waits else 0)
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


def errors_of(text: str) -> str:
    """The file, as sh source, in which a task's standard error is kept apart; empty without one."""
    waits = WAITS.match(text)
    match = PROPOSED.fullmatch(text, waits.end() if waits else 0)
    return (match["errors"] or "") if match else ""


def errors_below_home(state: JobState) -> str:
    """The file of `state.errors` as a path below the home; empty without one."""
    return state.errors.removeprefix('"$HOME/').removesuffix('"')


def add_arguments(job: Job, text: str, after: Sequence[str] | None = None) -> str:
    """The words after `pueue` that add `job` and have its id printed; the rest as for `task_words`."""
    return f"add --print-task-id {task_words(job, text, after)}"


def task_words(job: Job, text: str, after: Sequence[str] | None = None) -> str:
    """The words of `pueue add` for `job`; `text` is shell source for its task, `after` for the ids that it comes after."""
    if after is None:
        after = [str(int(id)) for id in job.after]
    # Values in the = form may begin with a dash; a folder's `~/` is only expanded as a word of its own.
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
