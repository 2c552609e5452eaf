"""What the scripts of every kind of queue share: pieces of sh text, limits of the system, and how their answers are read.

A script prints what it likes before REPLY; what stands after that line is its answer. `{` and `}` of the pieces are doubled where they
become part of a text that is formatted. Nothing here knows a queue.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

from pueue_skill.plan.model import Job
from pueue_skill.queues.model import State
from pueue_skill.startup.regex import regex

MAX_ARG_BYTES = 131_071
"""Bytes that one argument may hold (Linux MAX_ARG_STRLEN); pueue accepts more and then cannot start the task."""

SPELLED = "builtin eval "
"""Before work that is not UTF-8, which pueue does not take: bash can spell any byte in ASCII."""

REPLY = "pueue-skill reply"
"""The line after which an answer begins: a login shell's start-up files may print something before it."""

WAITS, ADDS = "pueue-skill waits", "pueue-skill adds"
"""Lines of a submission before its reply: how many others there are while it waits for the lock, and that it has begun to add."""

# A queue keeps the environment of whoever submits, so the folder is closed to others first. The lock makes "is it there?
# then add it" one step for all who submit through here. sh reads the braces to their end before it runs anything, so nobody
# waits for the lock while a large file is still on its way. The kernel gives the lock on when its holder dies, and in the order in
# which it was asked for; perl asks for the same lock where there is no flock(1), as on macOS. Whoever waits says so now and then;
# where nobody listens any more, it gives up its place.
LOCK = r"""locked() {
  if command -v flock >/dev/null; then flock "$@" 9
  elif command -v perl >/dev/null; then perl -e 'open F, ">&=9"; exit !flock F, @ARGV ? 6 : 2' -- "$@"
  fi
}
waits() {
  trap '' PIPE
  pq_inode=$(ls -i "$pq_data/pueue-skill.lock" | awk '{ print $1 }') pq_turns=0
  while sleep 1 >/dev/null 2>&1; do
    pq_turns=$((pq_turns + 1))
    if [ "$((pq_turns % 5))" != 2 ]; then continue; fi
    echo "pueue-skill waits $(grep -c ":$pq_inode " /proc/locks 2>/dev/null)" || { kill $$; exit; }
  done
}
if [ -d "$pq_data" ]; then
  chmod 700 "$pq_data"
  exec 9>"$pq_data/pueue-skill.lock"
  if ! locked -n; then
    waits 2>/dev/null 9>&- &
    pq_waiting=$!
    locked
    kill "$pq_waiting"
    wait "$pq_waiting" 2>/dev/null
  fi
fi
"""

# take FILE: what follows the script on standard input, whole or not at all; nine tenths of the free space are given to it. Its last line,
# which it loses, is $END; without it the connection was cut. `ulimit` counts blocks of 512 bytes, and so does this.
TAKE = r"""pq_end='pueue-skill end {key}'
take() {{
  pq_room=$(df -Pk "${{1%/*}}" | awk 'NR == 2 {{ printf "%.0f", $4 * 1.8 }}')
  trap 'rm -f "$pq_part"' EXIT
  trap 'exit 1' HUP INT TERM PIPE
  (umask 077; ulimit -f "$pq_room"; cat >"$1")
  pq_size=$(($(wc -c <"$1") - ${{#pq_end}} - 1))
  if tail -c "$((${{#pq_end}} + 1))" "$1" | grep -qxF "$pq_end"; then dd if=/dev/null of="$1" bs=1 seek="$pq_size" 2>/dev/null
  elif [ "$((pq_size / 512 + 1))" -ge "$pq_room" ]; then
    echo "standard input is longer than the $((pq_room / 2)) KiB that it may take of the free space here" >&2
    return 1
  else
    echo "standard input was cut off" >&2
    return 1
  fi
}}
"""

NEW = r"""# NAME FILE OFFSET: a frame with what the file holds from there on; leaves in $pq_size where the next begins. A job that is started
# once more, in place, empties the file: what it then holds is new from its beginning. A frame that came out short ends the script.
new() {{
  pq_size=0 pq_from=$3
  if [ -s "$2" ]; then pq_size=$(($(wc -c <"$2"))); fi
  if [ "$pq_size" -lt "$pq_from" ]; then pq_from=0; fi
  if [ "$pq_size" -gt "$pq_from" ]; then
    printf '%s %s %s\n' "$1" "$pq_from" "$((pq_size - pq_from))"
    tail -c "+$((pq_from + 1))" "$2" | head -c "$((pq_size - pq_from))"
    if ! [ -f "$2" ] || [ "$(($(wc -c <"$2")))" -lt "$pq_size" ]; then exit 65; fi
  fi
}}
"""

# The end of a turn of a loop: a pause, which grows with the number of turns. pueue itself looks at its jobs every 0.3 s.
PAUSE = r"""  pq_turns=$((pq_turns + 1))
  if [ "$pq_turns" -lt 20 ]; then sleep 0.1; elif [ "$pq_turns" -lt 50 ]; then sleep 0.2; else sleep 0.3; fi
"""

