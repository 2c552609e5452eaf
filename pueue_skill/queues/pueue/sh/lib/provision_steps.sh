# The steps of a setup, each a function, and what they share; after provision.sh and provision_record.sh. A step runs in a subshell of its
# own under `set -e`; what it prints is for people. It ends with 10 when it cannot be done but another way may be there. PQ_PUEUE_GZ and
# PQ_PUEUED_GZ are programs that come along, compressed and in base64.
# shellcheck disable=SC2015,SC2154 # rm runs whenever the id is no daemon's; provision.sh sets pueue and the like
: "${PQ_URL?}" "${PQ_PUEUE_GZ?}" "${PQ_PUEUED_GZ?}"

. queues/sh/lib/decoded.sh

# send NAME: a program that comes along
send() {
    if [ "$1" = pueue ]; then printf %s "$PQ_PUEUE_GZ"; else printf %s "$PQ_PUEUED_GZ"; fi | decoded | gzip -dc
}
# place_file NEW FILE: puts a file in its place; what was there is kept beside it.
place_file() {
    if [ -e "$2" ]; then
        backup=$2.before-pueue-skill-$(date +%Y%m%d-%H%M%S)
        cp -p "$2" "$backup"
        kept backup "$backup" "$2"
    fi
    kept file "$(digest "$1")" "$2"
    mv -f "$1" "$2"
}
# write FILE BASE64: through a link to where somebody keeps their files
write() {
    at=$1
    folder "${at%/*}"
    if [ -L "$at" ]; then at=$(readlink -f "$at"); fi
    if [ -e "$at" ]; then cp -p "$at" "$at.$$"; fi
    printf %s "$2" | decoded >"$at.$$" || {
        rm -f "$at.$$"
        exit 74
    }
    place_file "$at.$$" "$at"
}
# install_from COMMAND: puts the programs into their place, once `COMMAND` has made both of them in the folder $new and they run here.
install_from() {
    folder "$pq_bin"
    rm -rf "$pq_bin"/.pueue-new-*
    new=$(mktemp -d "$pq_bin/.pueue-new-XXXXXX")
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
    for name in pueue pueued; do place_file "$new/$name" "$pq_bin/$name"; done
}
# fetch ASSET SUM NAME: a download into $new.
fetch() {
    if has curl; then
        curl --fail --silent --show-error --location --retry 2 --max-time 300 --output "$new/$3" "$PQ_URL/$1"
    else
        wget -q -T 60 -O "$new/$3" "$PQ_URL/$1"
    fi || {
        echo "$PQ_URL/$1 could not be fetched" >&2
        exit 10
    }
    got=$(digest "$new/$3")
    if [ "$got" != "$2" ]; then
        echo "$PQ_URL/$1 has the SHA-256 sum $got, not $2: it is not installed" >&2
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
# until_it_answers LOG: where the daemon says what keeps it from starting.
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
shut_down() {
    ask shutdown
    while ask group >/dev/null 2>&1; do sleep 0.1; done
}
# ready RUNTIME: before a daemon is started. Its folder is there, and closed to others, since pueue keeps the variables of jobs; and so is not
# the process id of one that is gone: after a crash it may be another program's by now, and then no daemon would start.
ready() {
    (umask 077 && mkdir -p "$pq_data")
    chmod 700 "$pq_data"
    pid=$(cat "$1/pueue.pid" 2>/dev/null) && { cat "/proc/$pid/comm" 2>/dev/null || ps -o comm= -p "$pid"; } | grep -q pueued || rm -f "$1/pueue.pid"
}
# start RUNTIME WORD...: starts a daemon apart from ssh, so that it holds none of this script's locks open
start() {
    ready "$1"
    shift
    if has setsid; then alone='setsid'; else alone='nohup'; fi
    cd /
    "$alone" "$@" >>"$pq_data/pueued.log" 2>&1 </dev/null 8>&- 9>&- &
}

# retire PLACE VERSION: ends the daemon of an older pueue, which takes that XDG_RUNTIME_DIR, and keeps a copy of its state
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
    kept linger
    turns=0
    until user_systemctl show-environment >/dev/null 2>&1; do
        turns=$((turns + 1))
        if [ "$turns" = 100 ]; then exit 10; fi
        sleep 0.1
    done
}
# from_package MANAGER WORD...: by a command line of the package manager
from_package() {
    manager=$1
    shift
    "$@" || exit 10
    find_pueue
    case $(version "$pueue") in
        4.*) kept package "$manager" ;;
        *)
            echo "$manager has no pueue 4" >&2
            exit 10
            ;;
    esac
    folder "$pq_bin"
    for one in "$pueue" "$pueued"; do
        to=$pq_bin/${one##*/}
        if [ ! -e "$to" ]; then kept link "$one" "$to" && ln -s "$one" "$to"; fi
    done
}
# from_release ASSET SUM ASSET SUM: of pueue, of pueued
from_release() { install_from fetch_both "$@"; }
# from_cargo VERSION
from_cargo() { install_from build "$1"; }
from_here() { install_from send_both; }
# configure FILE BASE64 PROCESS...: processes of daemons that are to read it when they start next
configure() {
    write "$1" "$2"
    shift 2
    for pid; do kept unread "$pid"; done
}
# unit RUNTIME FILE BASE64 ENABLED RUNNING: makes pueued a systemd unit of the user. Without FILE there is one; ENABLED=1, RUNNING=1: so it is.
unit() {
    if [ -n "$2" ]; then write "$2" "$3"; fi
    if [ -z "$4" ]; then kept unit pueued.service; fi
    if [ -z "$5" ]; then ready "$1"; fi
    user_systemctl daemon-reload
    if [ -n "$5" ]; then
        user_systemctl enable pueued.service
    else
        user_systemctl enable --now pueued.service
        until_it_answers 'journalctl --user --unit pueued'
    fi
}
# agent RUNTIME FILE BASE64 RUNNING: makes pueued a launchd agent of the user. Without BASE64 the file is there.
agent() {
    if [ -n "$3" ]; then write "$2" "$3"; fi
    kept agent "$2"
    if [ -n "$4" ]; then return; fi
    ready "$1"
    launchctl bootstrap "gui/$uid" "$2" || launchctl bootstrap "user/$uid" "$2"
    until_it_answers "$pq_data/pueued.log"
}
# detached RUNTIME WORD...: starts the daemon with those words
detached() {
    kept detached
    start "$@"
    until_it_answers "$pq_data/pueued.log"
}
# restart RUNTIME WORD...: starts the daemon anew, unless jobs have come. Whoever submits through pueue-skill waits meanwhile.
restart() {
    if [ -d "$pq_data" ] && has flock; then exec 8>>"$pq_data/pueue-skill.lock" && flock 8; fi
    find_pueue
    look_for_daemons >/dev/null
    if reach && [ "$(unfinished)" != 0 ]; then
        echo "jobs have come meanwhile" >&2
        exit 10
    fi
    export XDG_RUNTIME_DIR="$place"
    if [ -d /run/systemd/system ] && user_systemctl is-active pueued.service; then
        user_systemctl restart pueued.service
    elif grep -q '^detached' "$record"; then
        shut_down
        start "$@"
    else
        echo "it was not started by its service" >&2
        exit 10
    fi
    until_it_answers "$pq_data/pueued.log"
}
# limits GROUP LIMIT...: what they were is recorded
limits() {
    find_pueue
    while [ "$#" -gt 0 ]; do
        before=$(ask group --json | tr -d ' \n' | sed -n 's/.*"'"$1"'":{[^}]*"parallel_tasks":\([0-9]*\).*/\1/p')
        if [ -z "$before" ]; then
            kept group "$1"
            ask group add --parallel "$2" "$1"
        elif [ "$before" != "$2" ]; then
            kept limit "$1" "$before"
            ask parallel --group "$1" "$2"
        fi
        shift 2
    done
}
