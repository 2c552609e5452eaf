"""PQ5: pueue commands that do something other than intended."""

from __future__ import annotations

import itertools
import re

from pueue_skill.rules.cost import weigh
from pueue_skill.rules.rule import Hit, Rule, RuleContext, hit_at
from pueue_skill.rules.scripts import RUNNERS, script_of
from pueue_skill.rules.unknown_work import serves
from pueue_skill.shell import quote
from pueue_skill.shell.arguments import ArgSpec, basename, parse_options
from pueue_skill.shell.commands import commands
from pueue_skill.shell.model import LOCAL, Command
from pueue_skill.shell.nested import SHELLS, shell_text
from pueue_skill.shell.parse import parse
from pueue_skill.shell.syntax import Script, Word
from pueue_skill.startup.regex import regex

ADD_SPEC = ArgSpec("wladgo", "working-directory label after delay group priority")
"""The options of `pueue add` that take a value (pueue 4.0: -w -l -a -d -g -o)."""


def subcommand(command: Command) -> str | None:
    """The subcommand of a pueue command, or None."""
    return command.args[0] if command.name == "pueue" and command.args else None


def added_words(command: Command) -> tuple[Word, ...]:
    """The words that `pueue add` joins with spaces and queues."""
    rest = command.words[2:] if subcommand(command) == "add" else ()
    while rest:
        found, used = parse_options(rest, ADD_SPEC)
        last, rest = rest[used - 1 : used], rest[used:]
        if not found or found[-1] not in (("--after", *last), ("-a", *last)):
            break
        while rest and rest[0].value[:1] != "-":  # --after takes every word up to an option
            rest = rest[1:]
    return rest


OPERATOR = regex(r"&&|\|[|&]?|;|&|\d*(?:>>?|<|>\||<>|[<>]&)\S*|&>>?\S*")
EXPANSION = regex(r"\$\((?:[^()]|\([^()]*\))*\)|`[^`]*`|\$\{[^}]*\}|\$\w+|\$[@*#?]")
NEEDS_QUOTES = regex(r"^$|^#|[\s'\"\\();&|<>]")
HOME_PATH = regex(r"~/[\w./-]*")
ASSIGNMENT = regex(r"([A-Za-z_]\w*=)(.*)", re.ASCII | re.DOTALL)
JOB_VARIABLE = regex(r"\$\{?PUEUE_\w+\}?")
"""A variable that only a job has: it is meant for the job's shell."""


def is_operator(word: Word, words: tuple[Word, ...]) -> bool:
    """Whether a word is, or begins with, a quoted operator for the job's shell. Arguments of find do not count."""
    first = word.value.split(maxsplit=1)[:1]
    return bool(first and OPERATOR.fullmatch(first[0])) and basename(words[0].value) not in ("find", "fd", "fdfind")


def misread_words(words: tuple[Word, ...]) -> list[Word]:
    """The words of `pueue add` that the job's sh, which reads them joined by blanks, would misread."""
    if len(words) < 2 or (" " in words[0].value and not ASSIGNMENT.match(words[0].value)):
        return []  # one argument, or a text that continues: meant as shell text
    return [
        word for word in words if not is_operator(word, words) and NEEDS_QUOTES.search(EXPANSION.sub("x", word.value))
    ]


def script_index(words: tuple[Word, ...]) -> int | None:
    """The index of the script of a `bash -c cd x` that lost its quotes before `pueue add`; None without one."""
    text = shell_text(words) if words and basename(words[0].value) in SHELLS else None
    at = words.index(text) if text is not None else len(words)
    return at if at + 1 < len(words) and not NEEDS_QUOTES.search(words[at].value) else None


def with_script(shell: tuple[Word, ...], script: str) -> str:
    """The command that `bash -c SCRIPT`, or another shell with its options, was meant to run."""
    if [word.value for word in shell] == ["bash", "-c"]:
        return script
    return " ".join([*[word.text for word in shell], quote.word(script)])


