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

from pueue_skill.queues.pueue.site import PLACES, STATE, candidates
from pueue_skill.queues.script import functions
from pueue_skill.queues.scripts import REPLY, reply
from pueue_skill.shell import quote
from pueue_skill.shell.model import Host
from pueue_skill.startup.record import NamedTuple

MANAGERS = {
    "brew": ("brew install --quiet pueue", "brew uninstall --quiet pueue"),
    "nix": (
        "nix --extra-experimental-features 'nix-command flakes' profile install nixpkgs#pueue",
        "nix --extra-experimental-features 'nix-command flakes' profile remove pueue",
    ),
    "apk": ("{root}apk add --quiet pueue", "{root}apk del --quiet pueue"),
    "pacman": (
        "{root}pacman --sync --needed --noconfirm pueue",
        "{root}pacman --remove --noconfirm pueue",
    ),
}
"""How a package manager installs pueue and removes it again, without a question."""

CHANGED, INSTEAD = 75, 10
"""How a script says that the host is not as it was looked at; a step, that it cannot be done but another way may be there."""

LOOK = r"""fact() { printf '%s\t%s\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }
limit=20
bounded() { if has timeout; then timeout "$limit" "$@" </dev/null; else "$@" </dev/null; fi; }
ask() { bounded "$pueue" "$@"; }
b64() { if has base64; then base64 <"$1"; else openssl base64 <"$1"; fi | tr -d '\n'; }
version() { bounded "$1" --version 2>/dev/null | sed -n '1s/^[a-z]* //p'; }
digest() {
  if has sha256sum; then sha256sum "$1"; elif has shasum; then shasum -a 256 "$1"; else openssl dgst -sha256 -r "$1"; fi |
    sed 's/^\\*\([0-9a-f]*\).*/\1/'
}
# rustup's rustc is a proxy that writes below the home when it runs: the default toolchain's own is asked.
rust_version() {
  rustc=$(command -v rustc) || return 0
  if [ "$rustc" -ef "${rustc%/*}/rustup" ] || [ "$(basename "$(readlink -f "$rustc")")" = rustup ]; then
    rustup=${RUSTUP_HOME:-$HOME/.rustup}
    name=${RUSTUP_TOOLCHAIN:-$(sed -n 's/^default_toolchain *= *"\([^"]*\)".*/\1/p' "$rustup/settings.toml" 2>/dev/null)}
    rustc=$rustup/toolchains/$name/bin/rustc
  fi
  if [ -x "$rustc" ]; then version "$rustc"; fi
}
root() { if [ "$uid" = 0 ]; then "$@"; else sudo -n "$@"; fi; }
user_systemctl() { XDG_RUNTIME_DIR=/run/user/$uid bounded systemctl --user "$@"; }
uid=$(id -u) user=$(id -un) record=$HOME/.local/share/pueue-skill/setup tab=$(printf '\t')
PATH=$PATH:$HOME/.local/bin:$HOME/.cargo/bin:/opt/homebrew/bin:/usr/local/bin
PATH=$PATH:$HOME/.nix-profile/bin:/nix/var/nix/profiles/default/bin
export PATH RUST_BACKTRACE=0

find_pueue() {
  pueue='' pueued=''
  for one in CANDIDATES; do if pueue=$(command -v "$one"); then break; fi; done
  if [ -n "$pueue" ]; then
    for one in "${pueue%/*}/pueued" pueued; do if pueued=$(command -v "$one"); then break; fi; done
  fi
}

# The state that a daemon with the configuration $1 keeps.
state_of() (
  pq_config=$1 pq_data=$usual
  STATE
  printf %s "$pq_data"
)

# Each daemon of this user and home: its process, and whether it keeps the state that is ours here. Where it looks for its socket
# is noted in $places, since a client with other variables looks elsewhere and believes it to be down.
look_for_daemons() {
  places='' daemons=''
  if [ -d /proc/self ]; then
    for dir in /proc/[0-9]*; do
      { read -r name <"$dir/comm"; } 2>/dev/null || continue
      case $name in *pueued*) ;; *) continue ;; esac
      [ -O "$dir" ] || continue
      variables=$(tr '\0' '\n' 2>/dev/null <"$dir/environ") || continue
      [ "$(printf '%s\n' "$variables" | sed -n 's/^HOME=//p')" = "$HOME" ] || continue
      its=$(printf '%s\n' "$variables" | sed -n 's/^PUEUE_CONFIG_PATH=//p')
      daemon "${dir#/proc/}" "$(tr '\0' '\n' 2>/dev/null <"$dir/cmdline")" "$its"
      places="$places
$(printf '%s\n' "$variables" | sed -n 's/^XDG_RUNTIME_DIR=//p')"
    done
  else
    for pid in $(ps -A -o pid=,uid=,comm= | awk -v uid="$uid" '$2 == uid && /pueued$/ { print $1 }'); do
      daemon "$pid" "$(ps -o args= -p "$pid" | tr ' ' '\n')" ''
    done
  fi
}
daemon() {
  its=$(printf '%s\n' "$2" | sed -n -e '/^-c$/{n;p;}' -e '/^--config$/{n;p;}' -e 's/^--config=//p')
  its=${its:-${3:-$pq_config}}
  if [ "$(state_of "$its")" = "$pq_data" ]; then daemons="$daemons $1"; else fact other "$1 $its"; fi
}

# Where the daemon answers a client: its groups in $answer, the XDG_RUNTIME_DIR that it takes in $place.
reach() {
  answer='' place='' limit=5
  if [ -n "$pueue" ]; then
    while IFS= read -r place; do
      if answer=$(XDG_RUNTIME_DIR=$place ask group --json 2>/dev/null); then break; fi
    done <<EOF
$(printf '%s\n' "${XDG_RUNTIME_DIR-}" "/run/user/$uid" "$places" '' | awk '!seen[$0]++')
EOF
  fi
  limit=20
  [ -n "$answer" ]
}
# The status of a group is no job's; that of a job is text in pueue 3, a table in 4.
unfinished() {
  XDG_RUNTIME_DIR=$place ask status --json 2>/dev/null | sed 's/"status":"[A-Za-z]*","parallel_tasks"//g' |
    grep -o '"status":{*"\(Queued\|Stashed\|Running\|Paused\|Locked\)"' | wc -l | tr -d ' '
}

look() {
  fact os "$(uname -s)"
  fact arch "$(uname -m)"
  if ls /lib/ld-musl-* >/dev/null 2>&1; then fact libc musl; else fact libc "$(getconf GNU_LIBC_VERSION 2>/dev/null)"; fi
  fact shell "${SHELL-}"
  fact home "$HOME"
  fact uid "$uid"
  fact user "$user"
  fact config "$pq_config"
  if [ -f "$pq_config" ]; then fact yaml "$(b64 "$pq_config")"; fi
  fact data "$pq_data"
  if [ -f "$record" ]; then fact record "$(b64 "$record")"; fi
  if [ -n "$pueue" ]; then fact pueue "$pueue" && fact version "$(version "$pueue")"; fi
  if [ "$(uname -s)" = Darwin ]; then own="$HOME/Library/Application Support"; else own=${XDG_CONFIG_HOME:-$HOME/.config}; fi
  if has pueue-skill && grep -Eqs '^[[:space:]]*(\[\[[[:space:]]*notify[[:space:]]*\]\]|notify[[:space:]]*=)' "$own/pueue-skill/config.toml"; then
    fact teller "$(command -v pueue-skill)"
  fi
  if [ -n "$pueued" ]; then fact pueued "$pueued" && fact daemon_version "$(version "$pueued")"; fi
  look_for_daemons
  for one in $daemons; do fact daemon "$one"; done
  if reach; then
    fact place "$place"
    fact groups "$(printf %s "$answer" | tr -d '\n')"
  fi
  if [ -d /run/systemd/system ] && has systemctl; then
    if user_systemctl show-environment >/dev/null 2>&1; then
      fact systemd user
      if user_systemctl is-enabled pueued.service >/dev/null 2>&1; then fact enabled yes; fi
    else
      fact systemd system
    fi
    for one in "$HOME/.config" /etc /usr/local/lib /usr/lib; do
      if [ -f "$one/systemd/user/pueued.service" ]; then fact unit "$one/systemd/user/pueued.service"; fi
    done
    if [ -e "/var/lib/systemd/linger/$user" ]; then fact linger yes; fi
  fi
  if [ "$(uname)" = Darwin ] && has launchctl; then
    fact launchd yes
    for one in "$HOME"/Library/LaunchAgents/*pueue*.plist; do if [ -f "$one" ]; then fact agent "$one"; fi; done
  fi
  for one in brew nix; do if has "$one"; then fact manager "$one"; fi; done
  for one in apk pacman; do if has "$one" && root true 2>/dev/null; then fact manager "$one"; fi; done
  if has cargo; then fact rust "$(rust_version)"; fi
  for one in curl wget; do if has "$one"; then fact fetch "$one"; fi; done
  for one in sha256sum shasum openssl; do if has "$one"; then fact digest "$one"; fi; done
}
mark() { printf '%s\n' "$1" | grep -v "^record$tab" | cksum; }
# What comes and goes by itself.
look_around() {
  look_for_daemons >/dev/null
  if reach; then fact unfinished "$(unfinished)"; fi
  at=$HOME/.local/bin
  until [ -d "$at" ]; do at=${at%/*}; done
  fact room "$(df -Pk "$at" | awk 'NR == 2 { print $4 }')"
  case $always$(version "$pueue")$(version "$pueued") in 4.*4.*) return ;; esac
  if has curl; then
    if curl --silent --head --max-time 8 --output /dev/null "$url"; then fact network yes; fi
  elif has wget; then
    said=$(wget -q --spider -T 8 -t 1 "$url" 2>&1)
    case $?$said in 0* | 8* | *'server returned'*) fact network yes ;; esac
  fi
}
""".replace("  STATE\n", "".join(f"  {line}\n" for line in STATE.splitlines()))

