"""Batches on Slurm: the jobs of a batch, and what is there already, to job arrays; and what Slurm prints to what became of each.

Jobs of one phase that share a group, their needs and what they come after are one array, with %N where the group has a limit, and
an index file that says what each of its tasks runs. Above the site's MaxArraySize they are several, in turn where there is a limit. An
array comes after whole arrays or single tasks (afterok), or task by task after those of another (aftercorr). What is there already is
read beforehand; the script then takes the lock of submissions and does nothing at all if anything was submitted meanwhile: so it may
be made again at any time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pueue_skill.plan.model import MINIMAL, Job
from pueue_skill.queues.model import State
from pueue_skill.queues.protocol import (
    BatchRequest,
    BatchStatus,
    Capacity,
    Reader,
    RestartRequest,
    SubmittedItem,
    Units,
)
from pueue_skill.queues.scripts import LOCK, REPLY, reply
from pueue_skill.queues.slurm.site import FOLDER, advised, head
from pueue_skill.queues.slurm.state import ENDED, LOOK, ONE, Snapshot, id_of, parse_snapshot, status_script
from pueue_skill.queues.slurm.submit import RUN, SEND, WRAPPER, encoded, metadata_of, put, sends, words_of
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.digest import digest
from pueue_skill.startup.record import NamedTuple

PACKS = RESTARTS_IN_PLACE = False

KNOWN = r"""pq_answer=$(look) || exit 69
printf '%s\n%s\n%s\n' '{reply}' "$(printf '%s\n' "$pq_config" | sed -n 's/^MaxArraySize *= *//p')" "$pq_answer"
"""

# The work of a task stands in its line of the index, or in a file where it is too long for an argument.
TASK = r"""pq_index=${pq_token%%#*}
pq_line=$(grep "^$SLURM_ARRAY_TASK_ID|" "$HOME/.local/share/pueue-skill/slurm/$SLURM_CLUSTER_NAME/jobs/$pq_index.index")
pq_key=${pq_line#*|}
pq_key=${pq_key%%|*}
pq_work=${pq_line##*|}
"""
TASK_RUN = r"""case $pq_work in
  =*) pq_work=$pq_data/jobs/${pq_work#=} ;;
  *) pq_work=$(printf %s "$pq_work" | base64 -d) pq_option=-c ;;
esac
"""

SUBMIT = r"""{{
{lock}if [ "$(grep -c . "$pq_data/journal")" != {entries} ]; then printf '%s\nchanged\n' '{reply}'; exit; fi
if ! pq_folder=$(cd -- {folder} 2>/dev/null && pwd); then
  echo "there is no folder "{folder} >&2
  exit 65
fi
pq_umask_was=$(umask)
{dropped}for pq_one in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
  case $pq_one in {kept}) pq_names=${{pq_names:+$pq_names,}}$pq_one ;; esac
done
# array PLACE NAME COUNT TASKS DEPENDENCY TOLD: submits an array, unless what it comes after could not be
array() {{
  case $5 in *none*) echo "held $1 -"; return ;; esac
  umask 077
  printf '%s|%s' "$(printf %s "$pq_folder" | base64 | tr -d '\n')" "$6" >"$pq_data/jobs/$2.told"
  {{ echo "pq_folder=$(quoted "$pq_folder")"; echo "unset ENVIRONMENT"; cat "$pq_data/jobs/$2.body"; }} >"$pq_data/jobs/$2.sh"
  {{ echo "pq_folder=$(quoted "$pq_folder") pq_names=$(quoted "$pq_names")"; cat "$pq_data/jobs/$2.words"; }} >"$pq_data/jobs/$2.send"
  (
    for pq_one in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
      case ",$pq_names," in *",$pq_one,"*) ;; *) unset "$pq_one" 2>/dev/null ;; esac
    done
    export -p
  ) >"$pq_data/jobs/$2.env"
  rm -f "$pq_data/jobs/$2.body" "$pq_data/jobs/$2.words"
  umask "$pq_umask_was"
  if submit "$2" "$5" "$3" "$2" "--array=$4" 2>"$pq_data/said.$$"; then
    eval "pq_id_$1=$pq_id"
    echo "new $1 $pq_id"
  else
    eval "pq_id_$1=none"
    echo "failed $1 $(tr '\n' ' ' <"$pq_data/said.$$")"
  fi
  rm -f "$pq_data/said.$$"
}}
echo '{reply}'
{arrays}echo end
}}
"""

CANCEL = r"""{{
{lock}ask scancel {ids} >/dev/null 2>&1 </dev/null
pq_turns=0
while [ "$pq_turns" -lt 400 ] && [ -n "$(ask squeue --noheader --me --states=running,suspended,completing --jobs={listed} --format=%i 2>/dev/null </dev/null)" ]; do
  pq_turns=$((pq_turns + 1))
  sleep 0.1
done
for pq_id in {ids}; do echo "gone|$pq_id" >>"$pq_data/journal"; done
printf '%s\n%s\n' '{reply}' "$pq_turns"
}}
"""

REFRESH = r"""pq_folder={folder}
(umask 077 && mkdir -p "$pq_folder") || exit 74
cat >"$pq_folder/{name}.refresh.$$" <<'KEYS'
{keys}
KEYS
mv "$pq_folder/{name}.refresh.$$" "$pq_folder/{name}.refresh" && echo '{reply}'
"""
# What a batch's own text reads, by whichever queue it runs in.
BATCHES = "$HOME/.local/share/pueue-skill/batches"

CAPACITY = r"""printf '%s\n' '{reply}'
sinfo --noheader --format='partition|%P|%a|%l|%D|%c|%m|%G'
printf '%s\n' "$pq_config" | sed -n 's/^\(MaxArraySize\|MaxJobCount\|AccountingStorageEnforce\) *= */limit|\1|/p'
case $pq_config in *AccountingStorageType*accounting_storage/slurmdbd*)
  sacctmgr --noheader --parsable2 show associations user="$(id -un)" format=Account,Partition,QOS,MaxJobs,MaxSubmitJobs </dev/null | sed 's/^/account|/'
  sacctmgr --noheader --parsable2 show qos format=Name,MaxWall,MaxJobsPerUser,MaxSubmitJobsPerUser </dev/null | sed 's/^/qos|/' ;;
