"""The invocation of jobs on pueue 4: Jobs in, bash text out that a person reads and pastes; it needs only ssh and pueue's client.

Programs in an invocation are files in sh/. What is composed here are single commands, and the pipe around a loop of the user.
"""

from __future__ import annotations

import re

from pueue_skill.plan.model import Each, Job
from pueue_skill.queues.pueue.site import folders, path_before
from pueue_skill.queues.pueue.task import TASK_FORM, add_arguments, task
from pueue_skill.queues.script import functions, pasted
from pueue_skill.queues.scripts import lines_by_host
from pueue_skill.shell import quote
from pueue_skill.shell.model import KEEP_SHELL, Host
from pueue_skill.startup.regex import regex

WAITER = "{pueue} wait --quiet {ids} >/dev/null 2>&1 </dev/null"
"""The work of a job that waits for others. A job with `if_failed` depends on it: pueue's own dependencies must succeed."""
WAITERS = "pueue-skill-waiters"
"""The group of such jobs, without a limit: a waiting job takes no slot from those for which it waits."""
KEYED = regex(r"PUEUE_SKILL_KEY=([A-Za-z0-9:_.@+-]+?)(?:-\$\(\(pq_iteration \+= 1\)\))? ")


def submissions(text: str) -> list[tuple[str, str, str]]:
    """Return the jobs that an invocation in `text` submits: the ssh words of the host, the key, and the line that adds the job."""
    return [(ssh, key, line.strip()) for ssh, line in lines_by_host(text) for key in KEYED.findall(line)]


def invocation(jobs: tuple[Job, ...], host: Host) -> str:
    """Return bash text that submits `jobs` on `host` and prints one task id per line. Raises ValueError if no such text exists."""
    pueue = quote.path(host.pueue or "pueue")
    lines = [f"PATH={path_before(host)}"] if host.path else []
    loops = any(job.each for job in jobs)
    bare = [job for job in jobs if host.ssh and job.shell != "bash"]
    if len(bare) < len(jobs) and host.ssh and not loops:
        lines.append("export SHLVL=1")  # otherwise bash behaves as a child of sshd
    if bare:
        lines += bare_function(host).rstrip("\n").split("\n")
    limits = dict(host.groups)
    for group in dict.fromkeys([job.group for job in jobs]):
        if group in limits and group != "default":
            lines.append(group_of(pueue, group, limits[group]))
    needed = {key for job in jobs for key in job.after}
    tasks = {job.key: task(job) for job in jobs if not job.each}
    files = {name: content for _, needed_files in tasks.values() for name, content in needed_files.items()}
    if files:
        lines += [put_function().rstrip("\n"), *map(put_file, files, files.values())]
    ids: dict[str, str] = {}
    waiters: dict[str, str] = {}  # by the ids for which they wait
    if any(job.if_failed for job in jobs):
        lines.append(group_of(pueue, WAITERS, 0))
    for job in jobs:
        if job.each:
            lines += loop_lines(job, job.each, pueue)
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
    # A subshell protects the shell into which this is pasted from variables, `cd` and `exit`; bash also reads it to its end before a
    # loop reads stdin.
    subshell = loops or (not host.ssh and (len(lines) > len(jobs) or bool(ids)))
    text = "".join([line + "\n" for line in lines])
    if subshell:
        text = f"(\n{text})\n"
    if not host.ssh:
        return text
    reader = f"{'bash' if loops else 'sh'} -s{KEEP_SHELL if bare else ''}"
    return quote.heredoc(f"ssh {host.ssh} {quote.nested(reader, 1 + host.hops)}", text)


def client(job: Job, host: Host, pueue: str) -> str:
    """Return the command that calls the client for `job`, as shell source, with the environment in which the job's shell starts."""
    if not host.ssh or job.shell == "bash":
        return pueue
    path = pueue if "/" in pueue or pueue.startswith('"') else f'"$(command -v {pueue})"'
    return f"bare SHLVL=1 {path}" if job.shell == "nested" else f"bare {path}"


def bare_function(host: Host) -> str:
    """Return the shell function `bare` for jobs of `host`."""
    if not host.path:
        return functions("queues/bare")
    return f"pq_first={folders(host)}:\n" + functions("queues/bare_path")


def put_function() -> str:
    """Return the shell function `put`."""
    return functions("queues/decoded") + functions("queues/pueue/put")


def group_of(pueue: str, name: str, limit: int) -> str:
    """Return a line that creates a group unless it exists."""
    return f"{pueue} group add --parallel {limit} {quote.word(name)} >/dev/null 2>&1 </dev/null"


FDS = "9876543"


def loop_lines(job: Job, each: Each, pueue: str) -> list[str]:
    """Return bash lines that submit a job per iteration of a loop or call of xargs. Raises ValueError.

    The user's text runs before a pipe and prints a record per iteration; it may set any variables, functions and options. The
    program after the pipe runs nothing of the user's: it reads the records as data, and submits.
    """
    fd = next((fd for fd in FDS if not re.search(rf"(?<!\w){fd}[<>]|[<>]&{fd}", each.before + each.after)), None)
    if fd is None:
        raise ValueError("the loop uses all file descriptors below 10 itself")
    if each.xargs:
        call = f"{each.xargs} {recorder()}{'' if each.placeholder is None else ' {}'} >&{fd}{each.after}"
        body = f"{each.before}{{ {recorder()} {each.words} >&{fd}; {call}; }}"
        program = pasted(
            "queues/pueue/xargs.bash",
            PQ_PLACEHOLDER=each.placeholder or "",
            PQ_BEFORE=job.command.removesuffix(each.words),
        )
    else:
        values = " ".join([f'"${name}"' for name in each.names])
        body = f"{each.before.rstrip(' ')}\n{recorder()} {values} >&{fd}\n{each.after}"
        program = pasted(
            "queues/pueue/loop.bash",
            PQ_VALUES=" ".join([f"{name}=%q" for name in each.names]) + "\\n",
            PQ_LABEL="@".join(["%s"] * len(each.names[:2])) + ":%s" * len(each.names[2:]),
            PQ_WORK=job.command,
        )
    key = f"{job.key}-$((pq_iteration += 1))"
    text = TASK_FORM.format(inherited="", before="", key=key, run="bash -c '$pq_work'", stdin="</dev/null", after="")
    group = f" --group={quote.word(job.group)}" if job.group else ""
    label = ' --label="$pq_label"' if job.label else ""
    add = f'{pueue} add --print-task-id{group}{label} --working-directory "$PWD" -- "{text}"'
    return [
        *([f"cd {quote.path(job.cwd)} || exit"] if job.cwd else []),
        f"{{\n{body}\n}} {fd}>&1 >&2 | {{\n{program}while pq_next; do",
        f"    {add} </dev/null || exit",
        'done\n}\n[ "${PIPESTATUS[0]}${PIPESTATUS[1]}" = 00 ] || exit',
    ]


def recorder() -> str:
    """Return the command whose arguments are printed as a record, without these."""
    return f"/bin/sh -c {quote.word(pasted('queues/pueue/record').rstrip())} sh"


def put_file(name: str, content: bytes) -> str:
    """Return sh text, without its last newline, that writes a file of a job."""
    import base64  # the hook seldom has a job with files

    heredoc = quote.heredoc(f"put {name}", base64.encodebytes(content).decode())
    return heredoc.replace("\n", " || exit 74\n", 1).rstrip("\n")