LOCK = r"""kept() {
  line=$1
  shift
  for word; do line=$line$tab$word; done
  printf '%s\n' "$line" >>"$record"
}
# DIR: makes it, and records which of its path were not there.
folder() (
  at=$1 missing=''
  until [ -d "$at" ]; do
    missing="$at
$missing"
    at=${at%/*}
  done
  mkdir -p "$1" || exit 73
  printf %s "$missing" | while read -r at; do kept folder "$at"; done
)
lock=$record.lock
for turn in 1 2 3 4 5; do
  (umask 077 && folder "${lock%/*}") && : >>"$lock" || exit 73
  exec 9>>"$lock"
  if has flock; then flock 9; elif has perl; then perl -e 'open(F, ">&=9"); flock(F, 2)'; fi
  if [ "$lock" -ef /dev/fd/9 ]; then break; fi # else it was removed while we waited
done
"""

# Steps run in a subshell of their own under `set -e`; what they print goes to stderr, before it the name of each to stdout.
DO = r"""# NEW FILE: puts a file in its place; what was there is kept beside it.
place_file() {
  if [ -e "$2" ]; then
    backup=$2.before-pueue-skill-$(date +%Y%m%d-%H%M%S)
    cp -p "$2" "$backup"
    kept backup "$backup" "$2"
  fi
  kept file "$(digest "$1")" "$2"
  mv -f "$1" "$2"
}
# FILE: writes standard input there, through a link to where somebody keeps their files.
write() {
  at=$1
  folder "${at%/*}"
  if [ -L "$at" ]; then at=$(readlink -f "$at"); fi
  if [ -e "$at" ]; then cp -p "$at" "$at.$$"; fi
  decoded >"$at.$$" || { rm -f "$at.$$"; exit 74; }
  place_file "$at.$$" "$at"
}
# COMMAND: puts the programs into their place, once `COMMAND` has made both of them in the folder $new and they run here.
install_from() {
  bin=$HOME/.local/bin
  folder "$bin"
  rm -rf "$bin"/.pueue-new-*
  new=$(mktemp -d "$bin/.pueue-new-XXXXXX")
  trap 'rm -rf "$new"' EXIT
  "$@"
  for name in pueue pueued; do
    chmod 755 "$new/$name"
    said=$("$new/$name" --version 2>&1) || said="$said (exit code $?)"
    case $said in
      "$name 4."*) ;;
      *) echo "$name of version 4 was expected, and $new/$name --version says: $said" >&2 && exit 10 ;;
    esac
  done
  for name in pueue pueued; do place_file "$new/$name" "$bin/$name"; done
}
# ASSET SUM NAME: a download into $new.
fetch() {
  if has curl; then curl --fail --silent --show-error --location --retry 2 --max-time 300 --output "$new/$3" "$url/$1"
  else wget -q -T 60 -O "$new/$3" "$url/$1"
  fi || { echo "$url/$1 could not be fetched" >&2; exit 10; }
  got=$(digest "$new/$3")
  if [ "$got" != "$2" ]; then
    echo "$url/$1 has the SHA-256 sum $got, not $2: it is not installed" >&2
    exit 1
  fi
}
# LOG: where the daemon says what keeps it from starting.
until_it_answers() {
  find_pueue
  turns=0
  until ask group >/dev/null 2>&1; do
    turns=$((turns + 1))
    if [ "$turns" = 100 ]; then
      echo "the daemon was started and does not answer: see $1" >&2
      exit 1
    fi
    sleep 0.1
  done
}
# GROUP LIMIT: what it was is recorded.
limit() {
  before=$(ask group --json | tr -d ' \n' | sed -n 's/.*"'"$1"'":{[^}]*"parallel_tasks":\([0-9]*\).*/\1/p')
  if [ -z "$before" ]; then
    kept group "$1"
    ask group add --parallel "$2" "$1"
  elif [ "$before" != "$2" ]; then
    kept limit "$1" "$before"
    ask parallel --group "$1" "$2"
  fi
}
step() {
  printf 'step %s\n' "$1"
  "$2" >&2 </dev/null
  status=$?
  printf 'end %s %s\n' "$1" "$status"
  if [ "$status" != 0 ]; then exit 1; fi
}
"""

