"""pueue 4: Jobs to shell text, and what pueue prints to States.

A queued command has one fixed form, QUEUED, made by `task` and undone by `proposed`. pueue hands it to `sh -c`, which runs
the work by bash (what agents write is bash, and sh would break or silently change some of it) or by the login shell of the
host, with /dev/null or a file for standard input (pueue's own is a pipe that never ends), and gives its exit status on
(with a signal as 128+n, which pueue itself reports without its number). The key stands in the environment, where the queue
can be asked for it and a process that outlived its daemon can be found by it.

What does not fit into an argument, or is read, lies in files of FOLDER that are named by their content. They stay, because a
task that is restarted in place needs them again: nothing here removes them, whoever cleans up after tasks that are gone may.

pueue's exit codes are not believed: an `add` that failed may have added, so the queue is asked by key before and after.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence

from pueue_skill.plan.model import Each, Job
from pueue_skill.queues.model import Group, Queue, State, Submission
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import (
    ADDS,
    BARE,
    ENVIRONMENT,
    FIRST,
    KNOWN,
    LOAD,
    LOCK,
    LONGEST,
    NEW,
    PAUSE,
    REPLY,
    SPELLED,
    TAILS,
    TAKE,
    by_host,
    differences,
    reply,
)
from pueue_skill.queues.scripts import read_tails as read_tails
from pueue_skill.shell import quote
from pueue_skill.shell.login import LOGIN, STAYS
from pueue_skill.shell.model import Host
from pueue_skill.startup.digest import digest
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from pueue_skill.queues.literals import Result, Status

FOLDER = "$HOME/.local/share/pueue-skill/jobs"
QUEUED = "{inherited}{before}env PUEUE_SKILL_KEY={key} {run} {stdin}{after}; exit"
WAITER = "{pueue} wait --quiet {ids} >/dev/null 2>&1 </dev/null"
"""What other jobs can come after where a job is to run however those before it end, which pueue's --after does not do."""
WAITERS = "pueue-skill-waiters"
"""The group of such jobs, without a limit: one that waits takes no slot from what it waits for."""
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

# Where pueue's configuration and its state are by themselves, then where the configuration says that the state is.
PLACES = r"""if [ "$(uname)" = Darwin ]; then
  pq_config="$HOME/Library/Application Support/pueue/pueue.yml" pq_data="$HOME/Library/Application Support/pueue"
else
  pq_config="${XDG_CONFIG_HOME:-$HOME/.config}/pueue/pueue.yml" pq_data="${XDG_DATA_HOME:-$HOME/.local/share}/pueue"
fi
pq_config=${PUEUE_CONFIG_PATH:-$pq_config}
"""
STATE = r"""pq_set_data=$(cat "$pq_config" 2>/dev/null | tr -d "\"'" |
  sed -n -e 's/^ *pueue_directory: *//p' -e 's/^.*[{,] *pueue_directory: *\([^,}]*\).*/\1/p' | head -n 1)
case $pq_set_data in
  '' | null | '~') ;;
  '~/'*) pq_data=$HOME/${pq_set_data#'~/'} ;;
  *) pq_data=$pq_set_data ;;
esac
"""

# Where a job of that key is there, it has to read the same.
FED = r"""pq_part="{input}.$$"
(umask 077 && mkdir -p "{folder}") && take "$pq_part"
pq_fed=$?
"""
KEEP = r"""[ "$pq_fed" = 0 ] && mv "$pq_part" "{input}" || exit 74
"""
SAME = r"""    if [ "$pq_fed" = 0 ] && ! cmp -s "$pq_part" "{input}"; then pq_status=other; fi
"""

SUBMIT = r"""{{
{lock}known() {{ ask status --json {query}; }}
pq_before=$(known) || exit 69
pq_status=0 pq_folder= pq_environment=
case $pq_before in
  *'"tasks":{{}}'*)
{files}    if [ "$pq_status" = 0 ]; then
      echo '{adds}'
      {client} {add} </dev/null >/dev/null || pq_status=$?
    fi
    exec 9>&-
    pq_after=$(known) ;;
  *)
{same}    exec 9>&-
    pq_after=$pq_before
    pq_folder=$(cd -- {folder} 2>/dev/null && pwd -P) || pq_folder={folder}
    pq_environment=$({awk} {environment} </dev/null) ;;
esac
pq_folder=$(printf %s "$pq_folder" | base64 | tr -d '\n')
printf '%s\n%s\n%s\n%s\n%s\n%s\n' '{reply}' "$pq_status" "$pq_before" "$pq_after" "$pq_folder" "$pq_environment"
}}
"""

