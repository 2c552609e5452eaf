"""pueue 4 on a host: its client, its files, and advice if it does not answer."""

from __future__ import annotations

from pueue_skill.queues.script import script
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

ALLOCATORS: tuple[str, ...] = ()
MANAGED = True
RECORDS_OUTCOMES = False


def folders(host: Host) -> str:
    """Return the folders that precede PATH for jobs of `host`, as shell source for an assignment."""
    return ":".join(map(quote.path, host.path))


def path_before(host: Host) -> str:
    """Return PATH for jobs of `host`, as shell source for an assignment."""
    return f'{folders(host)}:"$PATH"'


def versions_script(host: Host) -> str:
    """Return a sh script that prints one line for pueue and one for pueued, with name and version."""
    return script("queues/pueue/versions", PQ_PUEUE=host.pueue or "")


def data_folder() -> str:
    """Return sh text that sets $pq_data to the folder of pueue's state."""
    return script("queues/pueue/where")


def explain_failure(host: Host, code: int, stderr: str) -> str:
    """Return why a script failed, and what to do. 127 is the exit code if the host has no client."""
    if code == 127:
        return f"{stderr or 'no pueue'} ({host.name}); set hosts.{host.name}.pueue in the configuration, or type: pueue-skill setup {host.name}"
    if "Did you start" in stderr or "onnection refused" in stderr:
        # `ssh HOST pueued -d` would hang: the daemon keeps the ssh connection's output open.
        path = f"{host.pueue or 'pueue'}d"
        start = f"ssh {host.ssh} 'setsid {path} -d >/dev/null 2>&1 </dev/null'" if host.ssh else "pueued -d"
        again = f"To start it automatically: pueue-skill setup {host.name}"
        return f"the daemon of {host.name} is not running: {stderr}\nStart it: {start}\n{again}"
    return f"{host.name} gave no answer (exit code {code})" + (f": {stderr}" if stderr else "")


def with_advice(error: str, host: Host) -> str:
    """Return an error of pueue as is: it contains advice."""
    return error


def callback(program: str) -> str:
    """Return daemon.callback for pueue.yml: it runs `program`, the path of pueue-skill on the host, when a job ends.

    pueue expands its template without quoting and passes it to sh, so that a job's command or group name would run as code: the
    template uses only the id and the result, which pueue itself makes. Raises ValueError for a path that is a template.
    """
    if "{{" in program:
        raise ValueError(f"{program}: pueue reads {{{{ as a placeholder")
    return f"{quote.word(program)} notify --callback {{{{ id }}}} --result {{{{ result }}}} </dev/null"