UNDO = r"""if [ ! -s "$record" ]; then echo nothing && exit; fi
LOCK
if [ ! -s "$record" ]; then rm -f "$lock" && rmdir "${lock%/*}" && echo nothing && exit; fi
look_for_daemons >/dev/null
if reach && grep -q '^\(unit\|detached\|agent\)' "$record" && [ "$(unfinished)" != 0 ]; then
  echo "busy $(unfinished)" && exit
fi
export XDG_RUNTIME_DIR=$place
short() { case $1 in "$HOME"/*) printf '~%s\n' "${1#"$HOME"}" ;; *) printf '%s\n' "$1" ;; esac; }
undid() { printf 'took back ' && short "$1"; }
left() { printf 'left ' && short "$1"; }
folders=''
# The last that was made goes first.
undone=$(awk '{ line[NR] = $0 } END { for (i = NR; i; i--) print line[i] }' "$record")
while IFS=$tab read -r kind first second; do
  case $kind in
    file)
      if [ ! -e "$second" ]; then continue; fi
      if [ "$(digest "$second")" != "$first" ]; then left "$second, which was changed since"; continue; fi
      rm "$second" || exit 73
      undid "$second" ;;
    backup)
      if [ ! -e "$first" ]; then continue; fi
      if [ -e "$second" ]; then left "$first, which $second was before"; continue; fi
      mv "$first" "$second" || exit 73
      printf 'put back ' && short "$second" ;;
    link) if [ "$(readlink "$second")" = "$first" ]; then rm "$second" && undid "$second"; fi ;;
    folder)
      folders="$folders
$first" ;;
    group) if ask group remove "$first" >/dev/null 2>&1; then undid "the group $first"; fi ;;
    limit) if ask parallel --group "$first" "$second" >/dev/null 2>&1; then undid "the limit of $first: $second again"; fi ;;
    unit) user_systemctl disable --now "$first" >&2 && undid "the service $first" ;;
    agent) { launchctl bootout "gui/$uid" "$first" 2>/dev/null || launchctl bootout "user/$uid" "$first"; } && undid "the service" ;;
    detached)
      if ask shutdown >/dev/null 2>&1; then
        turns=0
        while [ "$turns" -lt 100 ] && ask group >/dev/null 2>&1; do sleep 0.1 && turns=$((turns + 1)); done
        undid "the daemon"
      fi ;;
    unread)
      case " $daemons " in
        *" $first "*)
          if ! grep -q '^\(unit\|detached\|agent\)' "$record"; then
            left "the callback in the daemon that runs (process $first), which forgets it when it is started anew"
          fi ;;
      esac ;;
    linger)
      loginctl --no-ask-password disable-linger "$user" 2>/dev/null || root loginctl disable-linger "$user"
      undid "that services of $user run without a login" ;;
    package) case $first in PACKAGES esac >&2 && undid "the package pueue of $first" ;;
  esac </dev/null
done <<EOF
$undone
EOF
if grep -q '^unit' "$record"; then user_systemctl daemon-reload; fi
if [ -d "$pq_data" ]; then left "$pq_data, the queue's state and the output of its jobs"; fi
rm -f "$record" "$lock"
printf '%s\n' "$folders" | while read -r at; do
  if [ -n "$at" ] && rmdir "$at" 2>/dev/null; then undid "$at"; fi
done
echo whole
""".replace("LOCK\n", LOCK)


