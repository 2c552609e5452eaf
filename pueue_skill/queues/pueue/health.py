"""What keeps a pueue 4 from working, as far as its host can tell: a host to sh text, and what that prints to a HealthReport."""

from __future__ import annotations

from pueue_skill.queues.script import script as load
from pueue_skill.shell.model import Host
from pueue_skill.startup.record import NamedTuple


class Daemon(NamedTuple):
    """A pueued of this user. `program` is its path, `stopped` whether it is held by a signal."""

    pid: int
    version: str
    data: str
    socket: str
    program: str
    stopped: bool


class HealthReport(NamedTuple):
    """What was found. `wanted` is the client that the configuration names, empty where it is not there; `client` the one that was
    found instead of it or is it, `known` whether it is found without being named. `start` is how the daemon is set up to be started.
    """

    home: str = ""
    wanted: str = ""
    client: str = ""
    known: bool = False
    version: str = ""
    config: str = ""
    data: str = ""
    socket: str = ""
    socket_there: bool = False
    state: int = 0
    start: str = ""
    daemons: tuple[Daemon, ...] = ()


def script(host: Host) -> str:
    """A sh script that answers for `read`."""
    return load("queues/pueue/health", PQ_PUEUE=host.pueue or "")


def read(answer: str) -> HealthReport:
    """Raises ValueError when it is no answer."""
    found: dict[str, str] = {}
    daemons = []
    for line in answer.splitlines():
        key, _, value = line.partition(" ")
        if key == "daemon":
            pid, version, data, socket, program, state = value.split("\t")
            daemons.append(Daemon(int(pid), version, data, socket, program, state.strip().upper().startswith("T")))
        else:
            found[key] = value
    if "data" not in found:
        raise ValueError("the answer was cut off")
    return HealthReport(
        found.get("home", ""),
        found.get("wanted", ""),
        found.get("client", ""),
        "known" in found,
        found.get("version", "").rpartition(" ")[2],
        found.get("config", ""),
        found["data"],
        found.get("socket", ""),
        "socket_there" in found,
        int(found.get("state", "0")),
        found.get("start", ""),
        tuple(daemons),
    )