def quoted_words(words: tuple[Word, ...]) -> str | None:
    """One argument of `pueue add` that runs exactly `words`, or None if only the shell knows them."""
    joins = any(is_operator(word, words) for word in words)  # the user knows that pueue joins the words
    losses = misread_words(words)
    parts: list[str] = []
    leading = True
    for word in words:
        assigns = ASSIGNMENT.match(word.value) if leading else None
        leading = assigns is not None
        if assigns and word.static:
            parts.append(assigns[1] + quote.word(assigns[2]))
        elif word.static and (is_operator(word, words) or (joins and word not in losses)):
            parts.append(word.value)
        elif JOB_VARIABLE.fullmatch(word.value):
            parts.append(f'"{word.value}"')
        elif HOME_PATH.fullmatch(word.text):
            parts.append(word.text)
        elif word.static:
            parts.append(quote.word(word.value))
        else:
            return None
    return " ".join(parts)


def one_argument(command: Command, words: tuple[Word, ...]) -> str:
    """The corrected `pueue add` with one argument, or with --escape if only the shell knows the words."""
    head = [
        word.text
        for word in (*command.assigns, *command.words[: len(command.words) - len(words)])
        if word.value != "--"
    ]
    at = script_index(words)
    text = quoted_words(words) if at is None else with_script(words[:at], " ".join([word.text for word in words[at:]]))
    if text is not None:
        return " ".join([*head, "--", quote.text(text)])
    return " ".join([*head, "--escape", "--", *[word.text for word in words]])


def check_joined_add(command: Command, context: RuleContext) -> Hit | None:
    words = added_words(command)
    escaped = {"-e", "--escape"} & {option for option, _ in parse_options(command.words[2:], ADD_SPEC)[0]}
    if escaped or check_split_add(command, context) or (script_index(words) is None and not misread_words(words)):
        return None
    queued = " ".join([word.value for word in words])
    return hit_at(
        command, f"pueue joins the words and runs `{queued}`; one argument keeps them: `{one_argument(command, words)}`"
    )


def check_split_add(command: Command, context: RuleContext) -> Hit | None:
    words = added_words(command)
    if not words or (len(words) == 1 and (" " in words[0].value or not words[0].static)):
        return None
    queued = " ".join([word.value for word in words])
    if words[0].value in ("cd", "source", ".", "export") and "&&" not in queued and ";" not in queued:
        return hit_at(command, f"only `{queued}` is queued; the rest runs immediately, outside the queue")
    if script_index(words) is not None and command.then in ("&&", ";", "||") and context.after:
        return hit_at(
            command,
            f"only `{queued}` is queued; the {command.then} ends `pueue add`, and the rest of the script runs immediately, outside the queue",
        )
    rest = [after for after in context.after if after.hosts == command.hosts]
    if command.then not in ("&&", ";", "||") or not rest or any(after.name == "pueue" for after in rest):
        return None
    heavy = [after for after in rest if weigh(after, context.preferences).size != "quick"]
    if not heavy:
        return None
    return hit_at(
        command,
        f"only `{queued}` is queued; the {command.then} ends `pueue add`, and {' '.join([*heavy[0].wrappers, heavy[0].words[0].value])} runs immediately, outside the queue",
    )


def check_diverted_add(command: Command, context: RuleContext) -> Hit | None:
    words = added_words(command)
    if len(words) < 2 or {"-p", "--print-task-id"} & set(command.args[: len(command.args) - len(words)]):
        return None
    diverted = [redirect for redirect in command.redirects if redirect.op in (">", ">>", "<", "&>")]
    if diverted and diverted[0].target and diverted[0].target.value != "/dev/null":
        return hit_at(
            command, f"`{diverted[0].op} {diverted[0].target.value}` applies to `pueue add` itself, not to the job"
        )
    if command.pipe[0] + 1 < command.pipe[1]:
        return hit_at(command, "the pipe applies to `pueue add` itself, not to the job")
    return None


