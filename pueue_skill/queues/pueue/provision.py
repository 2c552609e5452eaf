"""Setup of a pueue queue on a host: the scripts that examine the host, carry out steps, and undo them; and their answers.

One script examines the host, and another changes it. The second takes a lock, examines the host again, and stops if anything has
changed: so steps need not check the facts for which they were planned. It records each change on the host, files before they are
written, so that an interrupted setup can be undone too.

The module knows no host, file or network.
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
"""Exit codes: the host has changed since it was examined; a step cannot be carried out, but another source may work."""


class HostFacts(NamedTuple):
    """The facts about a host on which a setup is planned. Texts are empty, and `place` is None, for things that do not exist.

    `place` is the XDG_RUNTIME_DIR with which the daemon answers. `daemons` are the ids of processes that use the state in `data`;
    `others` are daemons of the user with another state, as `PID CONFIG`. `groups` are (limit, status) by name. `systemd` is system or
    user. `teller` is the path of pueue-skill on the host if its configuration has [[notify]]. `room` is the free space in KiB.
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
        """Whether both programs are installed, in a supported version."""
        return self.version.startswith("4.") and self.daemon_version.startswith("4.")


class SetupStep(NamedTuple):
    """One change: `what` and `why` for people, and `script`, a call of a function of sh/lib/provision_steps.sh.

    If the step exits with INSTEAD, setup adds `instead` to SetupRequest.excluded and plans again. `brings` is how this machine supplies the
    programs: copy or download.
    """

    name: str
    what: str
    why: str
    script: str
    instead: str = ""
    brings: str = ""


def look_script(host: Host, url: str, always: bool) -> str:
    """Return a sh script that examines a host; read_look parses its answer. With `always` it tests the access to `url` even if pueue is installed."""
    return script("queues/pueue/provision_look", PQ_PUEUE=host.pueue or "", PQ_URL=url, PQ_ALWAYS="1" if always else "")


def read_look(answer: str) -> HostFacts:
    """Parse the answer of look_script. Raises ValueError if it is incomplete."""
    facts: dict[str, list[str]] = {}
    for line in reply(answer).split("\n"):
        name, tab, value = line.partition("\t")
        if tab:
            facts.setdefault(name, []).append(value)
    if "room" not in facts:
        raise ValueError("the answer was cut off")
    first = {name: values[0] for name, values in facts.items()}
    groups = {
        name: (group["parallel_tasks"], group["status"].lower())
        for name, group in json.loads(first.get("groups", "{}")).items()
    }
    return HostFacts(
        **{name: first[name] for name in TEXTS if name in first},
        arch={"arm64": "aarch64", "amd64": "x86_64"}.get(first["arch"], first["arch"]),
        yaml=decoded(first["yaml"]) if "yaml" in first else None,
        place=first.get("place"),
        groups=groups,
        unfinished=int(first.get("unfinished") or 0),
        daemons=tuple(facts.get("daemon", [])),
        others=tuple(facts.get("other", [])),
        linger="linger" in first,
        enabled="enabled" in first,
        launchd="launchd" in first,
        managers=tuple(facts.get("manager", [])),
        network="network" in first,
        room=int(first["room"] or -1),
        record=decoded(first.get("record", "")),
    )


TEXTS = (
    "os", "libc", "shell", "home", "uid", "user", "pueue", "version", "teller", "pueued", "daemon_version", "config", "data", "systemd",
    "unit", "agent", "rust", "fetch", "digest", "mark",
)  # fmt: skip


def decoded(text: str) -> str:
    return base64.b64decode(text).decode("utf-8", "surrogateescape")


def do_script(host: Host, url: str, mark: str, todo: Sequence[SetupStep], files: Mapping[str, bytes]) -> str:
    """Return a sh script that carries out steps; if the host has changed since the examination with `mark`, it exits with CHANGED.

    `files` are pueue and pueued, if this machine supplies them.
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
    """Return the last step that was begun, its exit code (None if unknown), and whether all steps are done. Raises ValueError."""
    name, status, whole = "", None, False
    for line in reply(answer).splitlines():
        kind, _, words = line.partition(" ")
        if kind == "step":
            name, status = words, None
        elif kind == "end":
            status = int(words.rpartition(" ")[2])
        whole = line == "whole"
    return name, status, whole


def proved_script(host: Host, id: str, proved: bool) -> str:
    """Return a sh script that removes the test job of a setup; with `proved` it records that the job succeeded."""
    return script(
        "queues/pueue/provision_proved",
        PQ_PUEUE=host.pueue or "",
        PQ_ID=str(int(id)),
        PQ_PROVED="1" if proved else "",
    )


def undo_script(host: Host) -> str:
    """Return a sh script that undoes the changes in the record of a host."""
    return script("queues/pueue/provision_undo", PQ_PUEUE=host.pueue or "")


def remove_stale_id(file: str) -> str:
    """Return one line of sh for a service: it removes `file`, the daemon's PID file, if no daemon has that process id."""
    return "; ".join(pasted("queues/pueue/provision_unstale", PQ_FILE=file).splitlines())
