"""Batches on pueue 4: the jobs of a batch to one sh script, and what that prints to what became of each.

The script takes the lock that every submission takes, asks the queue once which keys are there, and adds what is missing, parents
first. It may be cut off at any point: run again it adds the rest and nothing else. Which jobs have ended is also read from the
file that the jobs themselves write, so that a cleaned queue is no reason to do their work again.
"""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.plan.model import MINIMAL, Job
from pueue_skill.queues.protocol import (
    BatchRequest,
    BatchStatus,
    Capacity,
    Pack,
    Reader,
    RestartRequest,
    SubmittedItem,
    Units,
)
from pueue_skill.queues.pueue import units as pueue_units
from pueue_skill.queues.pueue.invocation import PUT, put
from pueue_skill.queues.pueue.site import head, path_before
from pueue_skill.queues.pueue.state import SURVIVORS, read_queue
from pueue_skill.queues.pueue.task import task, task_words
from pueue_skill.queues.pueue.units import item_tails_script as item_tails_script
from pueue_skill.queues.script import script
from pueue_skill.queues.scripts import LOCK, REPLY, reply
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

PACKS = RESTARTS_IN_PLACE = True

MANY = 1000
"""Jobs of a batch that have succeeded, from which on they are removed from the queue before others are added."""

# Read whole before it runs: nobody waits for the lock while the rest is on its way. A daemon that hangs is given up with all. What watches
# over that sleeps in short turns: whoever ends it cannot end its sleep too, as a signal may come before that is a program of its own.
START = r"""{{
{lock}(
  pq_turns=0
  while [ "$pq_turns" -lt {limit} ]; do
    sleep 1
    kill -0 $$ || exit
    pq_turns=$((pq_turns + 1))
  done
  kill $$
) >/dev/null 2>&1 </dev/null 9>&- &
pq_watchdog=$!
pq_folder=$HOME/.local/share/pueue-skill/batches
pq_scratch=$pq_folder/.{name}.$$
trap 'rm -f "$pq_scratch".*; kill "$pq_watchdog" 2>/dev/null' EXIT
trap 'exit 129' HUP INT TERM PIPE
(umask 077 && mkdir -p "$pq_folder") || exit 74
pq_journal=$pq_folder/{name}
touch "$pq_journal" && [ -f "$pq_journal" ] || exit 74
for pq_name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
  case $pq_name in {kept}) ;; *) unset "$pq_name" 2>/dev/null ;; esac
done
{path}cat >"$pq_scratch.keys" <<'KEYS' || exit 74
{keys}
KEYS
# A task's id stands before its key in pueue's JSON, where nothing but a task begins with an unescaped "id".
queue() {{
  ask status --json >"$pq_scratch.status$1" || return
  grep -o '"id":[0-9]*,\|PUEUE_SKILL_KEY=[A-Za-z0-9:_.@+-]*\|"result":"Success"' "$pq_scratch.status$1"
}}
queue '' >"$pq_scratch.queue" || {{
  if [ "$?" = 101 ]; then exit 74; fi # pueue panics when it cannot write
  [ -s "$pq_scratch.status" ] || exit 69
}}
# pueue writes all of its state whenever something changes: of a long queue, jobs of this batch that have succeeded are removed.
# Their ends stand in the journal.
pq_succeeded=$(awk -v journal="$pq_journal" '
  FILENAME == journal {{
    if ($1 == "ended" && $2 in done) code[$2] = $3
    next
  }}
  /^"id":/ {{ id = $0; gsub(/[^0-9]/, "", id); key = "" }}
  /^PUEUE/ {{ key = substr($0, 17) }}
  /^"result"/ && key != "" {{ done[key] = id }}
  END {{ for (key in code) if (code[key] == 0) print done[key] }}
' "$pq_scratch.queue" "$pq_journal")
if [ "$(echo "$pq_succeeded" | wc -l)" -ge {many} ]; then
  # shellcheck disable=SC2086
  ask remove $pq_succeeded >/dev/null 2>&1
  queue '' >"$pq_scratch.queue"
fi
eval "$(awk -v keys="$pq_scratch.keys" -v journal="$pq_journal" '
  FILENAME == keys {{ at[$2] = $1; name = $2; sub(/:[^:]*$/, "", name); place[name] = $1; next }}
  FILENAME != journal {{
    if ($0 ~ /^"id":/) {{ id = $0; gsub(/[^0-9]/, "", id); next }}
    if ($0 !~ /^PUEUE/) next
    key = substr($0, 17)
    if (key in at) there[at[key]] = id
    else {{ name = key; sub(/:[^:]*$/, "", name); if (name in place) was[place[name]] = id }}
    next
  }}
  $1 == "ended" && $2 in at {{ ended[at[$2]] = $3 }}
  END {{
    for (i in there) print "pq_id_" i "=" there[i]
    for (i in was) if (!(i in there)) print "pq_was_" i "=" was[i]
    for (i in ended) if (!(i in there)) print "pq_ended_" i "=" ended[i]
  }}
' "$pq_scratch.keys" "$pq_scratch.queue" "$pq_journal")"
pq_replace={replace}
# job INDEX KEY "INDEX..." WORD...: adds a job unless it is there.
job() {{
  pq_index=$1 pq_key=$2
  eval "pq_id=\${{pq_id_$1-}} pq_was=\${{pq_was_$1-}} pq_ended=\${{pq_ended_$1-}}"
  if [ -n "$pq_id" ]; then
    echo "old $pq_index $pq_id"
    return
  fi
  if [ -n "$pq_was" ]; then
    if [ -z "$pq_replace" ] || ! ask remove "$pq_was" >/dev/null 2>&1; then
      eval "pq_id_$pq_index=$pq_was"
      echo "changed $pq_index $pq_was"
      return
    fi
  elif [ -n "$pq_ended" ]; then
    echo "ended $pq_index $pq_ended"
    return
  fi
  parents "$pq_index" "$3" || return 0
  shift 3
  # shellcheck disable=SC2086
  add "$pq_index" "$pq_key" $pq_after "$@" &
  started
}}
# parents INDEX "INDEX...": leaves the words for what a job comes after in $pq_after; fails, and says so, when that cannot be.
# Several adds are under way at once, but never one that comes after another of them.
parents() {{
  pq_after=
  for pq_one in $2; do
    eval "pq_id=\${{pq_id_$pq_one-}} pq_ended=\${{pq_ended_$pq_one-}}"
    if [ -z "$pq_id$pq_ended" ] && [ -n "$pq_adding" ]; then
      flush
      eval "pq_id=\${{pq_id_$pq_one-}}"
    fi
    if [ -n "$pq_id" ]; then pq_after="$pq_after $pq_id"
    elif [ "$pq_ended" != 0 ]; then
      echo "held $1 $pq_one"
      return 1
    fi
  done
  pq_after=${{pq_after:+--after $pq_after}}
}}
started() {{
  pq_adding="$pq_adding $!" pq_count=$((pq_count + 1))
  [ "$pq_count" -lt 8 ] || flush
}}
pq_adding='' pq_count=0
# add INDEX KEY WORD...
add() {{
  pq_index=$1 pq_key=$2
  shift 2
  if pq_id=$("$pq_pueue" add --print-task-id "$@" </dev/null 2>"$pq_scratch.errors$pq_key"); then :; else
    # An add that failed may have added.
    pq_id=$(queue "$pq_key" | awk -v key="PUEUE_SKILL_KEY=$pq_key" '/^"id":/ {{ id = $0; gsub(/[^0-9]/, "", id) }} $0 == key {{ print id; exit }}')
  fi
  if [ -n "$pq_id" ]; then echo "new $pq_index $pq_id"
  else echo "failed $pq_index $(tr '\n' ' ' <"$pq_scratch.errors$pq_key")"
  fi >>"$pq_scratch.added"
  rm -f "$pq_scratch.errors$pq_key" "$pq_scratch.status$pq_key"
}}
# flush: waits for the adds that are under way, and takes up their ids.
flush() {{
  # shellcheck disable=SC2086
  [ -z "$pq_adding" ] || wait $pq_adding
  pq_adding='' pq_count=0
  while read -r pq_what pq_place pq_rest; do
    echo "$pq_what $pq_place $pq_rest"
    if [ "$pq_what" = new ]; then eval "pq_id_$pq_place=\"\${{pq_id_$pq_place-}} $pq_rest\""; fi
  done <"$pq_scratch.added"
  : >"$pq_scratch.added"
}}
: >"$pq_scratch.added"
echo '{reply}'
"""

