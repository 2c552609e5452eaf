"""pueue 4 on a host: where its client and its files are, and what to do when it gives no answer."""

from __future__ import annotations

from pueue_skill.queues.script import script
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

ALLOCATORS: tuple[str, ...] = ()
MANAGED = True
RECORDS_OUTCOMES = False


def folders(host: Host) -> str:
    """The folders before the PATH of jobs of `host`, as shell source for an assignment."""
    return ":".join(map(quote.path, host.path))


def path_before(host: Host) -> str:
    """The value of PATH for jobs of `host`, as shell source for an assignment."""
    return f'{folders(host)}:"$PATH"'


def versions_script(host: Host) -> str:
    """A sh script that prints a line with name and version of each program of pueue."""
    return script("queues/pueue/versions", PQ_PUEUE=host.pueue or "")


def data_folder() -> str:
    """sh text that leaves in $pq_data the folder in which pueue keeps its files."""
    return script("queues/pueue/where")


def explain_failure(host: Host, code: int, stderr: str) -> str:
    """Why a host's queue gave no answer, and what to do."""
    if code == 127:
        return f"{stderr or 'no pueue'} ({host.name}); set hosts.{host.name}.pueue in the configuration, or type: pueue-skill setup {host.name}"
    if "Did you start" in stderr or "onnection refused" in stderr:
        # `ssh HOST pueued -d` hangs: the daemon keeps ssh's output.
        path = f"{host.pueue or 'pueue'}d"
        start = f"ssh {host.ssh} 'setsid {path} -d >/dev/null 2>&1 </dev/null'" if host.ssh else "pueued -d"
        again = f"So that it comes back by itself: pueue-skill setup {host.name}"
        return f"the daemon of {host.name} is not running: {stderr}\nStart it: {start}\n{again}"
    return f"{host.name} gave no answer (exit code {code}): {stderr}"


def with_advice(error: str, host: Host) -> str:
    """An error of pueue's; it says itself what to do."""
    return error


def callback(program: str) -> str:
    """The value of daemon.callback in pueue.yml that has `program`, the path of pueue-skill there, told of every job's end.

    pueue fills its template in without quoting and has sh run it, so that a job's command or group could run what it holds: only
    what pueue itself makes is asked for, a number and a word. Raises ValueError for a path that the template would be taken from.
    """
    if "{{" in program:
        raise ValueError(f"{program}: pueue would read {{{{ as a placeholder")
    return f"{quote.word(program)} notify --callback {{{{ id }}}} --result {{{{ result }}}} </dev/null"