esac
"""


class Site(NamedTuple):
    """What was there before a submission; `max_array_size` is the site's MaxArraySize."""

    snapshot: Snapshot
    max_array_size: int


def known_script(host: Host) -> str:
    return head(host) + LOOK.format(ended=ENDED) + KNOWN.format(reply=REPLY)


def read_known(answer: str) -> Site:
    largest, _, rest = reply(answer).partition("\n")
    return Site(parse_snapshot(rest), int(largest))


class Array(NamedTuple):
    """Jobs that are submitted at once, by their places; `after` is shell source for what sbatch is to wait for, in its words."""

    tasks: dict[int, Job]
    after: tuple[str, ...]
    limit: int
    before: int | None = None
    """The array, by its number, that must have ended first, where a limit holds for both."""


def arrays(
    jobs: Sequence[Job], site: Site, limits: Mapping[str, int], again: Mapping[str, str], replace: bool
) -> tuple[list[Array], list[SubmittedItem], list[str]]:
    """What is missing of `jobs`, in arrays; what became of the others; and the ids of those whose place others take."""
    by_key = {state.key: state for state in site.snapshot.queue.states if state.key}
    names = {key.rpartition(":")[0]: state for key, state in by_key.items()}
    outcomes: list[SubmittedItem] = []
    dropped: list[str] = []
    made: list[Array] = []
    at: dict[str, tuple[int, int]] = {}  # array and place of those that are submitted
    kinds: dict[tuple[object, ...], list[int]] = {}  # the arrays of a kind
    for job in jobs:
        state, was = by_key.get(job.key), names.get(job.key.rpartition(":")[0])
        if state and again.get(job.key) != state.id:
            outcomes.append(SubmittedItem(job.key, "old", state.id))
            continue
        if not state and was:
            if not replace or was.status in ("running", "paused"):
                outcomes.append(SubmittedItem(job.key, "changed", was.id))
                continue
            dropped.append(was.id)
        elif not state and job.key in site.snapshot.exit_codes:
            outcomes.append(SubmittedItem(job.key, "ended", str(site.snapshot.exit_codes[job.key][-1])))
            continue
        after, one, held = waits_for(job, by_key, site.snapshot, at, made, again)
        if held:
            outcomes.append(SubmittedItem(job.key, "held", held))
            continue
        kind = (job.key.split(":")[1], job.group, job.priority, job.needs, job.cwd, after, one and one[0])
        there = kinds.setdefault(kind, [])
        if one:
            place = one[1]
            number = next((number for number in there if place not in made[number].tasks), None)
        else:
            place = len(made[there[-1]].tasks) if there else 0
            number = there[-1] if there and place < site.max_array_size - 1 else None
        if number is None:
            words = (*after, f"aftercorr:${{pq_id_{one[0]}:-none}}") if one else after
            limit = limits.get(job.group or "default", 0)
            number, place = len(made), place if one else 0
            made.append(Array({}, words, limit, there[-1] if there and limit else None))
            there.append(number)
        made[number].tasks[place] = job
        at[job.key] = number, place
    return made, outcomes, dropped


