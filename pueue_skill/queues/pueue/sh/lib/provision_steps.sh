# The steps of a setup, each a function, and the functions that they share; after provision.sh and provision_record.sh. A step runs in a
# subshell with `set -e`; its output is for people. It exits with 10 if it cannot be carried out but another source may work. PQ_PUEUE_GZ
# and PQ_PUEUED_GZ are the programs, if the caller supplies them, gzipped and in base64.
# shellcheck disable=SC2015,SC2154 # rm runs unless the id is a daemon's; provision.sh sets pueue, record and other variables
: "${PQ_URL?}" "${PQ_PUEUE_GZ?}" "${PQ_PUEUED_GZ?}"

. queues/sh/lib/decoded.sh

# send NAME: prints a program that the caller supplies
send() {
    if [ "$1" = pueue ]; then printf %s "$PQ_PUEUE_GZ"; else printf %s "$PQ_PUEUED_GZ"; fi | decoded | gzip -dc
}
# place_file NEW FILE: moves a file into its place, after a backup of the existing file in the same folder.
place_file() {
    if [ -e "$2" ]; then
        backup=$2.before-pueue-skill-$(date +%Y%m%d-%H%M%S)
        # Two changes within a second: the first backup holds the user's own file.
        while [ -e "$backup" ]; do backup=$backup-; done
        cp -p "$2" "$backup"
        record_change backup "$backup" "$2"
    fi
    record_change file "$(digest "$1")" "$2"
    mv -f "$1" "$2"
}
# write FILE BASE64: follows a symbolic link, as people keep such files in a repository
write() {
    file=$1
    folder "${file%/*}"
    if [ -L "$file" ]; then file=$(readlink -f "$file"); fi
    if [ -e "$file" ]; then cp -p "$file" "$file.$$"; fi
    printf %s "$2" | decoded >"$file.$$" || {
        rm -f "$file.$$"
        exit 74
    }
    place_file "$file.$$" "$file"
}
# install_from COMMAND: installs both programs once `COMMAND` has made them in the folder $new and they run on this host.
install_from() {
    folder "$pq_bin"
    rm -rf "$pq_bin"/.pueue-new-*
    new=$(mktemp -d "$pq_bin/.pueue-new-XXXXXX")
    trap 'rm -rf "$new"' EXIT
    "$@"
    for name in pueue pueued; do
        chmod 755 "$new/$name"
        output=$("$new/$name" --version 2>&1) || output="$output (exit code $?)"
        case $output in
            "$name 4."*) ;;
            *) echo "$name is not version 4: $new/$name --version prints: $output" >&2 && exit 10 ;;
        esac
    done
    for name in pueue pueued; do place_file "$new/$name" "$pq_bin/$name"; done
}
# fetch ASSET SUM NAME: downloads a program into $new.
fetch() {
    if has curl; then
        curl --fail --silent --show-error --location --retry 2 --max-time 300 --output "$new/$3" "$PQ_URL/$1"
    else
        wget -q -T 60 -O "$new/$3" "$PQ_URL/$1"
    fi || {
        echo "cannot download $PQ_URL/$1" >&2
        exit 10
    }
    sum=$(digest "$new/$3")
    if [ "$sum" != "$2" ]; then
        echo "$PQ_URL/$1 has the SHA-256 checksum $sum, not $2: not installed" >&2
        exit 1
    fi
}
fetch_both() {
    fetch "$1" "$2" pueue
    fetch "$3" "$4" pueued
}
build() {
    cargo install pueue --version "$1" --locked --quiet --root "$new/built" || exit 10
    mv "$new/built/bin/pueue" "$new/built/bin/pueued" "$new/"
}
send_both() {
    send pueue >"$new/pueue"
    send pueued >"$new/pueued"
}
# wait_for_daemon LOG: LOG is where the daemon reports why it does not start.
wait_for_daemon() {
    find_pueue
    attempts=0
    until ask group >/dev/null 2>&1; do
        attempts=$((attempts + 1))
        if [ "$attempts" = 100 ]; then
            echo "the daemon was started but does not answer: see $1" >&2
            exit 1
        fi
        sleep 0.1
    done
}
shut_down() {
    ask shutdown
    while ask group >/dev/null 2>&1; do sleep 0.1; done
}
# prepare_start RUNTIME: creates the daemon's folder, closed to other users as pueue stores the environment of jobs in it, and removes the
# PID file of a daemon that has ended: after a crash another program may have that id, and then no daemon starts.
prepare_start() {
    (umask 077 && mkdir -p "$pq_data")
    chmod 700 "$pq_data"
    pid=$(cat "$1/pueue.pid" 2>/dev/null) && { cat "/proc/$pid/comm" 2>/dev/null || ps -o comm= -p "$pid"; } | grep -q pueued || rm -f "$1/pueue.pid"
}
# start RUNTIME WORD...: starts a daemon that is independent of ssh and holds none of this script's locks
start() {
    prepare_start "$1"
    shift
    if has setsid; then detach='setsid'; else detach='nohup'; fi
    cd /
    "$detach" "$@" >>"$pq_data/pueued.log" 2>&1 </dev/null 8>&- 9>&- &
}