# A file of a job is there whole or not at all.
DECODED = r"""decoded() {
  if base64 -d </dev/null >/dev/null 2>&1; then base64 -d
  elif base64 -D </dev/null >/dev/null 2>&1; then base64 -D
  else openssl base64 -d
  fi
}
"""
PUT = (
    f'{DECODED}put() {{\n  pq_file="{FOLDER}/$1"'
    + r"""
  if (umask 077 && mkdir -p "${pq_file%/*}" && decoded >"$pq_file.$$" && mv "$pq_file.$$" "$pq_file"); then return 0; fi
  rm -f "$pq_file.$$"
  return 1
}
"""
)

# A job that outlived its daemon still runs: another copy of it would write to the same files. A line `survivor PID KEY` each.
SURVIVORS = r"""pq_survivors=$(
  for pq_environ in $(grep -la 'PUEUE_SKILL_KEY=' /proc/[0-9]*/environ 2>/dev/null); do
    pq_pid=${pq_environ#/proc/}
    tr '\0' '\n' 2>/dev/null <"$pq_environ" | sed -n "s/^PUEUE_SKILL_KEY=/survivor ${pq_pid%/environ} /p"
  done 2>/dev/null
)
"""

# The state is read before the output, so that all output of a job that is done is there. Output goes in frames with their
# length, so that any byte may stand in it.
FOLLOW = (
    r"""pq_log=$pq_data/task_logs/{id}.log pq_errors={errors} pq_offset={offset} pq_errors_offset={errors_offset} pq_last='' pq_turns=0
"""
    + NEW
    + r"""echo '{reply}'
while :; do
  pq_state=$(ask log --json --lines 0 {id}) || exit 69
  new output "$pq_log" "$pq_offset"
  pq_offset=$pq_size
  if [ -n "$pq_errors" ]; then
    new error "$pq_errors" "$pq_errors_offset"
    pq_errors_offset=$pq_size
  fi
  if [ "$pq_state" != "$pq_last" ]; then printf 'state %s\n' "$pq_state"; fi
  case $pq_state in
    *'"Done":'* | '{{}}') exit 0 ;;
    # Many may wait for their turn: they ask less often, and often again from when it has come.
    *'"Queued":'*) if [ "$pq_turns" -ge 10 ]; then pq_turns=100; fi ;;
    *) if [ "$pq_state" != "$pq_last" ]; then pq_turns=0; fi ;;
  esac
  pq_last=$pq_state
"""
    + PAUSE
    + "done\n"
)

STATUS = (
    r"""pq_answer=$(ask status --json) || exit 69
"""
    + LOAD
    + r"""printf '%s\n%s\n%s\n' '{reply}' "$pq_answer" "$pq_load"
"""
)


OUTPUT = '"$pq_data/task_logs/$1.log"'

# The braces of JSON end lines here; within a text every quote bears a backslash, so no text can look like the head of a task.
FAILURES = r"""ask status --json status=failed | tr '{{' '\n' |
  sed -n -e 's/^"id":\([0-9]*\),.*"original_command":"[^(]*exec 2>\/dev\/null; (env PUEUE_SKILL_KEY=\([A-Za-z0-9:_.@+-]*\) .*/\1 \2/p' -e t \
    -e 's/^"id":\([0-9]*\),"created_at".*/\1/p' | tail -n {jobs} | while read -r pq_id pq_key; do
  one "$pq_id" "${{pq_key:+{folder}/$pq_key.err}}"
done"""


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
    if len(text.encode()) > LONGEST:
        raise TooLong(f"the job is {len(text.encode())} bytes long, and pueue can start at most {LONGEST}")
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
        run=f"{LOGIN if job.shell == 'login' else 'bash'} {work}",
        stdin=stdin,
        after=after.format(folder=FOLDER, key=job.key),
    )


def name_of(content: bytes) -> str:
    return digest(content, 32)


KEYED = regex(r"PUEUE_SKILL_KEY=([A-Za-z0-9:_.@+-]+?)(?:-\$\(\(pq_turn \+= 1\)\))? ")


