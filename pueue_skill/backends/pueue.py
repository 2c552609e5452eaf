"""pueue 4: Jobs to shell text, and what pueue prints to States.

A queued command has one fixed form, QUEUED, made by `queued` and undone by `proposed`. pueue hands it to `sh -c`, which runs
the work by bash (what agents write is bash, and sh would break or silently change some of it), with /dev/null for standard
input (pueue's own is a pipe that never ends), and gives its exit status on (with a signal as 128+n, which pueue itself
reports without its number). The key stands in the environment, where the queue can be asked for it and a process that
outlived its daemon can be found by it.

pueue's exit codes are not believed: an `add` that failed may have added, so the queue is asked by key before and after.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from pueue_skill import quote
from pueue_skill.model import Each, Group, Host, Job, Queue, Result, State, Status, Submission

QUEUED = "env PUEUE_SKILL_KEY={key} bash -c {work} </dev/null; exit"
WAITED = "{pueue} wait --quiet {ids} >/dev/null 2>&1 </dev/null; "
"""Before a job that comes after others however they end, which pueue's --after does not do."""
PROPOSED = re.compile(r"env PUEUE_SKILL_KEY=(\S+) bash -c (.+) </dev/null; exit", re.DOTALL)
SPELLED = "builtin eval "
"""Before work that is not UTF-8, which pueue does not take: bash can spell any byte in ASCII."""

LONGEST = 131_071
"""Bytes that one argument may hold (Linux MAX_ARG_STRLEN); pueue accepts more and then cannot start the task."""

REPLY = "pueue-skill reply"
"""The line after which an answer begins: a login shell's start-up files may print something before it."""

# pueue is looked for where installers put it; a bare ssh command has only the system's folders on its PATH.
HEAD = r"""for pueue in {candidates}; do
  pueue=$(command -v "$pueue") && break
done
if [ -z "$pueue" ]; then
  echo "no pueue on this host: looked for {looked}" >&2
  exit 127
fi
# A daemon that hangs must not hang its callers.
ask() {{
  if command -v timeout >/dev/null; then timeout 20 "$pueue" "$@" </dev/null; else "$pueue" "$@" </dev/null; fi
}}
# Without XDG_RUNTIME_DIR (cron, some ssh servers) the client looks for the daemon's socket in the wrong place.
if [ -z "${{XDG_RUNTIME_DIR-}}" ] && [ -d "/run/user/$(id -u)" ] && ! ask group >/dev/null 2>&1; then
  export XDG_RUNTIME_DIR="/run/user/$(id -u)"
fi
if [ "$(uname)" = Darwin ]; then
  config="$HOME/Library/Application Support/pueue/pueue.yml" data="$HOME/Library/Application Support/pueue"
else
  config="${{XDG_CONFIG_HOME:-$HOME/.config}}/pueue/pueue.yml" data="${{XDG_DATA_HOME:-$HOME/.local/share}}/pueue"
fi
config=${{PUEUE_CONFIG_PATH:-$config}}
set_data=$(cat "$config" 2>/dev/null | tr -d "\"'" |
  sed -n -e 's/^ *pueue_directory: *//p' -e 's/^.*[{{,] *pueue_directory: *\([^,}}]*\).*/\1/p' | head -n 1)
case $set_data in
  '' | null | '~') ;;
  '~/'*) data=$HOME/${{set_data#'~/'}} ;;
  *) data=$set_data ;;
esac
"""

# pueue keeps the environment of whoever adds a task, so the folder is closed to others first. The lock makes "is it there?
# then add it" one step for all who submit through here.
SUBMIT = r"""if [ -d "$data" ]; then
  chmod 700 "$data"
  exec 9>"$data/pueue-skill.lock"
  if command -v flock >/dev/null; then flock 9; fi
fi
known() {{ ask status --json {query}; }}
before=$(known) || exit 69
status=0
case $before in
  *'"tasks":{{}}'*) "$pueue" {add} </dev/null >/dev/null || status=$?; after=$(known) ;;
  *) after=$before ;;
esac
printf '%s\n%s\n%s\n%s\n' '{reply}' "$status" "$before" "$after"
"""

# The state is read before the output, so that all output of a job that is done is there. Output goes in frames with their
# length, so that any byte may stand in it. The pause grows with the time waited; a tenth of it is not noticed.
FOLLOW = r"""log=$data/task_logs/{id}.log offset={offset} last='' turns=0
echo '{reply}'
while :; do
  state=$(ask log --json --lines 0 {id}) || exit 69
  size=0
  if [ -f "$log" ]; then size=$(($(wc -c <"$log"))); fi
  if [ "$size" -gt "$offset" ]; then
    printf 'output %s\n' "$((size - offset))"
    tail -c "+$((offset + 1))" "$log" | head -c "$((size - offset))"
    offset=$size
  fi
  if [ "$state" != "$last" ]; then printf 'state %s\n' "$state"; fi
  last=$state
  case $state in *'"Done":'* | '{{}}') exit 0 ;; esac
  turns=$((turns + 1))
  if [ "$turns" -lt 40 ]; then sleep 0.05; elif [ "$turns" -lt 100 ]; then sleep 0.2; else sleep 0.3; fi
done
"""