LOAD = r"""pq_load=$(LC_ALL=C uptime 2>/dev/null | sed -n 's/^.*load averages\{{0,1\}}: *\([0-9.]*\).*/\1/p')
"""
"""The load of the machine in $pq_load, of any uptime."""

# The ends of outputs, each after a line with its id, in base64 with a dot after it: a job that is running writes more at any time, so
# that a length that was asked for first would be another's. What a job wrote to a file of its own comes last. `output`: the file of
# the job in $1, as a word.
TAILS = r"""ends() {{ tail -c {count} {output}; if [ -n "$2" ]; then tail -c {count} "$2"; fi; }}
one() {{ echo "tail $1"; ends "$@" 2>/dev/null | base64; echo .; }}
echo '{reply}'
{calls}
"""

ENVIRONMENT = (
    """'BEGIN { for (name in ENVIRON) { value = ENVIRON[name]; gsub(/\\n/, " ", value); print name "=" value } }'"""
)
"""A program of awk, as a word of sh, that prints a line NAME=VALUE for each variable that it is given; newlines become blanks."""

OF_A_LOGIN = frozenset("""
    _ PWD OLDPWD SHLVL AWKPATH AWKLIBPATH SSH_CLIENT SSH_CONNECTION SSH_TTY SSH_AUTH_SOCK SSH_AGENT_PID XDG_RUNTIME_DIR XDG_SESSION_ID
    XDG_SESSION_CLASS XDG_SESSION_TYPE XDG_SEAT XDG_VTNR DBUS_SESSION_BUS_ADDRESS INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID MOTD_SHOWN
    KRB5CCNAME DISPLAY WAYLAND_DISPLAY XAUTHORITY PUEUE_GROUP PUEUE_WORKER_ID
""".split())  # fmt: skip
"""Variables that differ from login to login, or that sh, awk and pueue set: two submissions of one job need not agree in them."""


def differences(job: Job, state: State, folder: str, environment: str, before: Mapping[str, str]) -> tuple[str, ...]:
    """How a job that was there before is another than `job`, but for its command.

    `folder` is where `job` would run and `environment` what ENVIRONMENT prints of what it would get, both empty where that is not
    known; `before` is the environment of the job that is there.
    """
    found = []
    if folder and state.cwd and folder != state.cwd:
        found.append(f"has the folder {state.cwd}, not {folder}")
    if (job.group or "default") != state.group:
        found.append(f"has the group {state.group}, not {job.group or 'default'}")
    now = dict([line.split("=", 1) for line in environment.split("\n") if "=" in line])
    was = {name: value.replace("\n", " ") for name, value in before.items()}
    others = sorted([name for name in {*now, *was} - OF_A_LOGIN if now.get(name) != was.get(name)])
    if now and was and others:
        more = f" and {len(others) - 8} more" if len(others) > 8 else ""
        found.append(f"has another environment ({', '.join(others[:8])}{more})")
    return tuple(found)


ONTO_HOST = regex(r"""^ssh (.*?) ['"\\]*(?:sh|bash) -s(?: && true)?['"\\]* <<'?(\w+)'?$""")


def end_of(key: str) -> bytes:
    """What is sent after the whole of the standard input of a job."""
    return f"pueue-skill end {key}\n".encode()


def reply(answer: str) -> str:
    """What stands after the reply line. Raises ValueError when there is none."""
    _, found, rest = answer.partition(REPLY + "\n")
    if not found:
        raise ValueError(f"no answer in {answer[:200]!r}")
    return rest


def read_tails(answer: bytes) -> dict[str, bytes]:
    """Return the ends of outputs by the ids of their jobs, or the keys of their items, as far as the answer has them.

    Raises ValueError when there is no answer, or when it was cut off within an end.
    """
    _, began, rest = answer.partition(REPLY.encode() + b"\n")
    if not began:
        raise ValueError(f"no answer in {answer[:200]!r}")
    found: dict[str, bytes] = {}
    while rest:
        head, _, rest = rest.partition(b"\n")
        text, whole, rest = rest.partition(b".\n")
        if not whole:
            raise ValueError(f"no whole answer in {head[:200]!r}")
        found[head.decode().removeprefix("tail ")] = base64.b64decode(text)
    return found


def bytes_of_tail(count: int) -> int:
    """How many bytes of an answer the end of a job's outputs takes at most, each of `count` bytes."""
    return 3 * count + 100


def by_host(text: str) -> Iterator[tuple[str, str]]:
    """The lines of an invocation, each with the ssh words of the host that reads it; empty for this machine."""
    ssh, end = "", ""
    for line in text.split("\n"):
        there = ONTO_HOST.match(line)
        if there:
            ssh, end = there[1], there[2]
        elif end and line == end:
            ssh, end = "", ""
        yield ssh, line