def check_stale_after(command: Command, context: RuleContext) -> Hit | None:
    if subcommand(command) != "add":
        return None
    after = [
        value
        for option, value in parse_options(command.words[2:], ADD_SPEC)[0]
        if option in ("-a", "--after") and value
    ]
    if not after or (after[0].static and "{" not in after[0].value):
        return None
    asked = [c for c in context.before if subcommand(c) in ("status", "log")]
    if asked or "pueue status" in after[0].value or any(loop.kind == "xargs" for loop in command.loops):
        return hit_at(
            command, "--after gets its ids from a listing of the queue, which is out of date as soon as it is read"
        )
    return None


TASK_ID = regex(r"""tasks(?:\[|\.)["']?\d+|^\W*\(?\d+\b""")


def check_numbered_monitor(command: Command, context: RuleContext) -> Hit | None:
    asked = [c for c in context.before if subcommand(c) == "status"]
    if not asked:
        return None
    numbers = command.name in ("grep", "egrep", "rg", "jq", "awk") and [a for a in command.args if TASK_ID.search(a)]
    looped = [
        loop
        for loop in command.loops
        if loop.kind == "for" and loop.items and all(i.value.isdigit() for i in loop.items)
    ]
    if numbers or (looped and command.name in ("jq", "grep", "awk")):
        return hit_at(
            command,
            "task ids are hard-coded here; pueue reuses them after a clean, and a task that is added again gets a new one",
        )
    return None


def check_restart(command: Command, context: RuleContext) -> Hit | None:
    if subcommand(command) != "restart" or {"--help", "-h"} & set(command.args):
        return None
    if {"-a", "--all-failed"} & set(command.args):
        return hit_at(command, "restarts every failed task of every group as a new one, no matter who added it")
    if {"-i", "--in-place"} & set(command.args):
        return None
    return hit_at(
        command, "without --in-place pueue creates a new task: dependencies are dropped and dependents stay failed"
    )


def check_reset(command: Command, context: RuleContext) -> Hit | None:
    if command.name in ("pkill", "killall") and "pueued" in command.args:
        return hit_at(command, "kills the daemon, and with it its running tasks, or leaves them running without it")
    if command.name == "rm" and any("share/pueue" in arg for arg in command.args):
        return hit_at(command, "deletes the queue: waiting tasks, and the output of finished ones")
    if subcommand(command) != "reset" or {"--help", "-h"} & set(command.args):
        return None
    return hit_at(command, "kills all running tasks of the whole queue and deletes their output")


WAIT_SPEC, FOLLOW_SPEC = ArgSpec("gs", "group status"), ArgSpec("l", "lines")
"""The options of `pueue wait` and of `pueue follow` that take a value (pueue 4.0)."""
SHOWING_PROGRAMS = frozenset({"echo", "printf", "date", "true", ":", "ls", "cat", "head", "tail", "wc"})
"""Programs that only display something, which is harmless after a failed job."""


def check_status_of_wait(command: Command, context: RuleContext) -> Hit | None:
    waits = subcommand(command)
    if waits not in ("wait", "follow") or not command.reader or not command.attached:
        return None
    if {"--help", "-h"} & set(command.args):
        return None
    given, used = parse_options(command.words[2:], WAIT_SPEC if waits == "wait" else FOLLOW_SPEC)
    status = [value.value for option, value in given if option in ("-s", "--status") and value]
    if waits == "wait" and status and status[-1] != "done":  # the exit code then says whether the status was reached
        return None
    if needs_no_status(command.reader, context.after):
        return None
    host = command.hosts[-1] if command.hosts else LOCAL
    jobs = [f"{host}:{job.text}" for job in command.words[2 + used :]]
    if not jobs and waits == "wait" and host in {LOCAL, *context.hosts}:
        group = [value.text for option, value in given if option in ("-g", "--group") and value]
        every = any(option in ("-a", "--all") for option, _ in given)
        jobs = [f"--host {host}", "--label '*'" if every else f"--group {group[-1] if group else 'default'}"]
    instead = " ".join(["pueue-skill", "wait" if waits == "wait" else "log --follow", *(jobs or [f"{host}:ID"])])
    return hit_at(
        command,
        f"`pueue {waits}` exits 0 even when a job failed, and {command.reader} reads that exit code; use `{instead}`, which fails then",
    )


