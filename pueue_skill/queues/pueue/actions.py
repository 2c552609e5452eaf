"""Acts on tasks of pueue 4: what is to be done with which tasks to one sh script, and what that prints to what became of them.

pueue uses ids again, so the script looks before it acts: a task is touched only while it has the creation time and the state that it
was chosen by. It looks again afterwards, for pueue's exit codes say little. It holds the lock of submissions, so that two who act do it
in turn and no file of a job that is on its way is taken for one that is left over.
"""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.queues.actions import CANNOT, Act
from pueue_skill.queues.protocol import Looked
from pueue_skill.queues.pueue.site import head
from pueue_skill.queues.pueue.state import SURVIVORS, read_queue
from pueue_skill.queues.pueue.task import FOLDER
from pueue_skill.queues.scripts import LOCK, REPLY, reply
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

__all__ = ["CANNOT", "OF_GROUPS", "act_script", "read_acts"]

OF_GROUPS = ("kill", "pause", "start")
"""The verbs that pueue knows for a whole group too: those that set it paused or running."""
CALLS = {"restart": "restart --in-place"}
"""The words of a call where they are not the call itself."""

# Nothing but a task begins with an unescaped "id" in pueue's JSON, and nothing but its state is called "status" and is an object.
ACT = r"""{{
{lock}wanted() {{ cat <<'WANTED'
{wanted}
WANTED
}}
# matching QUEUE: those of the wanted that are in it as they were when they were chosen, a line "CALL ID" each
matching() {{
  {{
    wanted
    printf '%s\n' "$pq_survivors"
    printf '%s\n' "$1" | grep -o '"id":[0-9]*,"created_at":"[^"]*"\|"status":{{"[A-Z][a-z]*"'
  }} | awk '
    $1 == "want" {{ task = $3 " " $4 " " $5; call[task] = $2; key[task] = $6; with[task] = $7; chosen[$3]; next }}
    $1 == "survivor" {{ runs[$3]; next }}
    /^"id"/ {{
      id = $0; sub(/^"id":/, "", id); sub(/,.*/, "", id)
      created = $0; sub(/^.*"created_at":"/, "", created); sub(/"$/, "", created)
      next
    }}
    /^"status"/ {{
      state = $0; sub(/^"status":[{{]"/, "", state); sub(/"$/, "", state)
      task = id " " created " " state
      there[id]
      if (task in call && !(key[task] in runs)) does[id] = task
    }}
    END {{
      # Without its parent a job is left as it is, and so are those that come after it.
      do {{
        dropped = 0
        for (id in does) {{
          count = split(with[does[id]], parents, ",")
          for (i = 1; i <= count; i++) {{
            if (!(parents[i] in there) || (parents[i] in chosen && !(parents[i] in does))) {{ delete does[id]; dropped = 1; break }}
          }}
        }}
      }} while (dropped)
      for (id in does) print call[does[id]], id
    }}' | sort -n -k 2
}}
# call NAME WORD...: the call over the tasks that it is wanted for
call() {{
  pq_ids=$(printf '%s\n' "$pq_chosen" | sed -n "s/^$1 //p")
  shift
  # shellcheck disable=SC2086
  [ -z "$pq_ids" ] || ask "$@" $pq_ids >&2
}}
pq_survivors=
{survivors}pq_before=$(ask status --json) || exit 69
pq_chosen=$(matching "$pq_before")
{calls}
pq_after=$(ask status --json) || exit 69
{settle}{sweep}printf '%s\n' '{reply}'
[ -z "$pq_survivors" ] || printf '%s\n' "$pq_survivors"
printf 'files %s\n%s\n%s\n' "${{pq_files:-0}}" "$pq_before" "$pq_after"
}}
"""

# What was killed is done once the daemon has noticed its end.
SETTLE = r"""pq_turns=0
while [ "$pq_turns" -lt 50 ] && [ -n "$(matching "$pq_after")" ]; do
  pq_turns=$((pq_turns + 1))
  sleep 0.1
  pq_after=$(ask status --json) || exit 69
done
"""

# Files of jobs that are gone now, which bear their keys; and what no task refers to any more, but not what somebody may just be putting
# there without the lock. Where the queue is kept elsewhere, another queue may use the same home, and its files too.
SWEEP = f"""pq_folder="{FOLDER}" pq_files=0
mentioned() {{ grep -o 'pueue-skill/jobs/[A-Za-z0-9:_.@+-]*' | sed "s|.*/|$1 |"; }}
if [ -d "$pq_folder" ]; then
  pq_over=$({{
    printf '%s\\n' "$pq_after" | mentioned used
    printf '%s\\n' "$pq_before" | mentioned file | grep -e '\\.in$' -e '\\.err$'
    if [ -z "${{pq_set_data#null}}" ]; then
      find "$pq_folder" -type f -mmin +60 ! -name '*.in.[0-9]*' | sed 's|.*/|file |'
      find "$pq_folder" -type f -mtime +1 -name '*.in.[0-9]*' | sed 's|.*/|file |'
    fi
  }} | awk '$1 == "used" {{ used[$2]; next }} NF == 2 && !($2 in used) && !seen[$2]++ {{ print $2 }}')
  pq_over=$(cd "$pq_folder" && printf '%s\\n' "$pq_over" | grep '^[A-Za-z0-9:_.@+-]*$' | while read -r pq_name; do if [ -f "$pq_name" ]; then echo "$pq_name"; fi; done)
  pq_files=$(printf '%s' "$pq_over" | grep -c .)
  (cd "$pq_folder" && printf '%s\\n' "$pq_over" | xargs rm -f --)
fi
"""


def act_script(host: Host, acts: Sequence[Act], group: str = "", verb: str = "") -> str:
    """A sh script that does what `acts` say, and answers for read_acts. With `group` that is what `verb` does to the whole group."""
    wanted = [
        f"want {act.call} {int(act.state.id)} {act.state.created} {act.state.status.capitalize()} {act.state.key or '-'} "
        + ",".join(act.with_)
        for act in acts
    ]
    names = list(dict.fromkeys([act.call for act in acts]))
    calls = [f"call {name} {CALLS.get(name, name)}" for name in names]
    if group:
        calls = [f"ask {verb} --group={quote.word(group)} >&2"]
    return head(host) + ACT.format(
        lock=LOCK, wanted="\n".join(wanted), calls="\n".join(calls), reply=REPLY,
        survivors=SURVIVORS if "restart" in names else "",
        settle=SETTLE if "kill" in names else "",
        sweep=SWEEP if "remove" in names else "",
    )  # fmt: skip


def read_acts(answer: str) -> Looked:
    """What an act script answered. Raises ValueError when it is no answer."""
    *survivors, files, before, after = reply(answer).rstrip("\n").split("\n")
    pids = [line.split() for line in survivors]
    return Looked(read_queue(before), read_queue(after), {key: pid for _, pid, key in pids}, int(files.split()[1]))
