"""Output and state of Slurm jobs as they run: a State and offsets in, sh scripts out; what those write in, states and ends of outputs out."""

from __future__ import annotations

from collections.abc import Sequence

from pueue_skill.queues.model import State
from pueue_skill.queues.scripts import NEW, PAUSE, REPLY, TAILS
from pueue_skill.queues.slurm.site import head
from pueue_skill.queues.slurm.state import ENDED, ONE, id_of, parse_snapshot
from pueue_skill.shell.model import Host

FOLLOW = (
    r"""pq_log=$pq_data/jobs/{id}.out pq_errors={errors} pq_offset={offset} pq_errors_offset={errors_offset} pq_last='' pq_turns=0 pq_next=0
"""
    + NEW
    + r"""echo '{reply}'
pq_told=$(told {id})
while :; do
  pq_end=$(ends {id})
  # The job's own word comes through the file system; Slurm is asked less often.
  # What a signal has ended may have been ended by Slurm, whose word then says why.
  case $pq_end in *'|137|'* | *'|143|'*) pq_own= ;; *) pq_own=$pq_end ;; esac
  if [ -z "$pq_own" ] && [ "$pq_turns" -ge "$pq_next" ]; then
    pq_line=$(queue --jobs={id} 2>"$pq_data/said.$$") || {{ cat "$pq_data/said.$$" >&2; rm -f "$pq_data/said.$$"; exit 69; }}
    if [ -s "$pq_data/said.$$" ] && ! grep -qi 'invalid job id' "$pq_data/said.$$"; then cat "$pq_data/said.$$" >&2; rm -f "$pq_data/said.$$"; exit 69; fi
    rm -f "$pq_data/said.$$"
    if [ "$pq_turns" -lt 20 ]; then pq_next=$((pq_turns + 4)); elif [ "$pq_turns" -lt 100 ]; then pq_next=$((pq_turns + 10)); else pq_next=$((pq_turns + 20)); fi
  fi
  pq_state=$(printf '%s\n' "$pq_told" "$pq_end" "$pq_line" | tr '\n' '\036')
  new output "$pq_log" "$pq_offset"
  pq_offset=$pq_size
  if [ -n "$pq_errors" ]; then
    new error "$pq_errors" "$pq_errors_offset"
    pq_errors_offset=$pq_size
  fi
  if [ "$pq_state" != "$pq_last" ]; then printf 'state %s\n' "$pq_state"; fi
  pq_last=$pq_state
  if [ -n "$pq_own" ] || [ -z "$pq_line" ]; then exit 0; fi
  case $pq_line in {ended}) exit 0 ;; esac
"""
    + PAUSE
    + "done\n"
)

FAILURES = r"""cat "$pq_data/seen" "$pq_data"/ended.* 2>/dev/null | awk -F'|' '
  $1 == "ended" && $4 != "0" {{ at[$2] = $6 }}
  $1 == "seen" && $3 != "COMPLETED" {{ at[$2] = $8 }}
  END {{ for (id in at) print at[id], id }}' | sort -n | tail -n {jobs} | while read -r _ pq_id; do one "$pq_id" ''; done"""


def follow_script(state: State, host: Host, offset: int, errors_offset: int) -> str:
    ended = " | ".join([f"*'|{name}|'*" for name in ENDED.split("|")])
    return head(host) + ONE.format() + FOLLOW.format(
        id=id_of(state.id), errors=state.errors or "''", offset=offset, errors_offset=errors_offset, reply=REPLY, ended=ended
    )  # fmt: skip


def read_state(answer: str) -> State | None:
    states = parse_snapshot(answer.replace("\036", "\n")).queue.states
    return states[-1] if states else None


OUTPUT = '"$pq_data/jobs/$1.out"'


def tails_script(states: Sequence[State], host: Host, count: int) -> str:
    none = "''"
    calls = "\n".join([f"one {id_of(state.id)} {state.errors or none}" for state in states])
    return head(host) + TAILS.format(output=OUTPUT, count=count, reply=REPLY, calls=calls)


def failures_script(host: Host, jobs: int, count: int) -> str:
    return head(host) + TAILS.format(output=OUTPUT, count=count, reply=REPLY, calls=FAILURES.format(jobs=jobs))