def needs_no_status(reader: str, after: tuple[Command, ...]) -> bool:
    """Whether the commands that depend on the exit status need not know it: they only display something, or check
    themselves."""
    if reader == "||":
        return bool(after) and after[0].name in ("true", ":")
    if reader != "&&":
        return False
    for next in after:
        shows = next.name in SHOWING_PROGRAMS or subcommand(next) in ("status", "log", "follow")
        if not shows or next.reader == "||":
            return False
        if next.pipe[1] > 1 or next.reader != "&&":
            return True
    return True


GLOBAL_SPEC = ArgSpec("cp", "color config profile")
"""The options before the subcommand of pueue that take a value (pueue 4.0)."""


def call_on_shared_queue(command: Command, context: RuleContext) -> tuple[str, tuple[Word, ...]]:
    """The subcommand of a pueue command and its words; an empty one for help, and for a daemon with its own configuration."""
    if command.name != "pueue":
        return "", ()
    options, used = parse_options(command.words[1:], GLOBAL_SPEC)
    rest = command.words[1 + used :]
    words = [word.value for c in (*context.before, command) for word in (*c.assigns, *c.words[1:])]
    own = any(option in ("-c", "--config") for option, _ in options)
    if not rest or own or any(word.startswith("PUEUE_CONFIG_PATH=") for word in words):
        return "", ()
    return ("", ()) if {"--help", "-h"} & set(command.args) else (rest[0].value, rest[1:])


def check_whole_queue(command: Command, context: RuleContext) -> Hit | None:
    verb, words = call_on_shared_queue(command, context)
    args = {word.value for word in words}
    if verb == "shutdown":
        return hit_at(command, "stops the daemon and every running task, and no queued job starts until it runs again")
    if verb == "group" and args & {"remove"}:
        return hit_at(command, "moves every task of the group to the default group, where its limit no longer applies")
    if verb != "kill":
        return None
    if args & {"-a", "--all"}:
        return hit_at(
            command, "kills the running tasks of every group, no matter who added them, and pauses all groups"
        )
    if all(arg[:1] == "-" for arg in args) and not any(
        arg.startswith(("-g", "--group", "-s", "--signal")) for arg in args
    ):
        return hit_at(command, "without ids or a group, kills every running task of the default group and pauses it")
    return None


def check_whole_clean(command: Command, context: RuleContext) -> Hit | None:
    verb, words = call_on_shared_queue(command, context)
    if verb != "clean" or any(word.value.startswith(("-g", "--group")) for word in words):
        return None
    return hit_at(command, "deletes the outcome and output of finished tasks in every group, read or not")


def job_commands(words: tuple[Word, ...]) -> tuple[Command, ...]:
    """The commands of the job that `pueue add` makes from `words`, as far as they can be parsed."""
    script = parse(" ".join([word.value for word in words]))
    return commands(script) if isinstance(script, Script) else ()


def job_folder(command: Command) -> str | None:
    """The value of -w of a `pueue add`, or None."""
    given = parse_options(command.words[2:], ADD_SPEC)[0]
    return next((value.value for option, value in given if option in ("-w", "--working-directory") and value), None)


def check_add_for_other_host(command: Command, context: RuleContext) -> Hit | None:
    words = () if command.hosts else added_words(command)
    if not words or any("PUEUE_SKILL_KEY=" in word.value for word in words):
        return None  # an invocation of pueue-skill, which has a reason to stay on this host
    job = job_commands(words)
    for inner in job:
        host = inner.hosts[0] if inner.hosts else ""
        if host in context.hosts and context.hosts[host].ssh and weigh(inner, context.preferences).size == "long":
            return hit_at(
                command,
                f"queues an ssh connection to {host} on this host; the work itself belongs in the queue of {host}",
            )
    folders = [
        folder for folder in (job_folder(command), *[c.args[0] for c in job if c.name == "cd" and c.args]) if folder
    ]
    for other in context.before:
        if other.hosts and other.name == "cd" and other.args and other.args[0] in folders:
            folder = other.args[0]
            here = any(folder in word.value for c in context.before if not c.hosts and not c.ssh for word in c.words)
            if folder.count("/") > 1 and not here:
                return hit_at(
                    command,
                    f"queues the job on this host, but its folder {folder} is the one that the text uses on {other.hosts[-1]}",
                )
    return None