GROUP = """if ! grep -q {named} "$pq_scratch.status"; then ask group add --parallel {limit} -- {group} >/dev/null 2>&1; fi
"""


def known_script(host: Host) -> str:
    """Nothing: the script of a submission looks itself."""
    return ""


def read_known(answer: str) -> None:
    return None


def submission(request: BatchRequest) -> tuple[str, Reader]:
    return submit_script(request), lambda answer: read_outcomes(answer, request.jobs)


def submit_script(request: BatchRequest) -> str:
    """Return a sh script that adds the missing jobs, and answers for read_outcomes. Raises ValueError for a job that cannot be text."""
    jobs, host, name, limits = request.jobs, request.host, request.name, request.limits
    places = {job.key: i for i, job in enumerate(jobs)}
    files: dict[str, bytes] = {}
    lines = []
    packs = []
    for i, job in enumerate(jobs):
        common = job.job if isinstance(job, Pack) else job
        after = " ".join([str(places[key]) for key in common.after])
        if isinstance(job, Pack):
            packs.append((i, job))
            lines.append(f"pack {i} '{after}'\n")
            continue
        text, needed = task(job)
        files |= needed
        words = task_words(job, quote.text(text), ())
        lines.append(f"job {i} {job.key} '{after}' {words}\n")
    groups = [
        GROUP.format(named=quote.word(f'"{group}":{{"status"'), limit=limits[group], group=quote.word(group))
        for group in limits
        if group != "default"
    ]
    # What the jobs get of the environment that ssh gives there.
    kept = "|".join([*MINIMAL, *request.keep])
    start = START.format(
        lock=LOCK, many=MANY, limit=request.timeout_s, name=name, kept=kept, replace="1" if request.replace else "", reply=REPLY,
        path=f"PATH={path_before(host)}\n" if host.path else "",
        keys="\n".join([f"{i} {key}" for key, i in places.items()]),
    )  # fmt: skip
    puts = "".join([f"{put(name_, content)}\n" for name_, content in files.items()])
    units = pueue_units.pack_script(name, packs) if packs else ""
    return (
        head(host) + (PUT if files or packs else "") + start + "".join(groups) + puts + units + "".join(lines)
        + "flush\necho end\n}\n"
    )  # fmt: skip