def submissions(text: str) -> list[tuple[str, str, str]]:
    """The jobs that an invocation in `text` queues: the ssh words of their host, their keys, and the line that adds each."""
    return [(ssh, key, line.strip()) for ssh, line in by_host(text) for key in KEYED.findall(line)]


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


def invocation(jobs: tuple[Job, ...], host: Host) -> str:
    """bash text that queues `jobs` on `host` and prints a task id a line. Raises ValueError when it cannot be text."""
    pueue = quote.path(host.pueue or "pueue")
    lines = [f"PATH={path_before(host)}"] if host.path else []
    loops = any(job.each for job in jobs)
    bare = [job for job in jobs if host.ssh and job.shell != "bash"]
    if len(bare) < len(jobs) and host.ssh and not loops:
        lines.append("export SHLVL=1")  # else bash takes itself for a child of sshd
    if bare:
        lines += bare_text(host).rstrip("\n").split("\n")
    limits = dict(host.groups)
    for group in dict.fromkeys([job.group for job in jobs]):
        if group in limits and group != "default":
            lines.append(group_of(pueue, group, limits[group]))
    needed = {key for job in jobs for key in job.after}
    tasks = {job.key: task(job) for job in jobs if not job.each}
    files = {name: content for _, needed_files in tasks.values() for name, content in needed_files.items()}
    if files:
        lines += [PUT.rstrip("\n"), *map(put, files, files.values())]
    ids: dict[str, str] = {}
    waiters: dict[str, str] = {}  # by the ids that they wait for
    if any(job.if_failed for job in jobs):
        lines.append(group_of(pueue, WAITERS, 0))
    for job in jobs:
        if job.each:
            lines += each_turn(job, job.each, pueue)
            continue
        after = [f"${ids[key]}" for key in job.after]
        text = quote.text(tasks[job.key][0])
        if job.if_failed:
            waiting = " ".join(after)
            if waiting not in waiters:
                waiters[waiting] = f"pq_waiter{len(waiters) + 1}"
                waits = WAITER.format(pueue=pueue, ids=waiting)
                lines.append(
                    f'{waiters[waiting]}=$({pueue} add --print-task-id --group={WAITERS} -- "{waits}" </dev/null) || exit'
                )
            after = [f"${waiters[waiting]}"]
        add = f"{client(job, host, pueue)} {add_arguments(job, text, after)}"
        if job.key in needed:
            ids[job.key] = f"pq_id{len(ids) + 1}"
            lines.append(f'{ids[job.key]}=$({add} </dev/null) && echo "${ids[job.key]}" || exit')
        else:
            lines.append(f"{add} </dev/null" if host.ssh or len(jobs) > 1 else add)
    if not host.ssh and len(lines) == 1 and not loops:
        return lines[0] + "\n"
    # A subshell keeps variables, `cd` and `exit` from the shell that this is pasted into; a loop reads its script whole.
    own = loops or (not host.ssh and (len(lines) > len(jobs) or bool(ids)))
    text = "".join([line + "\n" for line in lines])
    if own:
        text = f"(\n{text})\n"
    if not host.ssh:
        return text
    reader = f"{'bash' if loops else 'sh'} -s{STAYS if bare else ''}"
    return quote.heredoc(f"ssh {host.ssh} {quote.nested(reader, 1 + host.hops)}", text)


def client(job: Job, host: Host, pueue: str) -> str:
    """The client as it adds `job`, as source: with the environment that its shell is to begin with."""
    if not host.ssh or job.shell == "bash":
        return pueue
    found = pueue if "/" in pueue or pueue.startswith('"') else f'"$(command -v {pueue})"'
    return f"bare SHLVL=1 {found}" if job.shell == "nested" else f"bare {found}"


def bare_text(host: Host, words: str = "") -> str:
    """The function `bare` of `host`; `words` are more variables for what it runs, as sh source."""
    first = f"pq_first={folders(host)}:\n" if host.path else ""
    return first + BARE.format(words=words + (FIRST if host.path else ""))


def folders(host: Host) -> str:
    """The folders before the PATH of jobs of `host`, as shell source for an assignment."""
    return ":".join(map(quote.path, host.path))


def group_of(pueue: str, name: str, limit: int) -> str:
    """A line that makes a group, unless it is there."""
    return f"{pueue} group add --parallel {limit} {quote.word(name)} >/dev/null 2>&1 </dev/null"