def check_relative_add(command: Command, context: RuleContext) -> Hit | None:
    words = added_words(command) if command.hosts and not command.cwd else ()
    if not words or job_folder(command) or has_folder(command, context):
        return None
    job = job_commands(words)
    first = job[0] if job else None
    if first is None or first.name == "cd":
        return None
    script, _ = script_of(first)
    program = first.words[0].value
    path = program if "/" in program else script if first.name in RUNNERS and script != program else None
    if path is None or path[:1] in ("/", "~", "$", "-") or "-m" in first.args[:3]:
        return None
    return hit_at(
        command,
        f"{path} is relative to the home folder of {command.hosts[-1]}: the ssh command begins there, and so does the job",
    )


def has_folder(command: Command, context: RuleContext) -> bool:
    """Whether an earlier command of the same shell changes the folder."""
    return any(c.name in ("cd", "pushd") and c.hosts == command.hosts for c in context.before)


UNBUFFERED_WRAPPERS = {"stdbuf", "unbuffer", "script", "env"}
DETACHERS = {"nohup", "setsid", "screen", "tmux"}


def buffers_output(command: Command) -> bool:
    """Whether the command is a Python script whose output reaches a file in blocks of 8 KB."""
    if command.name.rstrip("0123456789.") not in ("python", "pypy") or UNBUFFERED_WRAPPERS & set(command.wrappers):
        return False
    options = itertools.takewhile(lambda arg: arg[:1] == "-" and arg not in ("-m", "-c"), command.args)
    unbuffered = any(arg[:2] != "--" and "u" in arg for arg in options)
    own = any(word.value.startswith("PYTHONUNBUFFERED=") for word in command.assigns)
    return not unbuffered and not own and script_of(command)[0] is not None


def check_buffered_python(command: Command, context: RuleContext) -> Hit | None:
    if any("PYTHONUNBUFFERED=" in word.value for c in (*context.before, command) for word in (*c.words, *c.assigns)):
        return None
    words = added_words(command)
    log = [
        redirect.target.value for redirect in command.redirects if redirect.op in (">", ">>", "&>") and redirect.target
    ]
    if words:
        python = next((inner for inner in job_commands(words) if buffers_output(inner)), None)
        read = any(subcommand(c) in ("follow", "log") and c.hosts == command.hosts for c in context.after)
    else:
        served = serves(command, context)
        python = command if log and log[0] != "/dev/null" and buffers_output(command) and not served else None
        read = bool(DETACHERS & {*command.wrappers, *command.via})
    if python is None or not read or weigh(python, context.preferences).size in ("quick", "server"):
        return None
    return hit_at(
        command,
        f"{python.name} writes to a file in blocks, so the log stays empty for long; `{python.name} -u` writes each line at once",
    )