STATUS = r"""answer=$(ask status --json) || exit 69
printf '%s\n%s\n' '{reply}' "$answer"
"""


class TooLong(ValueError):
    """The job does not fit into one argument."""


def queued(job: Job) -> str:
    """The text that pueue is given for `job`. Raises TooLong, and ValueError for NUL or a key that is no plain word."""
    if not re.fullmatch(r"[A-Za-z0-9:_.@+-]+", job.key):
        raise ValueError(f"the key {job.key!r} may hold letters, digits and : _ . @ + - only")
    try:
        job.command.encode("utf-8")
        work = job.command
    except UnicodeEncodeError:
        work = SPELLED + quote.ansi_c(job.command)
    text = QUEUED.format(key=job.key, work=quote.word(work))
    if len(text.encode()) > LONGEST:
        raise TooLong(f"the job is {len(text.encode())} bytes long, and pueue can start at most {LONGEST}")
    return text


def proposed(text: str) -> tuple[str | None, str]:
    """The key and the command in what pueue was given; other people's tasks come back as they are, without a key."""
    match = PROPOSED.fullmatch(text)
    if not match:
        return None, text
    words = quote.split(match[2])
    if words is None or len(words) != 1:
        return None, text
    work = words[0]
    if work.startswith(SPELLED + "$'"):
        work = quote.from_ansi_c(work[len(SPELLED) :])
    return match[1], work


def add_arguments(job: Job, task: str | None = None, after: Sequence[str] | None = None) -> str:
    """The words after `pueue` that add `job`; `task` is shell source for its text, `after` for the ids that it comes after."""
    if after is None:
        after = [str(int(id)) for id in job.after]
    # Values in the = form may begin with a dash; a folder's `~/` is only expanded as a word of its own.
    words = ["add", "--print-task-id"]
    if job.group:
        words.append(f"--group={quote.word(job.group)}")
    if job.label:
        words.append(f"--label={quote.word(job.label)}")
    if job.cwd and job.cwd.startswith("~/"):
        words += ["--working-directory", quote.path(job.cwd)]
    elif job.cwd:
        words.append(f"--working-directory={quote.word(job.cwd)}")
    if after:
        words.append("--after " + " ".join(after))
    return " ".join([*words, "--", task or quote.word(queued(job))])


def invocation(jobs: tuple[Job, ...], host: Host) -> str:
    """bash text that queues `jobs` on `host` and prints a task id a line. Raises ValueError when it cannot be text."""
    pueue = quote.path(host.pueue or "pueue")
    lines = [f"PATH={path_before(host)}"] if host.path else []
    limits = dict(host.groups)
    for group in dict.fromkeys([job.group for job in jobs]):
        if group in limits and group != "default":
            lines.append(f"{pueue} group add --parallel {limits[group]} {quote.word(group)} >/dev/null 2>&1 </dev/null")
    needed = {key for job in jobs for key in job.after}
    ids: dict[str, str] = {}
    for job in jobs:
        if job.each:
            lines += each_turn(job, job.each, pueue)
            continue
        after = [f"${ids[key]}" for key in job.after]
        task = quote.word(queued(job))
        if job.if_failed:
            task = f'"{WAITED.format(pueue=pueue, ids=" ".join(after))}"{task}'
        add = f"{pueue} {add_arguments(job, task, () if job.if_failed else after)}"
        if job.key in needed:
            ids[job.key] = f"id{len(ids) + 1}"
            lines.append(f'{ids[job.key]}=$({add} </dev/null) && echo "${ids[job.key]}" || exit')
        else:
            lines.append(f"{add} </dev/null" if host.ssh or len(jobs) > 1 else add)
    loops = any(job.each for job in jobs)
    if not host.ssh and len(lines) == 1 and not loops:
        return lines[0] + "\n"
    # A subshell keeps variables, `cd` and `exit` from the shell that this is pasted into; a loop reads its script whole.
    own = loops or not host.ssh and len(lines) > len(jobs) or not host.ssh and bool(ids)
    text = "".join([line + "\n" for line in lines])
    if own:
        text = f"(\n{text})\n"
    return quote.heredoc(f"ssh {host.ssh} '{'bash' if loops else 'sh'} -s'", text) if host.ssh else text


