"""pueue 4 on a host: where its client and its files are, and what to do when it gives no answer."""

from __future__ import annotations

from pueue_skill.queues.script import script
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

ALLOCATORS: tuple[str, ...] = ()
MANAGED = True
KEEPS_ENDS = False

# Where pueue's configuration and its state are by themselves, then where the configuration says that the state is.
PLACES = r"""if [ "$(uname)" = Darwin ]; then
  pq_config="$HOME/Library/Application Support/pueue/pueue.yml" pq_data="$HOME/Library/Application Support/pueue"
else
  pq_config="${XDG_CONFIG_HOME:-$HOME/.config}/pueue/pueue.yml" pq_data="${XDG_DATA_HOME:-$HOME/.local/share}/pueue"
fi
pq_config=${PUEUE_CONFIG_PATH:-$pq_config}
"""
STATE = r"""pq_set_data=$(cat "$pq_config" 2>/dev/null | tr -d "\"'" |
  sed -n -e 's/^ *pueue_directory: *//p' -e 's/^.*[{,] *pueue_directory: *\([^,}]*\).*/\1/p' | head -n 1)
case $pq_set_data in
  '' | null | '~') ;;
  '~/'*) pq_data=$HOME/${pq_set_data#'~/'} ;;
  *) pq_data=$pq_set_data ;;
esac
"""


def folders(host: Host) -> str:
    """The folders before the PATH of jobs of `host`, as shell source for an assignment."""
    return ":".join(map(quote.path, host.path))


def path_before(host: Host) -> str:
    """The value of PATH for jobs of `host`, as shell source for an assignment."""
    return f'{folders(host)}:"$PATH"'


def head(host: Host) -> str:
    return script("queues/pueue/head", PQ_PUEUE=host.pueue or "")


def candidates(host: Host) -> list[str]:
    """Where pueue is looked for on a host, in this order."""
    usual = ["pueue", "~/.local/bin/pueue", "~/.cargo/bin/pueue", "/opt/homebrew/bin/pueue", "/usr/local/bin/pueue"]
    return list(dict.fromkeys([*([host.pueue] if host.pueue else []), *usual]))


def versions_script(host: Host) -> str:
    return script("queues/pueue/versions", PQ_PUEUE=host.pueue or "")


def where() -> str:
    return script("queues/pueue/where")


def trouble(host: Host, code: int, said: str) -> str:
    """Why a host's queue gave no answer, and what to do."""
    if code == 127:
        return f"{said or 'no pueue'} ({host.name}); set hosts.{host.name}.pueue in the configuration, or type: pueue-skill setup {host.name}"
    if "Did you start" in said or "onnection refused" in said:
        # `ssh HOST pueued -d` hangs: the daemon keeps ssh's output.
        path = f"{host.pueue or 'pueue'}d"
        start = f"ssh {host.ssh} 'setsid {path} -d >/dev/null 2>&1 </dev/null'" if host.ssh else "pueued -d"
        again = f"So that it comes back by itself: pueue-skill setup {host.name}"
        return f"the daemon of {host.name} is not running: {said}\nStart it: {start}\n{again}"
    return f"{host.name} gave no answer (exit code {code}): {said}"


def advised(said: str, host: Host) -> str:
    """An error of pueue's; it says itself what to do."""
    return said


def callback(program: str) -> str:
    """The value of daemon.callback in pueue.yml that has `program`, the path of pueue-skill there, told of every job's end.

    pueue fills its template in without quoting and has sh run it, so that a job's command or group could run what it holds: only
    what pueue itself makes is asked for, a number and a word. Raises ValueError for a path that the template would be taken from.
    """
    if "{{" in program:
        raise ValueError(f"{program}: pueue would read {{{{ as a placeholder")
    return f"{quote.word(program)} notify --callback {{{{ id }}}} --result {{{{ result }}}} </dev/null"