def waits_for(
    job: Job,
    by_key: Mapping[str, State],
    snapshot: Snapshot,
    at: Mapping[str, tuple[int, int]],
    made: Sequence[Array],
    again: Mapping[str, str],
) -> tuple[tuple[str, ...], tuple[int, int] | None, str]:
    """What a job waits for: in sbatch's words, the one task of another array whose place it shares, and what keeps it from being
    submitted at all. Slurm takes what it has forgotten for done, so nothing is to wait for that."""
    words: dict[str, None] = {}
    tasks: dict[int, list[int]] = {}
    for key in job.after:
        if key in at:
            number, place = at[key]
            tasks.setdefault(number, []).append(place)
            continue
        state = by_key.get(key)
        ended = snapshot.exit_codes.get(key)
        if (state and state.result == "success") or (not state and ended and ended[-1] == 0):
            continue
        if state is None or (state.status == "done" and state.id not in snapshot.live_ids):
            return (), None, key
        words[f"afterok:{id_of(state.id)}"] = None
    one = None
    for number, places in tasks.items():
        if len(places) == len(made[number].tasks):
            words[f"afterok:${{pq_id_{number}:-none}}"] = None
        elif len(places) == 1 and not one:
            one = number, places[0]
        else:
            words |= dict.fromkeys([f"afterok:${{pq_id_{number}:-none}}_{place}" for place in places])
    return tuple(words), one, ""


def ranges(places: Sequence[int]) -> str:
    """Numbers as --array takes them: 0-3,7."""
    found: list[list[int]] = []
    for place in sorted(places):
        if found and place == found[-1][1] + 1:
            found[-1][1] = place
        else:
            found.append([place, place])
    return ",".join([f"{first}-{last}" if last > first else str(first) for first, last in found])


def submission(request: BatchRequest) -> tuple[str, Reader]:
    host, known = request.host, request.known
    plain = [job for job in request.jobs if isinstance(job, Job)]
    made, outcomes, dropped = arrays(plain, known, request.limits, request.again, request.replace)
    highest = max([job.priority for job in plain], default=0)
    text = ""
    for number, array in enumerate(made):
        text += array_text(number, array, host, request.name, highest)
    script = head(host) + LOOK.format(ended=ENDED) + ONE.format() + SEND.format() + SUBMIT.format(
        lock=LOCK, entries=known.snapshot.journal_lines, reply=REPLY, arrays=text,
        folder=quote.path(plain[0].cwd) if plain and plain[0].cwd else '"$PWD"', dropped=drop(dropped),
        kept="|".join([*MINIMAL, "SLURM_CONF", *request.keep]),
    )  # fmt: skip

    def read(answer: str) -> tuple[list[SubmittedItem], bool]:
        found = list(outcomes)
        whole = False
        for line in reply(answer).split("\n"):
            what, _, rest = line.partition(" ")
            place, _, detail = rest.partition(" ")
            whole = whole or line == "end"
            if what in ("new", "held", "failed") and place.isdigit():
                for task, job in made[int(place)].tasks.items():
                    found.append(
                        SubmittedItem(
                            job.key, what, f"{detail}_{task}" if what == "new" else advised(detail.strip(), host)
                        )
                    )
        return found, whole

    if not made:
        return f"echo '{REPLY}'\necho end\n", read
    return script, read


def drop(ids: Sequence[str]) -> str:
    """sh text that ends jobs and takes them out of what is shown."""
    if not ids:
        return ""
    return f'ask scancel {" ".join(ids)} >/dev/null 2>&1 </dev/null\nfor pq_one in {" ".join(ids)}; do echo "gone|$pq_one" >>"$pq_data/journal"; done\n'