def read_outcomes(answer: str, jobs: Sequence[Job | Pack]) -> tuple[list[SubmittedItem], bool]:
    """What became of each job that the script came to, and whether it came to its end. Raises ValueError without an answer."""
    found: list[SubmittedItem] = []
    for line in reply(answer).split("\n"):
        if line == "end":
            return found, True
        what, _, rest = line.partition(" ")
        index, _, detail = rest.partition(" ")
        if index.isdigit() and what in ("new", "old", "ended", "changed", "held", "failed", "pack"):
            found.append(SubmittedItem(jobs[int(index)].key, what, detail.strip()))
    return found, False


def cancel_script(host: Host, ids: Sequence[str]) -> str:
    """A sh script that ends and removes tasks."""
    return script("queues/pueue/cancel", PQ_PUEUE=host.pueue or "", PQ_IDS=" ".join([str(int(id)) for id in ids]))


RESTART = r"""pq_folder=$HOME/.local/share/pueue-skill/batches
cat >"$pq_folder/{name}.refresh.$$" <<'KEYS'
{refresh}
KEYS
mv "$pq_folder/{name}.refresh.$$" "$pq_folder/{name}.refresh"
echo '{reply}'
pq_ids='{ids}'
{survivors}for pq_pair in {keys}; do
  pq_pid=$(printf '%s\n' "$pq_survivors" | awk -v key="${{pq_pair#*=}}" '$3 == key {{ print $2; exit }}')
  if [ -n "$pq_pid" ]; then
    echo "survivor ${{pq_pair#*=}} $pq_pid"
    pq_ids=$(printf ' %s ' "$pq_ids" | sed "s/ ${{pq_pair%%=*}} / /")
  fi
done
[ -z "${{pq_ids# }}" ] || ask restart --in-place $pq_ids >/dev/null 2>&1 || echo "failed"
echo end
"""


def restart_script(request: RestartRequest) -> str:
    """Return a sh script that restarts tasks in place, all in one call: a chain of them keeps its order."""
    return head(request.host) + pueue_units.again(request.name, request.again) + RESTART.format(
        name=request.name, reply=REPLY, refresh="\n".join(request.begins_anew),
        ids=" ".join([str(int(id)) for id, _ in request.tasks]),
        keys=" ".join([f"{int(id)}={key}" for id, key in request.tasks]), survivors=SURVIVORS,
    )  # fmt: skip


def read_restart(answer: str) -> tuple[dict[str, str], bool]:
    """The keys of jobs that still run, with their processes; and whether the others were restarted."""
    lines = reply(answer).split("\n")
    survivors = {words[1]: words[2] for words in map(str.split, lines) if len(words) == 3 and words[0] == "survivor"}
    return survivors, "end" in lines and "failed" not in lines


STATUS = r"""pq_answer=$(ask status --json) || exit 69
printf '%s\n%s\n' '{reply}' "$pq_answer"
{journal}:
"""


def batch_script(host: Host, name: str, units: bool) -> str:
    """A sh script that answers with the queue, and after its first line with the journal; with that of units, if there are any."""
    journal = f'cat "$HOME/.local/share/pueue-skill/batches/{name}" 2>/dev/null\n'
    return head(host) + STATUS.format(reply=REPLY, journal=pueue_units.STATUS.format(name=name) if units else journal)


def read_batch(answer: str, units: bool) -> BatchStatus:
    status, _, rest = reply(answer).partition("\n")
    found, journal = pueue_units.read_units(rest) if units else (Units({}, set()), rest)
    return BatchStatus(read_queue(status), *read_journal(journal), found)


def read_journal(text: str) -> tuple[dict[str, list[int]], set[str]]:
    """The exit codes with which each job, by its key, has ended, the last one last; and which units are to take up again."""
    found: dict[str, list[int]] = {}
    again: set[str] = set()
    for line in text.split("\n"):
        words = line.split()
        if len(words) >= 3 and words[0] == "ended" and words[2].isdigit():
            found.setdefault(words[1], []).append(int(words[2]))
            again.discard(words[1])
        elif len(words) == 2 and words[0] == "again":
            again.add(words[1])
    return found, again


def capacity_script(host: Host) -> str:
    return "awk '/^MemTotal:/ { print $2 * 1024 }' /proc/meminfo 2>/dev/null || sysctl -n hw.memsize\n"


def read_capacity(answer: str) -> Capacity:
    words = answer.split()
    return Capacity(int(float(words[-1])) if words and words[-1].replace(".", "").isdigit() else 0, [])
