"""Acts on jobs of Slurm: what is to be done with which jobs to one sh script, and what that prints to what became of them.

Slurm itself looks before it acts: scancel is given the state in which a job was chosen, hold and release concern only what waits, and
what has ended stays ended. A restart is a submission of the same files under the same key, unless there is a newer one: Slurm's own
requeue is for what it still knows. It holds the lock of submissions.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType

from pueue_skill import quote
from pueue_skill.acts import Act
from pueue_skill.backends.pueue_acts import Looked
from pueue_skill.backends.scripts import LOCK, REPLY, reply
from pueue_skill.backends.slurm import ENDED, LOOK, ONE, SEND, head, id_of, read_look
from pueue_skill.model import Host

CANNOT = MappingProxyType({
    "pause": "Slurm suspends what runs for its operators only; kill it, or let it end",
})  # fmt: skip
OF_GROUPS: tuple[str, ...] = ()
"""Slurm has no groups that could be paused: what is meant by one are its jobs."""

ACT = r"""{{
{lock}before=$(look) || exit 69
# The names under which jobs were submitted, and for tasks of arrays their place.
named() {{ awk -F'|' -v id="${{1%%_*}}" '$1 == "id" && $3 == id {{ sub(/#.*/, "", $2); name = $2 }} END {{ print name }}' "$data/journal"; }}
# again ID KEY PARENT...: submits a job once more, after those parents that have been submitted once more or have not ended
again() {{
  old=$1 key=$2 place=${{1#*_}}
  name=$(named "$old")
  shift 2
  after=
  for parent in "$@"; do
    eval "new=\${{new_$parent-}}"
    if [ -z "$new" ] && ! ends "$parent" | grep -q .; then new=$parent; fi
    if [ -n "$new" ]; then after="${{after:+$after,}}afterok:$new"; fi
  done
  if [ ! -f "$data/jobs/$name.sh" ]; then
    echo "what job $old ran is not known here" >&2
    return
  fi
  index=- indices=
  case $old in *_*)
    index="$name.$place" indices="--array=$place"
    for kind in sh send env told; do cp "$data/jobs/$name.$kind" "$data/jobs/$index.$kind"; done
    grep "^$place|" "$data/jobs/$name.index" >"$data/jobs/$index.index"
    name=$index ;;
  esac
  again=1
  submit "$name" "$after" 1 "$index" $indices || return 0
  again=
  eval "new_$old=\$id\${{indices:+_$place}}"
}}
{calls}
{settle}after=$(look) || exit 69
printf '%s\nfiles %s\n%s\nAFTER\n%s\n' '{reply}' "${{files:-0}}" "$before" "$after"
}}
"""

# What was killed is done once Slurm has seen its processes end, which it waits KillWait seconds for.
SETTLE = r"""turns=0
while [ "$turns" -lt 400 ] && [ -n "$(ask squeue --noheader --me --states=running,suspended,completing --jobs={ids} --format=%i 2>/dev/null </dev/null)" ]; do
  turns=$((turns + 1))
  sleep 0.1
done
"""

CLEAN = r"""for id in {ids}; do
  echo "gone|$id" >>"$data/journal"
  for file in "$data/jobs/$id.out" "$data/jobs/$id.err"; do if [ -f "$file" ]; then rm -f "$file"; fi; done
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
    return Looked(read_look(before).queue, read_look(after).queue, {}, int(files.split()[1]))
