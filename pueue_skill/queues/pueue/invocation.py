"""The invocation of jobs on pueue 4: Jobs to bash text that a person pastes, which needs only ssh and pueue's client."""

from __future__ import annotations

import base64
import re

from pueue_skill.plan.model import Each, Job
from pueue_skill.queues.pueue.site import folders, path_before
from pueue_skill.queues.pueue.task import QUEUED, add_arguments, task
from pueue_skill.queues.script import functions
from pueue_skill.queues.scripts import by_host
from pueue_skill.shell import quote
from pueue_skill.shell.model import KEEP_SHELL, Host
from pueue_skill.startup.regex import regex

WAITER = "{pueue} wait --quiet {ids} >/dev/null 2>&1 </dev/null"
"""What other jobs can come after where a job is to run however those before it end, which pueue's --after does not do."""
WAITERS = "pueue-skill-waiters"
"""The group of such jobs, without a limit: one that waits takes no slot from what it waits for."""
KEYED = regex(r"PUEUE_SKILL_KEY=([A-Za-z0-9:_.@+-]+?)(?:-\$\(\(pq_turn \+= 1\)\))? ")


def submissions(text: str) -> list[tuple[str, str, str]]:
    """The jobs that an invocation in `text` queues: the ssh words of their host, their keys, and the line that adds each."""
    return [(ssh, key, line.strip()) for ssh, line in by_host(text) for key in KEYED.findall(line)]


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
        lines += [put_text().rstrip("\n"), *map(put, files, files.values())]
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
    reader = f"{'bash' if loops else 'sh'} -s{KEEP_SHELL if bare else ''}"
    return quote.heredoc(f"ssh {host.ssh} {quote.nested(reader, 1 + host.hops)}", text)


def client(job: Job, host: Host, pueue: str) -> str:
    """The client as it adds `job`, as source: with the environment that its shell is to begin with."""
    if not host.ssh or job.shell == "bash":
        return pueue
    found = pueue if "/" in pueue or pueue.startswith('"') else f'"$(command -v {pueue})"'
    return f"bare SHLVL=1 {found}" if job.shell == "nested" else f"bare {found}"


def bare_text(host: Host) -> str:
    """The function `bare` for jobs of `host`, as sh text."""
    if not host.path:
        return functions("queues/bare")
    return f"pq_first={folders(host)}:\n" + functions("queues/bare_path")


def put_text() -> str:
    """The function `put`, as sh text."""
    return functions("queues/decoded") + functions("queues/pueue/put")


def group_of(pueue: str, name: str, limit: int) -> str:
    """A line that makes a group, unless it is there."""
    return f"{pueue} group add --parallel {limit} {quote.word(name)} >/dev/null 2>&1 </dev/null"


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
            + f"{RECORD} {each.words} >&{fd}; {each.xargs} {RECORD}{'' if each.placeholder is None else ' {}'} >&{fd}{each.after}; }}"
        )
        before, after = each.before + body, ""
        words, call = APPENDED if each.placeholder is None else REPLACED
        place = quote.word(each.placeholder or "")
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


def put(name: str, content: bytes) -> str:
    """sh text, without its last newline, that writes a file of a job."""
    written = quote.heredoc(f"put {name}", base64.encodebytes(content).decode())
    return written.replace("\n", " || exit 74\n", 1).rstrip("\n")