RULES = (
    Rule(
        id="PQ501",
        name="split-add",
        what="Looks for `pueue add` whose command line is cut short by the shell's own `&&`, `;` or `||`.",
        why=(
            "The operator ends `pueue add`: only the text before it is queued, and the rest runs immediately, in the "
            "wrong folder and outside the queue."
        ),
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
        why=(
            "pueue creates a new task with a new id and without dependencies; dependents of the old task stay failed, "
            "and repeated restarts of all failed tasks multiply them."
        ),
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
        why=(
            "It kills running tasks, removes waiting ones and deletes the output of finished ones, in all groups, no "
            "matter who added them."
        ),
        instead="`pueue clean --group GROUP` for finished tasks, `pueue kill ID` for one task.",
        anchors=("pueue",),
        confidence="high",
        rewrite=False,
        check=check_reset,
        bad=("pueue reset", "ssh bigblack '~/.local/bin/pueue reset --force'"),
        good=("pueue clean --group p1", "git reset --hard", "pueue reset --help"),
    ),
    Rule(
        id="PQ504",
        name="diverted-add",
        what="Looks for redirects and pipes that were meant for the job but belong to `pueue add`.",
        why=(
            "The shell applies them to `pueue add`: the file contains its message and not the job's output, and the "
            "pipe reads nothing."
        ),
        instead="Quote the whole line, redirects and pipes included, as one argument.",
        anchors=("pueue",),
        confidence="high",
        rewrite=False,
        check=check_diverted_add,
        bad=("pueue add -- python train.py > train.log", "pueue add -- zcat dump.sql.gz | mysql shop"),
        good=(
            "pueue add -p -- python train.py > id",
            "pueue add 'python train.py > train.log'",
            "pueue add -- python a.py > /dev/null",
        ),
    ),
    Rule(
        id="PQ505",
        name="stale-after",
        what="Looks for `--after` with ids from `pueue status`.",
        why=(
            "Between the listing and the add, tasks are added, finished and cleaned: a removed id makes the add fail, "
            "and new tasks are missing."
        ),
        instead="Store the ids that `pueue add --print-task-id` prints for the dependencies.",
        anchors=("pueue",),
        confidence="high",
        rewrite=False,
        check=check_stale_after,
        bad=(
            "pueue add --after $(pueue status --json | jq -r '.tasks | keys[]') -- ./optimize.sh",
            "ids=$(pueue status --json | jq -r '.tasks[].id'); pueue add --after $ids -- ./optimize.sh",
        ),
        good=("id=$(pueue add -p -- ./a.sh); pueue add --after $id -- ./b.sh", "pueue add --after 3 -- ./b.sh"),
    ),
    Rule(
        id="PQ506",
        name="numbered-monitor",
        what="Looks for hard-coded task ids in commands that read `pueue status`.",
        why=(
            "pueue reuses ids after a clean, and a task that is added again gets a new one; the monitor then watches "
            "another task."
        ),
        instead="Watch a group or a label: `pueue-skill wait LABEL`.",
        anchors=("pueue",),
        confidence="medium",
        rewrite=False,
        check=check_numbered_monitor,
        bad=(
            "pueue status --json | jq '.tasks[\"14\"].status'",
            "pueue status | grep -E '^ *(21|22|23) ' | grep -q Running",
        ),
        good=("pueue status --json | jq '.tasks[].status'", "pueue status | grep Failed", "pueue log 3"),
    ),
    Rule(
        id="PQ507",
        name="status-of-wait",
        what="Looks for `pueue wait` and `pueue follow` whose exit status decides what runs next.",
        why="Both exit 0 even if the job failed: a command after `&&` runs anyway, and one after `||` never does.",
        instead=(
            "`pueue-skill wait JOB` or `pueue-skill log --follow JOB`, which exit with the job's own code; or queue "
            "the next command with `--after`."
        ),
        anchors=("pueue",),
        confidence="high",
        rewrite=False,
        check=check_status_of_wait,
        bad=(
            "pueue wait 3 && ./deploy.sh",
            "pueue follow 3 || notify-send failed",
            "if pueue wait --group g; then ./deploy.sh; fi",
            "until pueue follow 3; do pueue restart --in-place 3; done",
            "while ! pueue wait 3; do sleep 1; done",
            "ssh bigblack '~/.local/bin/pueue wait 3' && ./deploy.sh",
            "ssh bigblack '~/.local/bin/pueue follow 3 && ./deploy.sh'",
            "(cd p && pueue wait --quiet) && git push",
            "timeout 600 pueue wait --all && ./deploy.sh",
            "pueue wait 3; code=$?; exit $code",
            "pueue wait 3\nif [ $? -ne 0 ]; then ./alert.sh; fi",
            "pueue wait --status done 3 && rm -r build",
            "pueue wait 3 && echo done || echo failed",
            "bash -c 'pueue wait 3' && ./deploy.sh",
        ),
        good=(
            "pueue wait --group g; ./next.sh",
            "pueue wait 3",
            "pueue wait 3 && pueue log 3",
            "pueue wait 3 && pueue log 3 | grep -q passed && ./deploy.sh",
            "pueue wait --group g && echo finished",
            "pueue wait 3 || true",
            "pueue wait --status success 3 && ./deploy.sh",
            "pueue wait -s running 3 && tail train.log",
            "pueue wait --help && ls",
            "pueue wait 3 & ./deploy.sh && ls",
            "pueue add -- true && pueue wait 3",
            "pueue follow 3 | tail -n 1 && ls",
            "tmux new -d 'pueue wait 3' && ls",
            "pueue-skill wait local:3 && ./deploy.sh",
            "echo 'pueue wait 3 && ./deploy.sh'",
        ),
    ),
    Rule(
        id="PQ508",
        name="joined-add",
        what="Looks for `pueue add` of several words that need their quotes.",
        why=(
            "`pueue add` joins its arguments with blanks and passes the result to `sh -c`, which splits and expands "
            "it again: the quotes that the first shell removed are lost. `pueue add -- sh -c 'cd /tmp; pwd'` runs `sh "
            "-c cd /tmp`, then `pwd`."
        ),
        instead="Give `pueue add` exactly one argument, quoted once, or `--escape`.",
        anchors=("pueue",),
        confidence="high",
        rewrite=True,
        check=check_joined_add,
        bad=(
            "pueue add -- sh -c 'cd /tmp; pwd'",
            "ssh bigblack \"~/.local/bin/pueue add -- bash -c 'cd ~/project && ./run.sh'\"",
            "pueue add -g p1 -- ffmpeg -i 'a b.mp4' out.mp4",
            'pueue add -- bash -c "cd $DIR && ./run.sh"',
            "pueue add -- python train.py --name ''",
            "ssh bigblack ~/.local/bin/pueue add -- bash -c './run.sh --all'",
        ),
        good=(
            "pueue add -- \"sh -c 'cd /tmp; pwd'\"",
            "pueue add -- python train.py --epochs 3 --name run_1",
            "pueue add --escape -- sh -c 'cd /tmp; pwd'",
            "pueue add -- cd data '&&' python train.py '>' log",
            "pueue add -- python train.py --gpu '$PUEUE_WORKER_ID'",
            "pueue add -- 'cd data && python train.py' --epochs 3",
        ),
    ),
    Rule(
        id="PQ509",
        name="whole-queue",
        what="Looks for `pueue kill --all`, `pueue shutdown` and `pueue group remove`.",
        why=(
            "A queue is shared by sessions, projects and people: the command stops or moves the jobs of all of them, and "
            "nobody restarts them."
        ),
        instead="`pueue kill ID…`, or `pueue-skill kill --label PATTERN` for your own jobs.",
        anchors=("pueue",),
        confidence="high",
        rewrite=False,
        check=check_whole_queue,
        bad=(
            "pueue kill --all",
            "ssh bigblack '~/.local/bin/pueue kill -a'",
            "pueue shutdown",
            "pueue group remove p1",
            "pueue kill",
            "/opt/pueue/bin/pueue --color never kill --all",
        ),
        good=(
            "pueue kill 3 4",
            "pueue kill --group p1",
            "pueue kill --help",
            "pueue group add p1",
            "pueue --config /tmp/test/pueue.yml shutdown",
            "PUEUE_CONFIG_PATH=/tmp/test/pueue.yml pueue kill --all",
        ),
    ),
    Rule(
        id="PQ510",
        name="clean-of-all-groups",
        what="Looks for `pueue clean` without a group.",
        why=(
            "It deletes finished tasks of every group, also those whose outcome and output another session has not read "
            "yet; their ids are then used again."
        ),
        instead="`pueue clean --group GROUP`, or `pueue-skill clean --label PATTERN`.",
        anchors=("pueue",),
        confidence="medium",
        rewrite=False,
        check=check_whole_clean,
        bad=("pueue clean", "ssh bigblack '~/.local/bin/pueue clean --successful-only'"),
        good=("pueue clean -g p1", "pueue clean --group=p1", "pueue clean --help", "git clean -n"),
    ),
    Rule(
        id="PQ511",
        name="add-for-another-host",
        what="Looks for a local `pueue add` of work that belongs to another host.",
        why=(
            "A job that only holds an ssh connection loses the work with the connection, and the other host's queue does "
            "not know of it; a folder of the other host does not exist here."
        ),
        instead="`pueue-skill run --host HOST -- COMMAND`, or `ssh HOST pueue add …`.",
        anchors=("pueue",),
        confidence="medium",
        rewrite=False,
        check=check_add_for_other_host,
        bad=(
            "pueue add -- \"ssh bigblack 'cd p && python train.py'\"",
            "ssh bigblack 'cd /home/lab/ticks && ls' && pueue add -w /home/lab/ticks -- ./run.sh",
        ),
        good=(
            "pueue add -- 'ssh bigblack uptime'",
            "pueue add -- 'rsync -a data/ bigblack:data/'",
            "ls /home/lab/ticks; ssh bigblack 'cd /home/lab/ticks && ls'; pueue add -w /home/lab/ticks -- ./run.sh",
            "pueue add -w /home/lab/ticks -- ./run.sh",
        ),
    ),
    Rule(
        id="PQ512",
        name="relative-remote-add",
        what="Looks for `pueue add` over ssh of a relative path, without a working directory.",
        why=(
            "A job begins in the folder of its `pueue add`. A bare ssh command begins in the home folder, not in the project: "
            "the job fails, or runs another file."
        ),
        instead="`pueue add --working-directory FOLDER -- COMMAND`, or `pueue-skill run --host HOST --cwd FOLDER -- COMMAND`.",
        anchors=("pueue",),
        confidence="medium",
        rewrite=False,
        check=check_relative_add,
        bad=(
            "ssh bigblack '~/.local/bin/pueue add -- ./run.sh'",
            "ssh gpu-box pueue add -g gpu -- python scripts/fit.py",
            "ssh gpu-box 'pueue add \"scripts/nightly.sh --all\"'",
        ),
        good=(
            "ssh gpu-box 'pueue add -w ~/p -- ./run.sh'",
            "ssh gpu-box 'cd p && pueue add -- ./run.sh'",
            "ssh gpu-box pueue add -- /srv/p/run.sh",
            "ssh gpu-box 'pueue add -- \"cd p && ./run.sh\"'",
            "ssh gpu-box 'pueue add -- ~/p/run.sh'",
            "pueue add -- ./run.sh",
        ),
    ),
    Rule(
        id="PQ513",
        name="buffered-python",
        what="Looks for detached or followed Python scripts that buffer their output.",
        why=(
            "Python writes to a file or pipe in blocks of 8 KB: the log stays empty for long, and what is in the buffer is "
            "lost if the script is killed."
        ),
        instead="`python -u`, or PYTHONUNBUFFERED=1 in the job's environment.",
        anchors=("pueue", *DETACHERS),
        confidence="medium",
        rewrite=False,
        check=check_buffered_python,
        bad=(
            "nohup python fit.py > fit.log 2>&1 &",
            "pueue add -l fit -- python fit.py --epochs 9; pueue follow 1",
            "ssh gpu-box 'nohup python3 fit.py > fit.log 2>&1 &'",
        ),
        good=(
            "pueue add -- python -u fit.py; pueue follow 1",
            "pueue add -- 'PYTHONUNBUFFERED=1 python fit.py'; pueue follow 1",
            "pueue add -- python fit.py; pueue status",
            "python status.py > status.txt",
        ),
    ),
)
