"""PQ5: pueue used in ways that do something else than they seem to."""

from __future__ import annotations

from pueue_skill.facts import Wrapper, options
from pueue_skill.model import LOCAL, Command, Word
from pueue_skill.regex import regex
from pueue_skill.rules.rule import Around, Hit, Rule, on
from pueue_skill.rules.work import weigh

ADD = Wrapper("wladgo", "working-directory label after delay group priority")
"""The options of `pueue add` that take a value (pueue 4.0: -w -l -a -d -g -o)."""


def subcommand(command: Command) -> str | None:
    return command.args[0] if command.name == "pueue" and command.args else None


def added(command: Command) -> tuple[Word, ...]:
    """The words that `pueue add` joins with spaces and queues."""
    return command.words[2 + options(command.words[2:], ADD)[1] :] if subcommand(command) == "add" else ()


def check_split_add(command: Command, around: Around) -> Hit | None:
    words = added(command)
    if not words or (len(words) == 1 and (" " in words[0].value or not words[0].static)):
        return None
    queued = " ".join([word.value for word in words])
    if words[0].value in ("cd", "source", ".", "export") and "&&" not in queued and ";" not in queued:
        return on(command, f"only `{queued}` is queued; what was to follow it runs at once, outside the queue")
    rest = [after for after in around.after if after.hosts == command.hosts]
    if command.then not in ("&&", ";", "||") or not rest or any(after.name == "pueue" for after in rest):
        return None
    heavy = [after for after in rest if weigh(after).size != "quick"]
    if not heavy:
        return None
    return on(
        command,
        f"only `{queued}` is queued; the {command.then} ends `pueue add`, and {' '.join([*heavy[0].wrappers, heavy[0].words[0].value])} runs at once, outside the queue",
    )


def check_diverted_add(command: Command, around: Around) -> Hit | None:
    words = added(command)
    if len(words) < 2 or {"-p", "--print-task-id"} & set(command.args[: len(command.args) - len(words)]):
        return None
    diverted = [redirect for redirect in command.redirects if redirect.op in (">", ">>", "<", "&>")]
    if diverted and diverted[0].target and diverted[0].target.value != "/dev/null":
        return on(command, f"`{diverted[0].op} {diverted[0].target.value}` is for `pueue add` itself, not for the job")
    if command.pipe[0] + 1 < command.pipe[1]:
        return on(command, "the pipe is for `pueue add` itself, not for the job")
    return None


def check_stale_after(command: Command, around: Around) -> Hit | None:
    if subcommand(command) != "add":
        return None
    after = [value for option, value in options(command.words[2:], ADD)[0] if option in ("-a", "--after") and value]
    if not after or (after[0].static and "{" not in after[0].value):
        return None
    asked = [c for c in around.before if subcommand(c) in ("status", "log")]
    if asked or "pueue status" in after[0].value or any(loop.kind == "xargs" for loop in command.loops):
        return on(command, "--after is fed from a list of the queue, which is out of date as soon as it is read")
    return None


NUMBERED = regex(r"""tasks(?:\[|\.)["']?\d+|^\W*\(?\d+\b""")


def check_numbered_monitor(command: Command, around: Around) -> Hit | None:
    asked = [c for c in around.before if subcommand(c) == "status"]
    if not asked:
        return None
    numbers = command.name in ("grep", "egrep", "rg", "jq", "awk") and [a for a in command.args if NUMBERED.search(a)]
    looped = [
        loop
        for loop in command.loops
        if loop.kind == "for" and loop.items and all(i.value.isdigit() for i in loop.items)
    ]
    if numbers or (looped and command.name in ("jq", "grep", "awk")):
        return on(
            command,
            "task ids are written down here; they are reused after a clean, and change when a task is added again",
        )
    return None