# retire PLACE VERSION: stops the daemon of an older pueue, which answers with that XDG_RUNTIME_DIR, and keeps a copy of its state
retire() {
    export XDG_RUNTIME_DIR="$1"
    if [ -d /run/systemd/system ] && user_systemctl is-active pueued.service; then
        user_systemctl stop pueued.service
        while ask group >/dev/null 2>&1; do sleep 0.1; done
    else
        shut_down
    fi
    if [ -f "$pq_data/state.json" ]; then cp -p "$pq_data/state.json" "$pq_data/state.json.of-pueue-$2"; fi
}
linger() {
    loginctl --no-ask-password enable-linger "$user" || root loginctl enable-linger "$user" || exit 10
    record_change linger
    attempts=0
    until user_systemctl show-environment >/dev/null 2>&1; do
        attempts=$((attempts + 1))
        if [ "$attempts" = 100 ]; then exit 10; fi
        sleep 0.1
    done
}
# from_package MANAGER WORD...: the words are the command of the package manager
from_package() {
    manager=$1
    shift
    "$@" || exit 10
    find_pueue
    case $(version "$pueue") in
        4.*) record_change package "$manager" ;;
        *)
            echo "$manager has no pueue 4" >&2
            exit 10
            ;;
    esac
    folder "$pq_bin"
    for program in "$pueue" "$pueued"; do
        link=$pq_bin/${program##*/}
        if [ ! -e "$link" ]; then record_change link "$program" "$link" && ln -s "$program" "$link"; fi
    done
}
# from_release ASSET SUM ASSET SUM: for pueue, then for pueued
from_release() { install_from fetch_both "$@"; }
# from_cargo VERSION
from_cargo() { install_from build "$1"; }
from_here() { install_from send_both; }
# configure FILE BASE64 PID...: the running daemons, which read it when they start again
configure() {
    write "$1" "$2"
    shift 2
    for pid; do record_change unread "$pid"; done
}
# unit RUNTIME FILE BASE64 ENABLED RUNNING: makes pueued a systemd unit of the user. FILE is empty if the unit exists; ENABLED=1 and
# RUNNING=1 if it is enabled or running.
unit() {
    if [ -n "$2" ]; then write "$2" "$3"; fi
    if [ -z "$4" ]; then record_change unit pueued.service; fi
    if [ -z "$5" ]; then prepare_start "$1"; fi
    user_systemctl daemon-reload
    if [ -n "$5" ]; then
        user_systemctl enable pueued.service
    else
        user_systemctl enable --now pueued.service
        wait_for_daemon 'journalctl --user --unit pueued'
    fi
}
# agent RUNTIME FILE BASE64 RUNNING: makes pueued a launchd agent of the user. BASE64 is empty if the file exists.
agent() {
    if [ -n "$3" ]; then write "$2" "$3"; fi
    record_change agent "$2"
    if [ -n "$4" ]; then return; fi
    prepare_start "$1"
    launchctl bootstrap "gui/$uid" "$2" || launchctl bootstrap "user/$uid" "$2"
    wait_for_daemon "$pq_data/pueued.log"
}
# detached RUNTIME WORD...: starts the daemon; the words are its command
detached() {
    record_change detached
    start "$@"
    wait_for_daemon "$pq_data/pueued.log"
}
# restart RUNTIME WORD...: restarts the daemon, unless jobs were submitted meanwhile. It takes the lock of submissions.
restart() {
    if [ -d "$pq_data" ] && has flock; then exec 8>>"$pq_data/pueue-skill.lock" && flock 8; fi
    find_pueue
    find_daemons >/dev/null
    if reach && [ "$(unfinished)" != 0 ]; then
        echo "jobs were submitted meanwhile" >&2
        exit 10
    fi
    export XDG_RUNTIME_DIR="$place"
    if [ -d /run/systemd/system ] && user_systemctl is-active pueued.service; then
        user_systemctl restart pueued.service
    elif grep -q '^detached' "$record"; then
        shut_down
        start "$@"
    else
        echo "the daemon was not started by its service" >&2
        exit 10
    fi
    wait_for_daemon "$pq_data/pueued.log"
}
# limits GROUP LIMIT...: sets limits, and records the previous ones
limits() {
    find_pueue
    while [ "$#" -gt 0 ]; do
        before=$(ask group --json | tr -d ' \n' | sed -n 's/.*"'"$1"'":{[^}]*"parallel_tasks":\([0-9]*\).*/\1/p')
        if [ -z "$before" ]; then
            record_change group "$1"
            ask group add --parallel "$2" "$1"
        elif [ "$before" != "$2" ]; then
            record_change limit "$1" "$before"
            ask parallel --group "$1" "$2"
        fi
        shift 2
    done
}
