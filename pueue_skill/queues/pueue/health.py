"""The installation of pueue 4 on a host: a host in, a sh script out that examines it; its answer in, a HealthReport out."""

from __future__ import annotations

from pueue_skill.queues.script import script as load
from pueue_skill.shell.model import Host
from pueue_skill.startup.record import NamedTuple


class Daemon(NamedTuple):
    """A pueued of this user. `data` and `socket` are the paths that it uses, `program` is its path; `stopped`: by a signal."""

    pid: int
    version: str
    data: str
    socket: str
    program: str
    stopped: bool


class HealthReport(NamedTuple):
    """The clients, files and daemons of a user on a host; texts are empty if they do not exist.

    `configured_client` is the client that the configuration or PATH names. `client` is the same, or one in another folder, which
    pueue-skill finds without configuration if `found_by_default`. `state_bytes` is the size of state.json. `start_command` starts the
    daemon, with its service if it has one.
    """

    home: str = ""
    configured_client: str = ""
    client: str = ""
    found_by_default: bool = False
    version: str = ""
    config: str = ""
    data: str = ""
    socket: str = ""
    has_socket: bool = False
    state_bytes: int = 0
    start_command: str = ""
    daemons: tuple[Daemon, ...] = ()


def script(host: Host) -> str:
    """Return the sh script that examines `host`; `read` parses its answer."""
    return load("queues/pueue/health", PQ_PUEUE=host.pueue or "")


def read(answer: str) -> HealthReport:
    """Raises ValueError if the answer is incomplete."""
    values: dict[str, str] = {}
    daemons = []
    for line in answer.splitlines():
        key, _, value = line.partition(" ")
        if key == "daemon":
            pid, version, data, socket, program, state = value.split("\t")
            daemons.append(Daemon(int(pid), version, data, socket, program, state.strip().upper().startswith("T")))
        else:
            values[key] = value
    if "data" not in values:
        raise ValueError("the answer was cut off")
    return HealthReport(
        values.get("home", ""),
        values.get("wanted", ""),
        values.get("client", ""),
        "known" in values,
        values.get("version", "").rpartition(" ")[2],
        values.get("config", ""),
        values["data"],
        values.get("socket", ""),
        "socket_there" in values,
        int(values.get("state", "0")),
        values.get("start", ""),
        tuple(daemons),
    )