def check_restart(command: Command, around: Around) -> Hit | None:
    if subcommand(command) != "restart" or {"--help", "-h"} & set(command.args):
        return None
    if {"-a", "--all-failed"} & set(command.args):
        return on(command, "restarts every failed task of every group as a new one, whoever's it is")
    if {"-i", "--in-place"} & set(command.args):
        return None
    return on(command, "without --in-place a new task is made: dependencies are dropped and dependants stay failed")


def check_reset(command: Command, around: Around) -> Hit | None:
    if command.name in ("pkill", "killall") and "pueued" in command.args:
        return on(command, "ends the daemon, and all that it runs or forgets what runs on without it")
    if command.name == "rm" and any("share/pueue" in arg for arg in command.args):
        return on(command, "deletes the queue: what waits, and the output of what is done")
    if subcommand(command) != "reset" or {"--help", "-h"} & set(command.args):
        return None
    return on(command, "kills all running tasks of the whole queue and deletes their output")


WAIT, FOLLOW = Wrapper("gs", "group status"), Wrapper("l", "lines")
"""The options of `pueue wait` and of `pueue follow` that take a value (pueue 4.0)."""
SHOWS = frozenset({"echo", "printf", "date", "true", ":", "ls", "cat", "head", "tail", "wc"})
"""Programs that only show something, which is no harm after a job that failed."""


def check_status_of_wait(command: Command, around: Around) -> Hit | None:
    waits = subcommand(command)
    if waits not in ("wait", "follow") or not command.reader or not command.attached:
        return None
    if {"--help", "-h"} & set(command.args):
        return None
    given, used = options(command.words[2:], WAIT if waits == "wait" else FOLLOW)
    status = [value.value for option, value in given if option in ("-s", "--status") and value]
    if waits == "wait" and status and status[-1] != "done":  # then pueue compares, and its exit code says so
        return None
    if harmless_without(command.reader, around.after):
        return None
    host = command.hosts[-1] if command.hosts else LOCAL
    jobs = [f"{host}:{job.text}" for job in command.words[2 + used :]]
    if not jobs and waits == "wait" and host in {LOCAL, *around.hosts}:
        group = [value.text for option, value in given if option in ("-g", "--group") and value]
        every = any(option in ("-a", "--all") for option, _ in given)
        jobs = [f"--host {host}", "--label '*'" if every else f"--group {group[-1] if group else 'default'}"]
    instead = " ".join(["pueue-skill", "wait" if waits == "wait" else "log --follow", *(jobs or [f"{host}:ID"])])
    return on(
        command,
        f"`pueue {waits}` exits 0 even when a job failed, and {command.reader} reads that exit code; use `{instead}`, which fails then",
    )


def harmless_without(reader: str, after: tuple[Command, ...]) -> bool:
    """Whether what depends on the exit status does the right thing without it: it only shows something, or looks for itself."""
    if reader == "||":
        return bool(after) and after[0].name in ("true", ":")
    if reader != "&&":
        return False
    for next in after:
        shows = next.name in SHOWS or subcommand(next) in ("status", "log", "follow")
        if not shows or next.reader == "||":
            return False
        if next.pipe[1] > 1 or next.reader != "&&":
            return True
    return True


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
    Rule(
        id="PQ504",
        name="diverted-add",
        what="Looks for redirects and pipes that were meant for the job but belong to `pueue add`.",
        why="The shell gives them to `pueue add`: the file holds its message and not the job's output, and the pipe reads nothing.",
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
        what="Looks for `--after` that is fed from `pueue status`.",
        why="Between the question and the answer tasks are added, finished and cleaned; ids that are gone make the add fail, and others are missing.",
        instead="Keep the ids that `pueue add --print-task-id` printed for the tasks it is to come after.",
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
        what="Looks for task ids written down in what reads `pueue status`.",
        why="Ids are reused after a clean and change when a task is added again; the monitor then watches another task.",
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
        why="Both exit 0 when the job has failed: what follows `&&` runs all the same, and what follows `||` never does.",
        instead="`pueue-skill wait JOB` or `pueue-skill log --follow JOB`, which exit with the job's own code; or queue what comes next "
        "with `--after`.",
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
)
