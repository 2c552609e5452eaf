"""What keeps a pueue 4 from working, as far as its host can tell: a host to sh text, and what that prints to a Findings.

The text only looks. Where a daemon lies is worked out as pueue does it, from the variables of whoever started it, so that a daemon
which is there but elsewhere is told from one that is not there, and two on one folder are seen.
"""

from __future__ import annotations

from pueue_skill.queues.pueue.site import PLACES, STATE, head
from pueue_skill.shell import quote
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


class Findings(NamedTuple):
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


# pueue is also looked for where a login shell finds it, and where people put programs.
LOOK = r"""exec 2>/dev/null
say() {{ printf '%s %s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ')"; }}
say home "$HOME"
wanted=$(command -v {wanted}) && say wanted "$wanted"
client=$wanted
if [ -z "$client" ]; then
  client=$( ({head}
    printf '%s' "$pq_pueue") 2>/dev/null) && say known "$client"
fi
if [ -z "$client" ]; then
  client=$("${{SHELL:-sh}}" -lc 'command -v pueue' </dev/null 2>/dev/null | tail -n 1)
fi
if ! [ -x "$client" ]; then
  for client in "$HOME"/bin/pueue "$HOME"/*/bin/pueue "$HOME"/.*/bin/pueue "$HOME"/.local/share/*/shims/pueue /opt/*/bin/pueue \
    /opt/pueue*/pueue /usr/local/*/bin/pueue /nix/var/nix/profiles/default/bin/pueue /run/current-system/sw/bin/pueue \
    /home/linuxbrew/.linuxbrew/bin/pueue /snap/bin/pueue "$HOME"/pueue*/pueue; do
    [ -x "$client" ] && break
  done
fi
[ -x "$client" ] || client=''
say client "$client"
if [ -n "$client" ]; then say version "$("$client" --version)"; fi
"""

# By the variables of the shell that asks: $pq_config, $pq_data and $socket.
AROUND = (
    r"""
# What pueue's configuration sets KEY to.
setting() {
  sed -e "s/[\"']//g" "$pq_config" | sed -n -e "s/^ *$1: *//p" -e "s/^.*[{,] *$1: *\([^,}]*\).*/\1/p" | head -n 1 |
    sed -e 's/^null$//' -e "s|^~|$HOME|"
}
places() {
"""
    + PLACES
    + STATE
    + r"""
  runtime=$(setting runtime_directory)
  socket=$(setting unix_socket_path)
  socket=${socket:-${runtime:-${XDG_RUNTIME_DIR:-$pq_data}}/pueue_${USER:-$(id -un)}.socket}
}
"""
)

# The same variables of another process of this user; macOS has no /proc, and its ps shows them to their owner.
DAEMONS = r"""
variable() {
  if [ -d /proc/self ]; then tr '\0' '\n' <"/proc/$1/environ"; else ps eww -o command= -p "$1" | tr ' ' '\n'; fi |
    sed -n "s/^$2=//p" | head -n 1
}
if [ -d /proc/self ]; then
  is_pueued() { read -r name <"/proc/$1/comm" && [ "$name" = pueued ] && [ -n "$(readlink "/proc/$1/exe")" ]; }
  pids() { for folder in /proc/[0-9]*; do if [ -O "$folder" ] && is_pueued "${folder#/proc/}"; then echo "${folder#/proc/}"; fi; done; }
else
  pids() { pgrep -x -U "$(id -u)" pueued; }
  is_pueued() { pids | grep -qx "$1"; }
fi
found_pids=" $(pids | tr '\n' ' ') "
for pid in $found_pids; do (
  # A job is a pueued too until its program is there.
  parent=$(ps -o ppid= -p "$pid" | tr -d ' ')
  parent=${parent:-$(sed 's/^.*) . \([0-9]*\).*$/\1/' "/proc/$pid/stat")}
  case $found_pids in *" $parent "*) exit ;; esac
  if [ -d /proc/self ]; then
    program=$(readlink "/proc/$pid/exe") version=$("/proc/$pid/exe" --version)
    given=$(tr '\0' '\n' <"/proc/$pid/cmdline" | sed -n -e '/^\(-c\|--config\)$/{' -e n -e p -e '}' -e 's/^--config=//p' | head -n 1)
  else
    program=$(ps -o comm= -p "$pid") version=$("$program" --version)
    given=$(ps -o command= -p "$pid" | sed -n 's/^.* \(-c\|--config\)[ =]\([^ ]*\).*$/\2/p')
  fi
  stopped=$(ps -o stat= -p "$pid" 2>/dev/null || sed 's/^.*) \(.\).*$/\1/' "/proc/$pid/stat")
  home=$(variable "$pid" HOME)
  HOME=${home:-$HOME} USER=$(variable "$pid" USER)
  for name in XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR PUEUE_CONFIG_PATH; do eval "$name=\$(variable $pid $name)"; done
  PUEUE_CONFIG_PATH=${given:-$PUEUE_CONFIG_PATH}
  places
  # One that has ended meanwhile, or has become a job, was none.
  is_pueued "$pid" && printf 'daemon %s\t%s\t%s\t%s\t%s\t%s\n' "$pid" "${version##* }" "$pq_data" "$socket" "$program" "$stopped"
); done
# As the clients that pueue-skill calls: where the folder of the login's services is there, its socket may be in it.
if [ -z "${XDG_RUNTIME_DIR-}" ] && [ -S "/run/user/$(id -u)/pueue_$(id -un).socket" ]; then export XDG_RUNTIME_DIR="/run/user/$(id -u)"; fi
places
if [ -f "$pq_config" ]; then say config "$pq_config"; fi
say data "$pq_data"
say socket "$socket"
if [ -S "$socket" ]; then say socket_there yes; fi
if [ -f "$pq_data/state.json" ]; then say state "$(($(wc -c <"$pq_data/state.json")))"; fi
"""

# As it was set up: a service of the user's, an agent of launchd, or else a process of its own, whose outputs are not ssh's.
START = r"""
runtime=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} program=$(command -v "${client}d" || command -v pueued)
for unit in "$HOME"/.config/systemd/user/pueued.service /etc/systemd/user/pueued.service /usr/lib/systemd/user/pueued.service; do
  if [ -f "$unit" ] && [ -S "$runtime/systemd/private" ]; then
    say start "XDG_RUNTIME_DIR=$runtime systemctl --user start pueued"
    exit 0
  fi
done
for agent in "$HOME"/Library/LaunchAgents/*pueue*.plist; do
  if [ -f "$agent" ]; then
    name=${agent##*/}
    say start "launchctl kickstart gui/$(id -u)/${name%.plist}"
    exit 0
  fi
done
if [ -n "$program" ]; then
  case $program in *[!A-Za-z0-9_@%+=:,./-]*) program="'$program'" ;; esac
  if command -v setsid >/dev/null; then program="setsid $program"; fi
  say start "$program -d >/dev/null 2>&1 </dev/null"
fi
exit 0
"""


def script(host: Host) -> str:
    look = LOOK.format(wanted=quote.path(host.pueue or "pueue"), head=head(host))
    return look + AROUND + DAEMONS + START


def read(answer: str) -> Findings:
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
    return Findings(
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
