"""What the scripts of every kind of queue share: limits of the system, and how their answers are read.

A script prints what it likes before REPLY; what stands after that line is its answer. Nothing here knows a queue; scripts are files
(script.py).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping

from pueue_skill.plan.model import Job
from pueue_skill.startup.regex import regex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.model import JobState

MAX_ARG_BYTES = 131_071
"""Bytes that one argument may hold (Linux MAX_ARG_STRLEN); pueue accepts more and then cannot start the task."""

SPELLED = "builtin eval "
"""Before work that is not UTF-8, which pueue does not take: bash can spell any byte in ASCII."""

REPLY = "pueue-skill reply"
"""The line after which an answer begins: a login shell's start-up files may print something before it."""

END = "pueue-skill end"
"""The last line of an answer that is read whole: without it the connection was cut."""

WAITS, ADDS = "pueue-skill waits", "pueue-skill adds"
"""Lines of a submission before its reply: how many others there are while it waits for the lock, and that it has begun to add."""

OF_A_LOGIN = frozenset("""
    _ PWD OLDPWD SHLVL AWKPATH AWKLIBPATH SSH_CLIENT SSH_CONNECTION SSH_TTY SSH_AUTH_SOCK SSH_AGENT_PID XDG_RUNTIME_DIR XDG_SESSION_ID
    XDG_SESSION_CLASS XDG_SESSION_TYPE XDG_SEAT XDG_VTNR DBUS_SESSION_BUS_ADDRESS INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID MOTD_SHOWN
    KRB5CCNAME DISPLAY WAYLAND_DISPLAY XAUTHORITY PUEUE_GROUP PUEUE_WORKER_ID
""".split())  # fmt: skip
"""Variables that differ from login to login, or that sh, awk and pueue set: two submissions of one job need not agree in them."""


def differences(job: Job, state: JobState, folder: str, environment: str, before: Mapping[str, str]) -> tuple[str, ...]:
    """How a job that was there before is another than `job`, but for its command.

    `folder` is where `job` would run and `environment` what sh/lib/environment.sh prints of what it would get, both empty where that is not
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


def whole_reply(answer: str) -> str:
    """Return the lines between the reply line and the end line. Raises ValueError when one of them is missing."""
    *lines, end = reply(answer).removesuffix("\n").split("\n")
    if end != END:
        raise ValueError("the answer was cut off")
    return "".join([line + "\n" for line in lines])


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
