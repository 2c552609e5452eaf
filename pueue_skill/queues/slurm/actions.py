"""Acts on jobs of Slurm: what is to be done with which jobs to one sh script, and what that prints to what became of them.

Slurm itself looks before it acts: scancel is given the state in which a job was chosen, hold and release concern only what waits, and
what has ended stays ended. A restart is a submission of the same files under the same key, unless there is a newer one: Slurm's own
requeue is for what it still knows. It holds the lock of submissions.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from pueue_skill.queues.actions import Act
from pueue_skill.queues.protocol import Looked
from pueue_skill.queues.scripts import LOCK, REPLY, reply
from pueue_skill.queues.slurm.site import head
from pueue_skill.queues.slurm.state import ENDED, LOOK, ONE, id_of, parse_snapshot
from pueue_skill.queues.slurm.submit import SEND
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

CANNOT = MappingProxyType({
    "pause": "Slurm suspends what runs for its operators only; kill it, or let it end",
})  # fmt: skip
OF_GROUPS: tuple[str, ...] = ()
"""Slurm has no groups that could be paused: what is meant by one are its jobs."""

ACT = r"""{{
{lock}pq_before=$(look) || exit 69
# The names under which jobs were submitted, and for tasks of arrays their place.
named() {{ awk -F'|' -v id="${{1%%_*}}" '$1 == "id" && $3 == id {{ sub(/#.*/, "", $2); name = $2 }} END {{ print name }}' "$pq_data/journal"; }}
# again ID KEY PARENT...: submits a job once more, after those parents that have been submitted once more or have not ended
again() {{
  pq_old=$1 pq_key=$2 pq_place=${{1#*_}}
  pq_name=$(named "$pq_old")
  shift 2
  pq_after=
  for pq_parent in "$@"; do
    eval "pq_new=\${{pq_new_$pq_parent-}}"
    if [ -z "$pq_new" ] && ! ends "$pq_parent" | grep -q .; then pq_new=$pq_parent; fi
    if [ -n "$pq_new" ]; then pq_after="${{pq_after:+$pq_after,}}afterok:$pq_new"; fi
  done
  if [ ! -f "$pq_data/jobs/$pq_name.sh" ]; then
    echo "what job $pq_old ran is not known here" >&2
    return
  fi
  pq_index=- pq_indices=
  case $pq_old in *_*)
    pq_index="$pq_name.$pq_place" pq_indices="--array=$pq_place"
    for pq_kind in sh send env told; do cp "$pq_data/jobs/$pq_name.$pq_kind" "$pq_data/jobs/$pq_index.$pq_kind"; done
    grep "^$pq_place|" "$pq_data/jobs/$pq_name.index" >"$pq_data/jobs/$pq_index.index"
    pq_name=$pq_index ;;
  esac
  pq_again=1
  submit "$pq_name" "$pq_after" 1 "$pq_index" $pq_indices || return 0
  pq_again=
  eval "pq_new_$pq_old=\$pq_id\${{pq_indices:+_$pq_place}}"
}}
{calls}
{settle}pq_after=$(look) || exit 69
printf '%s\nfiles %s\n%s\nAFTER\n%s\n' '{reply}' "${{pq_files:-0}}" "$pq_before" "$pq_after"
}}
"""

# What was killed is done once Slurm has seen its processes end, which it waits KillWait seconds for.
SETTLE = r"""pq_turns=0
while [ "$pq_turns" -lt 400 ] && [ -n "$(ask squeue --noheader --me --states=running,suspended,completing --jobs={ids} --format=%i 2>/dev/null </dev/null)" ]; do
  pq_turns=$((pq_turns + 1))
  sleep 0.1
done
"""

# What a job reads goes with the last of those that were submitted under its name.
CLEAN = r"""for pq_id in {ids}; do
  echo "gone|$pq_id" >>"$pq_data/journal"
  pq_name=$(named "$pq_id")
  if awk -F'|' -v name="$pq_name#" '
    $1 == "id" && index($2, name) == 1 {{ there[$3] }}
    $1 == "gone" {{ delete there[$2] }}
    END {{ for (id in there) exit 1 }}' "$pq_data/journal"
  then rm -f "$pq_data/jobs/$pq_name.in"; fi
  for pq_file in "$pq_data/jobs/$pq_id.out" "$pq_data/jobs/$pq_id.err"; do if [ -f "$pq_file" ]; then rm -f "$pq_file"; fi; done
done
"""


def act_script(host: Host, acts: Sequence[Act], group: str = "", verb: str = "") -> str:
    """A sh script that does what `acts` say, and answers for read_acts."""
    ids: dict[str, list[str]] = {}
    for act in acts:
        ids.setdefault("cancel" if act.call == "withdraw" else act.call, []).append(id_of(act.state.id))
    calls = []
    for call, states in (("kill", ("RUNNING", "SUSPENDED")), ("cancel", ("PENDING",))):
        calls += [
            f"ask scancel --state={state} {' '.join(ids[call])} >&2 </dev/null" for state in states if call in ids
        ]
    for call, word in (("stash", "hold"), ("enqueue", "release")):
        calls += [f"ask scontrol {word} {','.join(ids[call])} >&2 </dev/null"] if call in ids else []
    for act in acts:
        if act.call == "restart":
            parents = " ".join([id_of(id) for id in act.state.after])
            calls.append(f"again {act.state.id} {quote.word(act.state.key or '-')} {parents}".rstrip())
    if "remove" in ids:
        calls.append(CLEAN.format(ids=" ".join(ids["remove"])))
    ended = [*ids.get("kill", []), *ids.get("cancel", [])]
    return head(host) + LOOK.format(ended=ENDED) + ONE.format() + SEND.format() + ACT.format(
        lock=LOCK, calls="\n".join(calls) or ":", reply=REPLY, settle=SETTLE.format(ids=",".join(ended)) if ended else ""
    )  # fmt: skip


def read_acts(answer: str) -> Looked:
    """What an act script answered. Raises ValueError when it is no answer."""
    files, _, rest = reply(answer).partition("\n")
    before, found, after = rest.partition("\nAFTER\n")
    if not found:
        raise ValueError("the answer was cut off")
    return Looked(parse_snapshot(before).queue, parse_snapshot(after).queue, {}, int(files.split()[1]))
