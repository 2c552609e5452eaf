# Examines a host for a setup. `print_facts` prints one line per fact: name, tab, value. Leaves the client and the daemon's program in
# $pueue and $pueued, and the state that a client of this shell uses in $pq_data. $record is the file with the changes of earlier setups,
# one per line, the fields with tabs between (provision_record.sh).
# shellcheck disable=SC2030,SC2031,SC2034 # state_of sets variables in a subshell; the scripts that include this read the others

. queues/pueue/sh/lib/find.sh
. queues/pueue/sh/lib/places.sh

fact() { printf '%s\t%s\n' "$1" "$2"; }
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
# rustup's rustc is a proxy that writes below the home when it runs, so this asks rustc of the default toolchain.
rust_version() {
    rustc=$(command -v rustc) || return 0
    # shellcheck disable=SC3013 # every sh of a host has -ef
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
PATH=$PATH:$pq_folders:$HOME/.nix-profile/bin:/nix/var/nix/profiles/default/bin
export PATH RUST_BACKTRACE=0

find_pueue() {
    pueued=''
    find_client
    pueue=$pq_pueue
    if [ -n "$pueue" ]; then
        for program in "${pueue%/*}/pueued" pueued; do if pueued=$(command -v "$program"); then break; fi; done
    fi
}

# state_of CONFIG: prints the folder of the state of a daemon with that configuration
state_of() (
    pq_config=$1 pq_data=$pq_default_data
    find_state
    printf %s "$pq_data"
)

# Leaves the process ids of this user's daemons with the state $pq_data in $daemons, and prints those with another state as facts. Their
# XDG_RUNTIME_DIR goes into $places: a client with another value does not find the socket.
find_daemons() {
    places='' daemons=''
    if [ -d /proc/self ]; then
        for dir in /proc/[0-9]*; do
            { read -r name <"$dir/comm"; } 2>/dev/null || continue
            case $name in *pueued*) ;; *) continue ;; esac
            # shellcheck disable=SC3067 # every sh of a host has -O
            [ -O "$dir" ] || continue
            variables=$(tr '\0' '\n' 2>/dev/null <"$dir/environ") || continue
            [ "$(printf '%s\n' "$variables" | sed -n 's/^HOME=//p')" = "$HOME" ] || continue
            config=$(printf '%s\n' "$variables" | sed -n 's/^PUEUE_CONFIG_PATH=//p')
            add_daemon "${dir#/proc/}" "$(tr '\0' '\n' 2>/dev/null <"$dir/cmdline")" "$config"
            places="$places
$(printf '%s\n' "$variables" | sed -n 's/^XDG_RUNTIME_DIR=//p')"
        done
    else
        for pid in $(ps -A -o pid=,uid=,comm= | awk -v uid="$uid" '$2 == uid && /pueued$/ { print $1 }'); do
            add_daemon "$pid" "$(ps -o args= -p "$pid" | tr ' ' '\n')" ''
        done
    fi
}
# add_daemon PID ARGUMENTS CONFIG: the arguments one per line, and PUEUE_CONFIG_PATH
add_daemon() {
    config=$(printf '%s\n' "$2" | sed -n -e '/^-c$/{n;p;}' -e '/^--config$/{n;p;}' -e 's/^--config=//p')
    config=${config:-${3:-$pq_config}}
    if [ "$(state_of "$config")" = "$pq_data" ]; then daemons="$daemons $1"; else fact other "$1 $config"; fi
}

# Succeeds if the daemon answers a client: leaves its groups in $answer, and the XDG_RUNTIME_DIR with which it answers in $place.
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
# Prints the number of jobs that are not done. The status of a job is text in pueue 3, an object in 4; that of a group is removed.
unfinished() {
    XDG_RUNTIME_DIR=$place ask status --json 2>/dev/null | sed 's/"status":"[A-Za-z]*","parallel_tasks"//g' |
        grep -o '"status":{*"\(Queued\|Stashed\|Running\|Paused\|Locked\)"' | wc -l | tr -d ' '
}

print_facts() {
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
    if [ "$(uname -s)" = Darwin ]; then configs="$HOME/Library/Application Support"; else configs=${XDG_CONFIG_HOME:-$HOME/.config}; fi
    if has pueue-skill && grep -Eqs '^[[:space:]]*(\[\[[[:space:]]*notify[[:space:]]*\]\]|notify[[:space:]]*=)' "$configs/pueue-skill/config.toml"; then
        fact teller "$(command -v pueue-skill)"
    fi
    if [ -n "$pueued" ]; then fact pueued "$pueued" && fact daemon_version "$(version "$pueued")"; fi
    find_daemons
    for pid in $daemons; do fact daemon "$pid"; done
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
        for dir in "$HOME/.config" /etc /usr/local/lib /usr/lib; do
            if [ -f "$dir/systemd/user/pueued.service" ]; then fact unit "$dir/systemd/user/pueued.service"; fi
        done
        if [ -e "/var/lib/systemd/linger/$user" ]; then fact linger yes; fi
    fi
    if [ "$(uname)" = Darwin ] && has launchctl; then
        fact launchd yes
        for file in "$HOME"/Library/LaunchAgents/*pueue*.plist; do if [ -f "$file" ]; then fact agent "$file"; fi; done
    fi
    for name in brew nix; do if has "$name"; then fact manager "$name"; fi; done
    for name in apk pacman; do if has "$name" && root true 2>/dev/null; then fact manager "$name"; fi; done
    if has cargo; then fact rust "$(rust_version)"; fi
    for name in curl wget; do if has "$name"; then fact fetch "$name"; fi; done
    for name in sha256sum shasum openssl; do if has "$name"; then fact digest "$name"; fi; done
}
mark() { printf '%s\n' "$1" | grep -v "^record$tab" | cksum; }

find_places
find_pueue
