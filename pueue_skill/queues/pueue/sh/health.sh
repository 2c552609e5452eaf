# Examines the installation of pueue; it changes nothing. Prints lines `KEY VALUE`: home, wanted (the client PQ_PUEUE), client (the client
# that exists, which may be another), known (that client, if find.sh finds it), version, config, data and socket (the paths of the
# daemon's files), socket_there, state (bytes), start (the command that starts the daemon); and a line `daemon` for each pueued of this
# user, its values with tabs between: PID VERSION DATA SOCKET PROGRAM STATE.
#
# pueue derives the paths of a daemon from the environment in which it was started; so does this script. It therefore distinguishes a daemon
# with other paths from a missing one, and detects two daemons with the same folder.

. queues/pueue/sh/lib/find.sh
. queues/pueue/sh/lib/places.sh

report() { printf '%s %s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ')"; }

# Leaves the client in $client. Searches the PATH of a login shell too, and the folders in which people install programs.
look_for_client() {
    find_client
    client=$(command -v "${PQ_PUEUE:-pueue}")
    if [ -n "$client" ]; then
        report wanted "$client"
    elif [ -n "$pq_pueue" ]; then
        client=$pq_pueue
        report known "$client"
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

# setting KEY: its value in pueue's configuration
setting() {
    sed -e "s/[\"']//g" "$pq_config" | sed -n -e "s/^ *$1: *//p" -e "s/^.*[{,] *$1: *\([^,}]*\).*/\1/p" | head -n 1 |
        sed -e 's/^null$//' -e "s|^~|$HOME|"
}
# Sets $pq_config, $pq_data and $socket by the variables of this shell.
find_socket() {
    find_places
    runtime=$(setting runtime_directory)
    socket=$(setting unix_socket_path)
    socket=${socket:-${runtime:-${XDG_RUNTIME_DIR:-$pq_data}}/pueue_${USER:-$(id -un)}.socket}
}

# variable PID NAME: a variable of another process of this user. macOS has no /proc; its ps shows the environment to the owner.
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
# daemon PID: prints its line
daemon() {
    # A job is a pueued too until it has started its program.
    parent=$(ps -o ppid= -p "$1" | tr -d ' ')
    parent=${parent:-$(sed 's/^.*) . \([0-9]*\).*$/\1/' "/proc/$1/stat")}
    case $found_pids in *" $parent "*) return ;; esac
    if [ -d /proc/self ]; then
        program=$(readlink "/proc/$1/exe") version=$("/proc/$1/exe" --version)
        config=$(tr '\0' '\n' <"/proc/$1/cmdline" | sed -n -e '/^\(-c\|--config\)$/{' -e n -e p -e '}' -e 's/^--config=//p' | head -n 1)
    else
        program=$(ps -o comm= -p "$1") version=$("$program" --version)
        config=$(ps -o command= -p "$1" | sed -n 's/^.* \(-c\|--config\)[ =]\([^ ]*\).*$/\2/p')
    fi
    stopped=$(ps -o stat= -p "$1" || sed 's/^.*) \(.\).*$/\1/' "/proc/$1/stat")
    home=$(variable "$1" HOME)
    HOME=${home:-$HOME} USER=$(variable "$1" USER)
    for name in XDG_CONFIG_HOME XDG_DATA_HOME XDG_RUNTIME_DIR PUEUE_CONFIG_PATH; do eval "$name=\$(variable $1 $name)"; done
    PUEUE_CONFIG_PATH=${config:-$PUEUE_CONFIG_PATH}
    find_socket
    # Prints nothing for a process that ended meanwhile or was a job that had just started.
    is_pueued "$1" && printf 'daemon %s\t%s\t%s\t%s\t%s\t%s\n' "$1" "${version##* }" "$pq_data" "$socket" "$program" "$stopped"
}

# Prints how to start the daemon: its systemd service or launchd agent, otherwise the program, with outputs that do not keep ssh open.
print_start() {
    runtime=${XDG_RUNTIME_DIR:-/run/user/$(id -u)} program=$(command -v "${client}d" || command -v pueued)
    for unit in "$HOME"/.config/systemd/user/pueued.service /etc/systemd/user/pueued.service /usr/lib/systemd/user/pueued.service; do
        if [ -f "$unit" ] && [ -S "$runtime/systemd/private" ]; then
            report start "XDG_RUNTIME_DIR=$runtime systemctl --user start pueued"
            return
        fi
    done
    for agent in "$HOME"/Library/LaunchAgents/*pueue*.plist; do
        if [ -f "$agent" ]; then
            name=${agent##*/}
            report start "launchctl kickstart gui/$(id -u)/${name%.plist}"
            return
        fi
    done
    if [ -n "$program" ]; then
        case $program in *[!A-Za-z0-9_@%+=:,./-]*) program="'$program'" ;; esac
        if command -v setsid >/dev/null; then program="setsid $program"; fi
        report start "$program -d >/dev/null 2>&1 </dev/null"
    fi
}

exec 2>/dev/null
report home "$HOME"
look_for_client
report client "$client"
if [ -n "$client" ]; then report version "$("$client" --version)"; fi
found_pids=" $(pids | tr '\n' ' ') "
for pid in $found_pids; do (daemon "$pid"); done
# The socket may be in the runtime directory of the user's services, as in client.sh.
if [ -z "${XDG_RUNTIME_DIR-}" ] && [ -S "/run/user/$(id -u)/pueue_$(id -un).socket" ]; then
    XDG_RUNTIME_DIR="/run/user/$(id -u)"
    export XDG_RUNTIME_DIR
fi
find_socket
if [ -f "$pq_config" ]; then report config "$pq_config"; fi
report data "$pq_data"
report socket "$socket"
if [ -S "$socket" ]; then report socket_there yes; fi
if [ -f "$pq_data/state.json" ]; then report state "$(($(wc -c <"$pq_data/state.json")))"; fi
print_start
exit 0