class Found(NamedTuple):
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


class Step(NamedTuple):
    """One change: `what` and `why` for people, sh text, and what to name in Wish.without when it cannot be done (with INSTEAD).

    `brings` says what comes with it from this machine: copy or download.
    """

    name: str
    what: str
    why: str
    script: str
    instead: str = ""
    brings: str = ""


SEEN = r"""seen=$(look)
printf '%s\n' "$seen"
fact mark "$(mark "$seen")"
look_around
"""


def look_script(host: Host, url: str, always: bool) -> str:
    """`always`: whether `url` is reached is found out even where pueue is there already."""
    return f"{beginning(host, url)}always={'always' if always else ''}\necho '{REPLY}'\n{SEEN}"


def beginning(host: Host, url: str = "") -> str:
    look = LOOK.replace("CANDIDATES", " ".join(map(quote.path, candidates(host))))
    return f"url={quote.word(url)}\n{look}{PLACES}usual=$pq_data\n{STATE}find_pueue\n"


def read_look(answer: str) -> Found:
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
    return Found(
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


def do_script(host: Host, url: str, mark: str, todo: Sequence[Step], files: Mapping[str, bytes]) -> str:
    """Carries out steps, unless the host is no longer as it was when it was given `mark`."""
    sends = [
        f"{name}) {quote.heredoc('decoded', base64.encodebytes(gzip.compress(content, 6, mtime=0)).decode())};;\n"
        for name, content in files.items()
    ]
    send = f"send() {{\n{{ case $1 in\n{''.join(sends)}esac; }} | gzip -dc\n}}\n" if files else ""
    calls = "".join([f"one() (\nset -e\n{step.script})\nstep {quote.word(step.name)} one\n" for step in todo])
    return (
        f"{{\n{beginning(host, url)}{functions('queues/decoded')}{DO}{send}{LOCK}echo '{REPLY}'\n"
        f'if [ "$(mark "$(look)")" != {quote.word(mark)} ]; then exit {CHANGED}; fi\n{calls}echo whole\n}}\n'
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
    note = "kept proved\n" if proved else ""
    return f"{beginning(host, '')}{LOCK}ask kill {int(id)}\nask remove {int(id)} || exit 69\n{note}echo '{REPLY}'\n"


def undo_script(host: Host) -> str:
    packages = " ".join([f"{name}) {MANAGERS[name][1].format(root='root ')} ;;" for name in MANAGERS])
    return f"{{\n{beginning(host, '')}echo '{REPLY}'\n{UNDO.replace('PACKAGES', packages)}}}\n"