def path_before(host: Host) -> str:
    """The value of PATH for jobs of `host`, as shell source for an assignment."""
    return f'{folders(host)}:"$PATH"'


# On the left of the pipe stands the user's text, which runs nothing of ours but a program with fixed words, and sets whatever variables,
# functions and options it likes. On the right nothing of the user's is run: it reads the values of each turn, as data.
TURNS = r"""{{
{before}
{after}
}} {fd}>&1 >&2 | {{
pq_turn=0 pq_quote="'\''"
pq_record() {{
  pq_values=()
  IFS= read -r -d '' pq_count || return
  while ((pq_count-- > 0)); do IFS= read -r -d '' pq_value; pq_values+=("$pq_value"); done
}}
{call}
{label}pq_work=${{pq_work//\'/"$pq_quote"}}
{add} </dev/null || exit
done
}}
[ "${{PIPESTATUS[0]}}${{PIPESTATUS[1]}}" = 00 ] || exit"""
RECORD = """/bin/sh -c 'printf "%s\\0" "$#" "$@"' sh"""
"""Prints its words, after their number, each with a NUL behind it."""
OF_LOOP = """while pq_record; do
printf -v pq_work {values} "${{pq_values[@]}}"
pq_work+={work}"""
# The first record holds the user's words, as they were read once.
OF_XARGS = """pq_record
pq_words=("${{pq_values[@]}}") pq_place={place}
while pq_record; do
{words}printf -v pq_work '%q ' {call}
pq_work={work}$pq_work"""
# pueue takes UTF-8 alone, and a label is a line.
LABEL = """pq_label={label}
case $pq_label in *[![:print:]]*) printf -v pq_label %q "$pq_label" ;; esac
"""
APPENDED = "", '"${pq_words[@]}" "${pq_values[@]}"'
REPLACED = (
    """pq_call=("${pq_words[0]}")
for pq_word in "${pq_words[@]:1}"; do
  pq_word=${pq_word//"$pq_place"/"${pq_values[0]}"}
  pq_call+=("$pq_word")
done
""",
    '"${pq_call[@]}"',
)
FDS = "9876543"


def each_turn(job: Job, each: Each, pueue: str) -> list[str]:
    """bash lines that submit a job a turn of a loop, the values of the turn written into it. Raises ValueError."""
    source = each.before + each.after
    fd = next((fd for fd in FDS if not re.search(rf"(?<!\w){fd}[<>]|[<>]&{fd}", source)), None)
    if fd is None:
        raise ValueError("the loop uses all file descriptors below 10 itself")
    if each.xargs:
        body = (
            "{ "
            + f"{RECORD} {each.words} >&{fd}; {each.xargs} {RECORD}{'' if each.place is None else ' {}'} >&{fd}{each.after}; }}"
        )
        before, after = each.before + body, ""
        words, call = APPENDED if each.place is None else REPLACED
        place = quote.word(each.place or "")
        work = quote.word(job.command.removesuffix(each.words))
        read = OF_XARGS.format(place=place, words=words, call=call, work=work)
        label = ""
    else:
        given = " ".join([f'"${name}"' for name in each.names])
        before, after = f"{each.before.rstrip(' ')}\n{RECORD} {given} >&{fd}", each.after
        values = "".join([f"{name}=%q " for name in each.names])[:-1]
        read = OF_LOOP.format(values=quote.word(f"{values}\\n"), work=quote.word(job.command))
        label = "@".join([f"${{pq_values[{i}]}}" for i in range(len(each.names))][:2]) + "".join(
            [f":${{pq_values[{i}]}}" for i in range(2, len(each.names))]
        )
    key = f"{job.key}-$((pq_turn += 1))"
    text = QUEUED.format(inherited="", before="", key=key, run="bash -c '$pq_work'", stdin="</dev/null", after="")
    grouped = f" --group={quote.word(job.group)}" if job.group else ""
    labelled = ' --label="$pq_label"' if job.label else ""
    add = f'{pueue} add --print-task-id{grouped}{labelled} --working-directory "$PWD" -- "{text}"'
    first = ["cd " + quote.path(job.cwd) + " || exit"] if job.cwd else []
    return [
        *first,
        TURNS.format(
            before=before, after=after, fd=fd, call=read, label=LABEL.format(label=label) if job.label else "", add=add
        ),
    ]