def array_text(number: int, array: Array, host: Host, batch: str, highest: int) -> str:
    """sh text that submits an array."""
    job = next(iter(array.tasks.values()))
    phase = job.key.split(":")[1]
    files: dict[str, bytes] = {}
    lines = []
    for place, task in sorted(array.tasks.items()):
        work = task.command.encode("utf-8", "surrogateescape")
        text = encoded(work)
        if len(work) > 100_000:
            files[digest(work, 32)] = work
            text = f"={digest(work, 32)}"
        lines.append(f"{place}|{task.key}|{encoded((task.label or '').encode('utf-8', 'surrogateescape'))}|{text}\n")
    index = "".join(lines).encode()
    name = f"={digest(index, 24)}"
    body = TASK + WRAPPER.format(folder=FOLDER, key="PUEUE_SKILL_KEY=$pq_key") + TASK_RUN
    body += RUN.format(run='bash ${pq_option:-} "$pq_work"', stdin="</dev/null")
    nice = job._replace(priority=job.priority - highest, label=None)
    words = words_of(nice, host, f"{batch}:{phase}", "%A_%a", '--export="$pq_names"')
    after = [*array.after, *([f"afterany:${{pq_id_{array.before}:-none}}"] if array.before is not None else [])]
    throttle = f"%{array.limit}" if array.limit else ""
    told = metadata_of(job._replace(command=f"{len(lines)} jobs of {batch}:{phase}", label=None), array.limit)
    return (
        "".join([put(file, content) for file, content in {f"{name}.index": index, **files}.items()])
        + quote.heredoc(f'cat >"$pq_data/jobs/{name}.body"', body)
        + quote.heredoc(f'cat >"$pq_data/jobs/{name}.words"', sends(words, host))
        + f'array {number} {name} {len(lines)} {ranges(list(array.tasks))}{throttle} "{",".join(after)}" {told}\n'
    )


def batch_script(host: Host, name: str, units: bool) -> str:
    return status_script(host)


def read_batch(answer: str, units: bool) -> BatchStatus:
    snapshot = parse_snapshot(reply(answer))
    return BatchStatus(snapshot.queue, snapshot.exit_codes, set(), Units({}, set()))


def cancel_script(host: Host, ids: Sequence[str]) -> str:
    known = [id_of(id) for id in ids]
    return head(host) + CANCEL.format(lock=LOCK, ids=" ".join(known), listed=",".join(known), reply=REPLY)


def restart_script(request: RestartRequest) -> str:
    """Return a sh script that notes which jobs begin anew when they run next."""
    return REFRESH.format(folder=BATCHES, name=request.name, keys="\n".join(request.begins_anew), reply=REPLY)


def read_restart(answer: str) -> tuple[dict[str, str], bool]:
    reply(answer)
    return {}, True


def item_tails_script(host: Host, name: str, keys: Sequence[str], count: int) -> str:
    raise NotImplementedError("Slurm has no units: each item is a task of an array")


def capacity_script(host: Host) -> str:
    return head(host) + CAPACITY.format(reply=REPLY)


def read_capacity(answer: str) -> Capacity:
    lines = []
    for line in reply(answer).split("\n"):
        what, *rest = line.split("|")
        if what == "partition" and len(rest) == 7:
            name, up, time, nodes, cpus, memory, gpus = rest
            more = f", {gpus}" if gpus not in ("(null)", "") else ""
            lines.append(f"partition {name} ({up}): {nodes} nodes of {cpus} CPUs and {memory} MB{more}; {time} at most")
        elif what == "limit":
            lines.append(f"{rest[0]}: {rest[1]}")
        elif what == "account" and len(rest) == 5:
            said = [
                f"{name} {value}"
                for name, value in zip(("partition", "QOS", "jobs at once", "jobs submitted"), rest[1:], strict=True)
                if value
            ]
            lines.append(f"account {rest[0]}" + (f": {', '.join(said)}" if said else ""))
        elif what == "qos" and len(rest) == 4 and any(rest[1:]):
            said = [
                f"{name} {value}"
                for name, value in zip(("time", "jobs at once", "jobs submitted"), rest[1:], strict=True)
                if value
            ]
            lines.append(f"QOS {rest[0]}: {', '.join(said)}")
    return Capacity(0, lines)
