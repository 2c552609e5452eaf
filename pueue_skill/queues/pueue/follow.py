"""The output of jobs of pueue 4: States to sh scripts that write what their files hold, from an offset on or from their ends."""

from __future__ import annotations

import json
from collections.abc import Sequence

from pueue_skill.queues.model import State
from pueue_skill.queues.pueue.site import head
from pueue_skill.queues.pueue.state import read_task
from pueue_skill.queues.pueue.task import (
    FOLDER,
)
from pueue_skill.queues.scripts import (
    NEW,
    PAUSE,
    REPLY,
    TAILS,
)
from pueue_skill.shell.model import Host

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
OUTPUT = '"$pq_data/task_logs/$1.log"'
# The braces of JSON end lines here; within a text every quote bears a backslash, so no text can look like the head of a task.
FAILURES = r"""ask status --json status=failed | tr '{{' '\n' |
  sed -n -e 's/^"id":\([0-9]*\),.*"original_command":"[^(]*exec 2>\/dev\/null; (env PUEUE_SKILL_KEY=\([A-Za-z0-9:_.@+-]*\) .*/\1 \2/p' -e t \
    -e 's/^"id":\([0-9]*\),"created_at".*/\1/p' | tail -n {jobs} | while read -r pq_id pq_key; do
  one "$pq_id" "${{pq_key:+{folder}/$pq_key.err}}"
done"""


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