def head(host: Host) -> str:
    return script("queues/pueue/head", PQ_PUEUE=host.pueue or "")


def candidates(host: Host) -> list[str]:
    """Where pueue is looked for on a host, in this order."""
    usual = ["pueue", "~/.local/bin/pueue", "~/.cargo/bin/pueue", "/opt/homebrew/bin/pueue", "/usr/local/bin/pueue"]
    return list(dict.fromkeys([*([host.pueue] if host.pueue else []), *usual]))


def submit_script(job: Job, host: Host) -> str:
    text, files = task(job)
    where = {"input": f"{FOLDER}/{job.key}.in", "folder": FOLDER}
    keep = [KEEP.format(**where).rstrip("\n")] if job.stdin else []
    lines = [*folder_for(job), *keep, *map(put, files, files.values())]
    inherits = not host.ssh or job.shell == "bash"
    return (
        head(host)
        + (f"PATH={path_before(host)}\n" if host.path else "")
        + ("export SHLVL=1\n" if host.ssh and inherits else "" if inherits else bare_text(host, KNOWN))
        + (PUT if files else "")
        + (TAKE.format(key=job.key) + FED.format(**where) if job.stdin else "")
        + SUBMIT.format(
            same=SAME.format(**where) if job.stdin else "",
            lock=LOCK,
            adds=ADDS,
            query=quote.word(f"command%=env PUEUE_SKILL_KEY={job.key} "),
            files="\n".join(["(", *lines, ") || pq_status=$?", ""]) if lines else "",
            client=client(job, host, '"$pq_pueue"'),
            add=add_arguments(job, quote.text(text)),
            folder=quote.path(job.cwd) if job.cwd else ".",
            awk=client(job, host, "awk"),
            environment=ENVIRONMENT,
            reply=REPLY,
        )
    )


def folder_for(job: Job) -> list[str]:
    """sh text that makes the folder that a job writes to, without what an earlier job of the same key wrote there."""
    file = f'"{FOLDER}/{job.key}.err"'
    return [f'(umask 077 && mkdir -p "{FOLDER}" && rm -f {file}) || exit 74'] if job.split_output else []


def put(name: str, content: bytes) -> str:
    """sh text, without its last newline, that writes a file of a job."""
    written = quote.heredoc(f"put {name}", base64.encodebytes(content).decode())
    return written.replace("\n", " || exit 74\n", 1).rstrip("\n")


def read_submission(answer: str, job: Job) -> Submission:
    """What a submit script answered. Raises ValueError when it is no answer."""
    lines = reply(answer).split("\n")  # not splitlines: text may hold other ends of lines
    if len(lines) < 5:
        raise ValueError("the answer was cut off")
    before, after = read_queue(lines[1]), read_queue(lines[2])
    there = [state for state in after.states if state.key == job.key]
    group = next((group for group in after.groups if group.name == (job.group or "default")), None)
    if not there:
        return Submission(None, False, f"pueue add failed with exit code {lines[0]}", group)
    was = {(state.id, state.created) for state in before.states if state.key == job.key}
    state = max(there, key=lambda state: state.created)
    if (state.id, state.created) not in was:
        return Submission(state, True, "", group)
    entry = json.loads(lines[2])["tasks"][state.id]
    folder = base64.b64decode(lines[3]).decode("utf-8", "surrogateescape")
    differs = differences(job, state, folder, "\n".join(lines[4:]), entry["envs"])
    if entry["command"] != task(job)[0]:
        differs = ("runs another command", *differs)
    if lines[0] == "other":
        differs = ("reads another input", *differs)
    return Submission(state, False, "", group, differs)


def follow_script(state: State, host: Host, offset: int, errors_offset: int) -> str:
    errors = state.errors or "''"
    return head(host) + FOLLOW.format(
        id=int(state.id), errors=errors, offset=offset, errors_offset=errors_offset, reply=REPLY
    )


def read_state(answer: str) -> State | None:
    found = [read_task(entry["task"]) for entry in json.loads(answer).values()]
    return found[0] if found else None


def tails_script(states: Sequence[State], host: Host, count: int) -> str:
    none = "''"
    calls = "\n".join([f"one {int(state.id)} {state.errors or none}" for state in states])
    return head(host) + TAILS.format(output=OUTPUT, count=count, reply=REPLY, calls=calls)


