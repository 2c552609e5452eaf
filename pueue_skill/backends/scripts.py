"""What the scripts of every kind of queue share: pieces of sh text, limits of the system, and how their answers are read.

A script prints what it likes before REPLY; what stands after that line is its answer. `{` and `}` of the pieces are doubled where they
become part of a text that is formatted. Nothing here knows a queue.
"""

from __future__ import annotations

from collections.abc import Iterator

from pueue_skill.regex import regex

LONGEST = 131_071
"""Bytes that one argument may hold (Linux MAX_ARG_STRLEN); pueue accepts more and then cannot start the task."""

SPELLED = "builtin eval "
"""Before work that is not UTF-8, which pueue does not take: bash can spell any byte in ASCII."""

REPLY = "pueue-skill reply"
"""The line after which an answer begins: a login shell's start-up files may print something before it."""

# A queue keeps the environment of whoever submits, so the folder is closed to others first. The lock makes "is it there?
# then add it" one step for all who submit through here. sh reads the braces to their end before it runs anything, so nobody
# waits for the lock while a large file is still on its way.
LOCK = r"""if [ -d "$data" ]; then
  chmod 700 "$data"
  exec 9>"$data/pueue-skill.lock"
  if command -v flock >/dev/null; then flock 9; fi
fi
"""

NEW = r"""# NAME FILE OFFSET: a frame with what is new in the file, whose size it leaves in $size
new() {{
  size=0
  if [ -f "$2" ]; then size=$(($(wc -c <"$2"))); fi
  if [ "$size" -gt "$3" ]; then
    printf '%s %s\n' "$1" "$((size - $3))"
    tail -c "+$(($3 + 1))" "$2" | head -c "$((size - $3))"
  fi
}}
"""

# The end of a turn of a loop. The pause grows with the time waited; a tenth of it is not noticed.
PAUSE = r"""  turns=$((turns + 1))
  if [ "$turns" -lt 40 ]; then sleep 0.05; elif [ "$turns" -lt 100 ]; then sleep 0.2; else sleep 0.3; fi
"""

LOAD = r"""load=$(LC_ALL=C uptime 2>/dev/null | sed -n 's/^.*load averages\{{0,1\}}: *\([0-9.]*\).*/\1/p')
"""
"""The load of the machine in $load, of any uptime."""

# The ends of outputs, each after a line with its id and length; what a job wrote to a file of its own comes last. `output`: the
# file of the job in $1, as a word.
TAILS = r"""ends() {{ tail -c {count} {output}; if [ -n "$2" ]; then tail -c {count} "$2"; fi; }}
one() {{ printf 'tail %s %s\n' "$1" "$(ends "$@" 2>/dev/null | wc -c)"; ends "$@" 2>/dev/null; }}
echo '{reply}'
{calls}
"""

ONTO_HOST = regex(r"^ssh (.*) '(?:sh|bash) -s' <<'?(\w+)'?$")


def reply(answer: str) -> str:
    """What stands after the reply line. Raises ValueError when there is none."""
    _, found, rest = answer.partition(REPLY + "\n")
    if not found:
        raise ValueError(f"no answer in {answer[:200]!r}")
    return rest


def read_tails(answer: bytes) -> dict[str, bytes]:
    _, _, rest = answer.partition(REPLY.encode() + b"\n")
    found: dict[str, bytes] = {}
    while rest:
        line, _, rest = rest.partition(b"\n")
        _, id, count = line.split()
        found[id.decode()], rest = rest[: int(count)], rest[int(count) :]
    return found


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
