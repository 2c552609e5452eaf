"""What the scripts of every kind of queue share: limits of the system, the form of their answers and the functions that parse it.

The answer of a script follows the line REPLY; any output may precede it. The module knows no queue; script.py loads the scripts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pueue_skill.plan.model import Job
from pueue_skill.startup.regex import regex
from pueue_skill.startup.words import first_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pueue_skill.queues.model import JobState

MAX_ARG_BYTES = 131_071
"""The maximal length of one argument (Linux MAX_ARG_STRLEN); pueue accepts more and then cannot start the task."""

SPELLED = "builtin eval "
"""Precedes work that is not UTF-8, which pueue rejects: bash can write any byte in ASCII."""

REPLY = "pueue-skill reply"
"""The line before an answer; the start-up files of a login shell may print text before it."""

END = "pueue-skill end"
"""The last line of an answer of a script that ends by itself; without it the connection was cut."""

WAITS, ADDS = "pueue-skill waits", "pueue-skill adds"
"""Lines of a submission before its reply: the number of processes before it while it waits for the lock; and the start of `add`."""

SESSION_VARIABLES = frozenset("""
    _ PWD OLDPWD SHLVL AWKPATH AWKLIBPATH SSH_CLIENT SSH_CONNECTION SSH_TTY SSH_AUTH_SOCK SSH_AGENT_PID XDG_RUNTIME_DIR XDG_SESSION_ID
    XDG_SESSION_CLASS XDG_SESSION_TYPE XDG_SEAT XDG_VTNR DBUS_SESSION_BUS_ADDRESS INVOCATION_ID JOURNAL_STREAM SYSTEMD_EXEC_PID MOTD_SHOWN
    KRB5CCNAME DISPLAY WAYLAND_DISPLAY XAUTHORITY PUEUE_GROUP PUEUE_WORKER_ID
""".split())  # fmt: skip
"""Variables that differ between logins, or that sh, awk and pueue set: they may differ in two submissions of the same job."""


def differences(job: Job, state: JobState, folder: str, environment: str, before: Mapping[str, str]) -> tuple[str, ...]:
    """Return how the queued job of the same key, in `state`, differs from `job`, other than by its command; as predicates.

    `folder` is the folder in which `job` would run, `environment` its environment as sh/lib/environment.sh prints it; both are empty if
    unknown. `before` is the environment of the queued job.
    """
    reasons = []
    if folder and state.cwd and folder != state.cwd:
        reasons.append(f"has the folder {state.cwd}, not {folder}")
    if (job.group or "default") != state.group:
        reasons.append(f"has the group {state.group}, not {job.group or 'default'}")
    now = dict([line.split("=", 1) for line in environment.split("\n") if "=" in line])
    was = {name: value.replace("\n", " ") for name, value in before.items()}
    others = sorted([name for name in {*now, *was} - SESSION_VARIABLES if now.get(name) != was.get(name)])
    if now and was and others:
        reasons.append(f"has another environment ({first_names(others, 8, ', ')})")
    return tuple(reasons)


SSH_HEREDOC = regex(r"""^ssh (.*?) ['"\\]*(?:sh|bash) -s(?: && true)?['"\\]* <<'?(\w+)'?$""")


def end_mark(key: str) -> bytes:
    """Return the line that follows the complete stdin of a job."""
    return f"pueue-skill end {key}\n".encode()


KEY = regex(r"[A-Za-z0-9:_.@+-]{1,200}")


def check_key(key: str) -> None:
    """Raise ValueError if `key` cannot name the files of a job."""
    if not KEY.fullmatch(key):
        raise ValueError(f"the key {key!r} may contain only letters, digits and : _ . @ + -, at most 200 characters")


def encoded_files(files: Mapping[str, bytes]) -> str:
    """Return files, by name, as PQ_FILES of the scripts: pairs of words, the name and the content in base64."""
    import base64  # the hook seldom has a job with files

    return " ".join([f"{name} {base64.b64encode(content).decode()}" for name, content in files.items()])


def reply(answer: str) -> str:
    """Return the text after the reply line. Raises ValueError if that line is missing."""
    _, mark, text = answer.partition(REPLY + "\n")
    if not mark:
        raise ValueError(f"no answer in {answer[:200]!r}")
    return text


def whole_reply(answer: str) -> str:
    """Return the lines between the reply line and the end line. Raises ValueError if one of these is missing."""
    *lines, end = reply(answer).removesuffix("\n").split("\n")
    if end != END:
        raise ValueError("the answer was cut off")
    return "".join([line + "\n" for line in lines])


def read_tails(answer: bytes) -> dict[str, bytes]:
    """Return the last bytes of outputs by the id of the job, or the key of the item.

    Raises ValueError if there is no answer, or if it was cut off.
    """
    _, began, rest = answer.partition(REPLY.encode() + b"\n")
    if not began:
        raise ValueError(f"no answer in {answer[:200]!r}")
    import base64  # the hook reads no replies

    tails: dict[str, bytes] = {}
    while rest:
        head, _, rest = rest.partition(b"\n")
        text, whole, rest = rest.partition(b".\n")
        if not whole:
            raise ValueError(f"no whole answer in {head[:200]!r}")
        tails[head.decode().removeprefix("tail ")] = base64.b64decode(text)
    return tails


def max_tail_bytes(count: int) -> int:
    """Return how many bytes of an answer the tail of a job takes at most: `count` bytes each of stdout and stderr, in base64."""
    return 3 * count + 100


def lines_by_host(text: str) -> Iterator[tuple[str, str]]:
    """Yield the lines of an invocation, each with the ssh words of the host that runs it; empty on this machine."""
    ssh, end = "", ""
    for line in text.split("\n"):
        heredoc = SSH_HEREDOC.match(line)
        if heredoc:
            ssh, end = heredoc[1], heredoc[2]
        elif end and line == end:
            ssh, end = "", ""
        yield ssh, line