def failures_script(host: Host, jobs: int, count: int) -> str:
    calls = FAILURES.format(jobs=jobs, folder=FOLDER)
    return head(host) + TAILS.format(output=OUTPUT, count=count, reply=REPLY, calls=calls)


def versions_script(host: Host) -> str:
    return script("queues/pueue/versions", PQ_PUEUE=host.pueue or "")


def where() -> str:
    return script("queues/pueue/where")


def trouble(host: Host, code: int, said: str) -> str:
    """Why a host's queue gave no answer, and what to do."""
    if code == 127:
        return f"{said or 'no pueue'} ({host.name}); set hosts.{host.name}.pueue in the configuration, or type: pueue-skill setup {host.name}"
    if "Did you start" in said or "onnection refused" in said:
        # `ssh HOST pueued -d` hangs: the daemon keeps ssh's output.
        path = f"{host.pueue or 'pueue'}d"
        start = f"ssh {host.ssh} 'setsid {path} -d >/dev/null 2>&1 </dev/null'" if host.ssh else "pueued -d"
        again = f"So that it comes back by itself: pueue-skill setup {host.name}"
        return f"the daemon of {host.name} is not running: {said}\nStart it: {start}\n{again}"
    return f"{host.name} gave no answer (exit code {code}): {said}"


def advised(said: str, host: Host) -> str:
    """An error of pueue's; it says itself what to do."""
    return said


ID = regex(r"\d+")


def callback(program: str) -> str:
    """The value of daemon.callback in pueue.yml that has `program`, the path of pueue-skill there, told of every job's end.

    pueue fills its template in without quoting and has sh run it, so that a job's command or group could run what it holds: only
    what pueue itself makes is asked for, a number and a word. Raises ValueError for a path that the template would be taken from.
    """
    if "{{" in program:
        raise ValueError(f"{program}: pueue would read {{{{ as a placeholder")
    return f"{quote.word(program)} notify --callback {{{{ id }}}} --result {{{{ result }}}} </dev/null"


def status_script(host: Host) -> str:
    return head(host) + STATUS.format(reply=REPLY)


def read_status(answer: str) -> Queue:
    state, _, load = reply(answer).rstrip("\n").rpartition("\n")
    return read_queue(state)._replace(load=load)


def read_queue(text: str) -> Queue:
    answer = json.loads(text)
    groups = [Group(name, group["parallel_tasks"], group["status"].lower()) for name, group in answer["groups"].items()]
    states = [read_task(task) for task in answer["tasks"].values()]
    return Queue(tuple(groups), tuple(sorted(states, key=lambda state: int(state.id))))


RESULTS: dict[str, Result] = {
    "Success": "success",
    "Failed": "failed",
    "Killed": "killed",
    "DependencyFailed": "dependency",
    "FailedToSpawn": "spawn",
}


STATUSES: dict[str, Status] = {
    "Queued": "queued", "Stashed": "stashed", "Running": "running", "Paused": "paused", "Done": "done",
}  # fmt: skip


def read_task(entry: dict[str, Any]) -> State:
    """One task of pueue's JSON (its environment is not looked at)."""
    key, command = proposed(entry["command"])
    (name, times), *_ = entry["status"].items()
    if name == "Locked":
        (name, times), *_ = times["previous_status"].items()
    result: Result | None = None
    exit_code, detail = None, ""
    if name == "Done":
        said = times["result"]
        kind, value = next(iter(said.items())) if isinstance(said, dict) else (said, None)
        result = RESULTS.get(kind, "unknown")
        if kind == "Success":
            exit_code = 0
        elif kind == "Failed":
            exit_code = value
        elif kind == "FailedToSpawn":
            detail = str(value)
    return State(
        id=str(entry["id"]),
        key=key,
        status=STATUSES[name],
        result=result,
        exit_code=exit_code,
        detail=detail,
        group=entry["group"],
        label=entry["label"],
        cwd=entry["path"],
        command=command,
        after=tuple([str(id) for id in entry["dependencies"]]),
        created=entry["created_at"],
        started=times.get("start"),
        ended=times.get("end"),
        errors=errors_of(entry["command"]),
        due=times.get("enqueue_at"),
        waits=tuple(waits["ids"].split()) if (waits := WAITS.match(entry["command"])) else (),
    )
