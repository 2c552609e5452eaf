# Tells what keeps a pueue from working, as far as its host can tell; it only looks. Prints lines `KEY VALUE`: home, wanted (the client
# PQ_PUEUE), client (the one that is there, which may be another), known (that find.sh finds it), version, config, data and socket (where the
# daemon's files are), socket_there, state (bytes), start (how the daemon is set up to be started); and a line `daemon` for each pueued of
# this user, its values with tabs between: PID VERSION DATA SOCKET PROGRAM STATE.
#
# Where a daemon lies is worked out as pueue does it, from the variables of whoever started it, so that a daemon which is there but elsewhere
# is told from one that is not there, and two on one folder are seen.

. queues/pueue/sh/lib/find.sh
. queues/pueue/sh/lib/places.sh

say() { printf '%s %s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ')"; }

# Leaves the client in $client. pueue is also looked for where a login shell finds it, and where people put programs.
look_for_client() {
    find_client
    client=$(command -v "${PQ_PUEUE:-pueue}")
    if [ -n "$client" ]; then
        say wanted "$client"
    elif [ -n "$pq_pueue" ]; then
        client=$pq_pueue
        say known "$client"
    else
        client=$("${SHELL:-sh}" -lc 'command -v pueue' </dev/null | tail -n 1)
    fi
    if [ -x "$client" ]; then return; fi
    for client in "$HOME"/bin/pueue "$HOME"/*/bin/pueue "$HOME"/.*/bin/pueue "$HOME"/.local/share/*/shims/pueue /opt/*/bin/pueue \
        /opt/pueue*/pueue /usr/local/*/bin/pueue /nix/var/nix/profiles/default/bin/pueue /run/current-system/sw/bin/pueue \
        /home/linuxbrew/.linuxbrew/bin/pueue /snap/bin/pueue "$HOME"/pueue*/pueue; do
        if [ -x "$client" ]; then return; fi
    done
    client=''
}

# setting KEY: what pueue's configuration sets it to
setting() {
    sed -e "s/[\"']//g" "$pq_config" | sed -n -e "s/^ *$1: *//p" -e "s/^.*[{,] *$1: *\([^,}]*\).*/\1/p" | head -n 1 |
        sed -e 's/^null$//' -e "s|^~|$HOME|"
}
# By the variables of this shell: $pq_config, $pq_data and $socket.
find_socket() {
    find_places
    runtime=$(setting runtime_directory)
    socket=$(setting unix_socket_path)
    socket=${socket:-${runtime:-${XDG_RUNTIME_DIR:-$pq_data}}/pueue_${USER:-$(id -un)}.socket}
}

# variable PID NAME: that of another process of this user; macOS has no /proc, and its ps shows them to their owner
variable() {
    if [ -d /proc/self ]; then tr '\0' '\n' <"/proc/$1/environ"; else ps eww -o command= -p "$1" | tr ' ' '\n'; fi |
        sed -n "s/^$2=//p" | head -n 1
}
is_pueued() {
    if [ -d /proc/self ]; then
        read -r name <"/proc/$1/comm" && [ "$name" = pueued ] && [ -n "$(readlink "/proc/$1/exe")" ]
    else
        pids | grep -qx "$1"
    fi
}
pids() {
    if [ -d /proc/self ]; then
        for folder in /proc/[0-9]*; do
            # shellcheck disable=SC3067 # every sh of a host has -O
            if [ -O "$folder" ] && is_pueued "${folder#/proc/}"; then echo "${folder#/proc/}"; fi
        done
    else
        pgrep -x -U "$(id -u)" pueued
    fi
}
# daemon PID: the line of one
daemon() {
    # A job is a pueued too until its program is there.
    parent=$(ps -o ppid= -p "$1" | tr -d ' ')
    parent=${parent:-$(sed 's/^.*) . \([0-9]*\).*$/\1/' "/proc/$1/stat")}
    case $found_pids in *" $parent "*) return ;; esac
    if [ -d /proc/self ]; then
        program=$(readlink "/proc/$1/exe") version=$("/proc/$1/exe" --version)
        given=$(tr '\0' '\n' <"/proc/$1/cmdline" | sed -n -e '/^\(-c\|--config\)$/{' -e n -e p -e '}' -e 's/^--config=//p' | head -n 1)
    else
        program=$(ps -o comm= -p "$1") version=$("$program" --version)
        given=$(ps -o command= -p "$1" | sed -n 's/^.* \(-c\|--config\)[ =]\([^ ]*\).*$/\2/p')
    fi
    stopped=$(ps -o stat= -p "$1" || sed 's/^.*) \(.\).*$/\1/' "/proc/$1/stat")
    home=$(variable "$1" HOME)
    HOME=${home:-$HOME} USER=$(variable "$1" USER)
    for name in XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR PUEUE_CONFIG_PATH; do eval "$name=\$(variable $1 $name)"; done
    PUEUE_CONFIG_PATH=${given:-$PUEUE_CONFIG_PATH}
    find_socket
    # One that has ended meanwhile, or has become a job, was none.
    is_pueued "$1" && printf 'daemon %s\t%s\t%s\t%s\t%s\t%s\n' "$1" "${version##* }" "$pq_data" "$socket" "$program" "$stopped"
}

# How the daemon was set up to be started: as a service of the user's, an agent of launchd, or else a process of its own, whose outputs are
# not ssh's.
tell_start() {
    runtime=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} program=$(command -v "${client}d" || command -v pueued)
    for unit in "$HOME"/.config/systemd/user/pueued.service /etc/systemd/user/pueued.service /usr/lib/systemd/user/pueued.service; do
        if [ -f "$unit" ] && [ -S "$runtime/systemd/private" ]; then
            say start "XDG_RUNTIME_DIR=$runtime systemctl --user start pueued"
            return
        fi
    done
    for agent in "$HOME"/Library/LaunchAgents/*pueue*.plist; do
        if [ -f "$agent" ]; then
            name=${agent##*/}
            say start "launchctl kickstart gui/$(id -u)/${name%.plist}"
            return
        fi
    done
    if [ -n "$program" ]; then
        case $program in *[!A-Za-z0-9_@%+=:,./-]*) program="'$program'" ;; esac
        if command -v setsid >/dev/null; then program="setsid $program"; fi
        say start "$program -d >/dev/null 2>&1 </dev/null"
    fi
}

exec 2>/dev/null
say home "$HOME"
look_for_client
say client "$client"
if [ -n "$client" ]; then say version "$("$client" --version)"; fi
found_pids=" $(pids | tr '\n' ' ') "
for pid in $found_pids; do (daemon "$pid"); done
# As the clients that pueue-skill calls: where the folder of the login's services is there, its socket may be in it.
if [ -z "${XDG_RUNTIME_DIR-}" ] && [ -S "/run/user/$(id -u)/pueue_$(id -un).socket" ]; then
    XDG_RUNTIME_DIR="/run/user/$(id -u)"
    export XDG_RUNTIME_DIR
fi
find_socket
if [ -f "$pq_config" ]; then say config "$pq_config"; fi
say data "$pq_data"
say socket "$socket"
if [ -S "$socket" ]; then say socket_there yes; fi
if [ -f "$pq_data/state.json" ]; then say state "$(($(wc -c <"$pq_data/state.json")))"; fi
tell_start
exit 0
