"""A host that is to have a pueue queue: the scripts that look at it, carry out steps, and take back what was made; their answers.

A host is looked at by one script and changed by another, which takes a lock, looks again, and does nothing unless it sees the
same: whoever was at work meanwhile is found out, and no step has to doubt what it was planned on. What is made is written into a
record on the host, files before they are made, so that it can be taken back wherever the work was cut off.

Pure: it knows no host, file or network.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Mapping, Sequence

from pueue_skill.queues.script import pasted, script
from pueue_skill.queues.scripts import reply
from pueue_skill.shell.model import Host
from pueue_skill.startup.record import NamedTuple

CHANGED, INSTEAD = 75, 10
"""How a script says that the host is not as it was looked at; a step, that it cannot be done but another way may be there."""


class HostFacts(NamedTuple):
    """A host as it was found. Texts are empty, and `place` is None, where there is nothing of the kind.

    `place` is the XDG_RUNTIME_DIR with which the daemon answers; `daemons` are the processes that keep the state in `data`,
    `others` the user's daemons with a state of their own; `groups` has their limits, `systemd` is system or user. `teller` is the
    pueue-skill there, where its configuration says whom to tell.
    """

    os: str = ""
    arch: str = ""
    libc: str = ""
    shell: str = ""
    home: str = ""
    uid: str = ""
    user: str = ""
    pueue: str = ""
    version: str = ""
    pueued: str = ""
    daemon_version: str = ""
    config: str = ""
    yaml: str | None = None
    teller: str = ""
    data: str = ""
    place: str | None = None
    groups: Mapping[str, tuple[int, str]] = {}
    unfinished: int = 0
    daemons: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    systemd: str = ""
    linger: bool = False
    unit: str = ""
    enabled: bool = False
    launchd: bool = False
    agent: str = ""
    managers: tuple[str, ...] = ()
    rust: str = ""
    fetch: str = ""
    digest: str = ""
    network: bool = False
    room: int = -1
    record: str = ""
    mark: str = ""

    @property
    def ready(self) -> bool:
        """Both programs are there, in a version that is taken."""
        return self.version.startswith("4.") and self.daemon_version.startswith("4.")


class SetupStep(NamedTuple):
    """One change: `what` and `why` for people, the call of a function of sh/lib/provision_steps.sh, and what to name in Wish.without when
    it cannot be done (with INSTEAD).

    `brings` says what comes with it from this machine: copy or download.
    """

    name: str
    what: str
    why: str
    script: str
    instead: str = ""
    brings: str = ""


def look_script(host: Host, url: str, always: bool) -> str:
    """A sh script that answers for read_look. With `always`, whether `url` is reached is found out even where pueue is there already."""
    return script("queues/pueue/provision_look", PQ_PUEUE=host.pueue or "", PQ_URL=url, PQ_ALWAYS="1" if always else "")


def read_look(answer: str) -> HostFacts:
    """What a look script answered. Raises ValueError when it is no answer."""
    facts: dict[str, list[str]] = {}
    for line in reply(answer).split("\n"):
        name, tab, value = line.partition("\t")
        if tab:
            facts.setdefault(name, []).append(value)
    if "room" not in facts:
        raise ValueError("the answer was cut off")
    one = {name: values[0] for name, values in facts.items()}
    groups = {
        name: (group["parallel_tasks"], group["status"].lower())
        for name, group in json.loads(one.get("groups", "{}")).items()
    }
    return HostFacts(
        **{name: one[name] for name in TEXTS if name in one},
        arch={"arm64": "aarch64", "amd64": "x86_64"}.get(one["arch"], one["arch"]),
        yaml=decoded(one["yaml"]) if "yaml" in one else None,
        place=one.get("place"),
        groups=groups,
        unfinished=int(one.get("unfinished") or 0),
        daemons=tuple(facts.get("daemon", [])),
        others=tuple(facts.get("other", [])),
        linger="linger" in one,
        enabled="enabled" in one,
        launchd="launchd" in one,
        managers=tuple(facts.get("manager", [])),
        network="network" in one,
        room=int(one["room"] or -1),
        record=decoded(one.get("record", "")),
    )


TEXTS = (
    "os", "libc", "shell", "home", "uid", "user", "pueue", "version", "teller", "pueued", "daemon_version", "config", "data", "systemd",
    "unit", "agent", "rust", "fetch", "digest", "mark",
)  # fmt: skip


def decoded(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", "surrogateescape")


def do_script(host: Host, url: str, mark: str, todo: Sequence[SetupStep], files: Mapping[str, bytes]) -> str:
    """Carries out steps, unless the host is no longer as it was when it was given `mark`; then the exit code is CHANGED.

    `files` are the programs that come along, pueue and pueued.
    """
    sent = {name: base64.encodebytes(gzip.compress(content, 6, mtime=0)).decode() for name, content in files.items()}
    return script(
        "queues/pueue/provision_do",
        *[word for step in todo for word in (step.name, step.script)],
        PQ_PUEUE=host.pueue or "",
        PQ_URL=url,
        PQ_MARK=mark,
        PQ_PUEUE_GZ=sent.get("pueue", ""),
        PQ_PUEUED_GZ=sent.get("pueued", ""),
    )


def read_do(answer: str) -> tuple[str, int | None, bool]:
    """The last step that was begun, how it ended (None: it has not), and whether all is done. Raises ValueError."""
    name, status, whole = "", None, False
    for line in reply(answer).splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "step":
            name, status = rest, None
        elif kind == "end":
            status = int(rest.rpartition(" ")[2])
        whole = line == "whole"
    return name, status, whole


def proved_script(host: Host, id: str, proved: bool) -> str:
    """Takes the job that was to prove the queue out of it; that it did is written down."""
    return script(
        "queues/pueue/provision_proved",
        PQ_PUEUE=host.pueue or "",
        PQ_ID=str(int(id)),
        PQ_PROVED="1" if proved else "",
    )


def undo_script(host: Host) -> str:
    """Takes back what the record of a host names."""
    return script("queues/pueue/provision_undo", PQ_PUEUE=host.pueue or "")


def remove_stale_id(file: str) -> str:
    """One line of sh that removes the process id of a daemon that is gone from `file`, for what starts the daemon."""
    return "; ".join(pasted("queues/pueue/provision_unstale", PQ_FILE=file).splitlines())