def path_before(host: Host) -> str:
    """The value of PATH for jobs of `host`, as shell source for an assignment."""
    return ":".join([*[quote.path(folder) for folder in host.path], '"$PATH"'])


def each_turn(job: Job, each: Each, pueue: str) -> list[str]:
    """bash lines that submit a job a turn of a loop, the values of the turn written into it."""
    folder = '"$0"' if each.words else '"$folder"'
    label = "".join([f"${{{name}}}" + ("@" if i == 0 else ":") for i, name in enumerate(each.names)])[:-1]
    labelled = f' --label="{label}"' if job.label else ""
    grouped = f" --group={quote.word(job.group)}" if job.group else ""
    number = "$$" if each.words else "$((turn += 1))"
    text = QUEUED.format(key=f"{job.key}-{number}", shell="bash", work="'$work'", stdin="</dev/null", stderr="")
    add = f'{pueue} add --print-task-id{grouped}{labelled} --working-directory {folder} -- "{text}" </dev/null'
    escaped = "work=${work//\\'/$quote}"
    first = ["cd " + quote.path(job.cwd) + " || exit"] if job.cwd else []
    if each.words:
        setup = quote.word(job.command.removesuffix(each.words))
        inner = f"""printf -v work '%q ' "$@"; work={setup}$work; quote="'\\\\''"; {escaped}; {add}"""
        return [*first, "folder=$PWD", f'{each.before}bash -c {quote.word(inner)} "$folder" {each.words}{each.after}']
    values = " ".join([f"{name}=%q" for name in each.names])
    given = " ".join([f'"${name}"' for name in each.names])
    return [
        *first,
        """folder=$PWD turn=0 quote="'\\''\"""",
        each.before.rstrip(" "),
        f"printf -v work '{values}\\n%s' {given} {quote.word(job.command)}",
        escaped,
        add,
        each.after,
    ]


def head(host: Host) -> str:
    candidates = [host.pueue] if host.pueue else []
    candidates += [
        "pueue",
        "~/.local/bin/pueue",
        "~/.cargo/bin/pueue",
        "/opt/homebrew/bin/pueue",
        "/usr/local/bin/pueue",
    ]
    paths = [quote.path(candidate) for candidate in dict.fromkeys(candidates)]
    return HEAD.format(candidates=" ".join(paths), looked=", ".join(dict.fromkeys(candidates)))


def submit_script(job: Job, host: Host) -> str:
    query = quote.word(f"command%=env PUEUE_SKILL_KEY={job.key} bash -c ")
    return head(host) + SUBMIT.format(query=query, add=add_arguments(job), reply=REPLY)


def read_submission(answer: str, job: Job) -> Submission:
    """What a submit script answered. Raises ValueError when it is no answer."""
    lines = reply(answer).splitlines()
    if len(lines) < 3:
        raise ValueError("the answer was cut off")
    before, after = read_queue(lines[1]), read_queue(lines[2])
    there = [state for state in after.states if state.key == job.key]
    group = next((group for group in after.groups if group.name == (job.group or "default")), None)
    if not there:
        return Submission(None, False, f"pueue add failed with exit code {lines[0]}", group)
    was = {(state.id, state.created) for state in before.states if state.key == job.key}
    state = max(there, key=lambda state: state.created)
    return Submission(state, (state.id, state.created) not in was, "", group)


def follow_script(id: str, host: Host, offset: int) -> str:
    return head(host) + FOLLOW.format(id=int(id), offset=offset, reply=REPLY)


def read_state(answer: str) -> State | None:
    found = [read_task(entry["task"]) for entry in json.loads(answer).values()]
    return found[0] if found else None


def status_script(host: Host) -> str:
    return head(host) + STATUS.format(reply=REPLY)


def read_status(answer: str) -> Queue:
    return read_queue(reply(answer))


def reply(answer: str) -> str:
    """What stands after the reply line. Raises ValueError when there is none."""
    _, found, rest = answer.partition(REPLY + "\n")
    if not found:
        raise ValueError(f"no answer in {answer[:200]!r}")
    return rest


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


def read_task(task: dict[str, Any]) -> State:
    """One task of pueue's JSON (its environment is not looked at)."""
    key, command = proposed(task["command"])
    (name, times), *_ = task["status"].items()
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
        id=str(task["id"]),
        key=key,
        status=STATUSES[name],
        result=result,
        exit_code=exit_code,
        detail=detail,
        group=task["group"],
        label=task["label"],
        cwd=task["path"],
        command=command,
        after=tuple([str(id) for id in task["dependencies"]]),
        created=task["created_at"],
        started=times.get("start"),
        ended=times.get("end"),
    )
