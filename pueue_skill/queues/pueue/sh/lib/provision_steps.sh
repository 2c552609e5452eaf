# What steps of a setup call, after provision.sh and provision_record.sh. A step is a function that runs in a subshell of its own under
# `set -e`; what it prints goes to stderr. Before it a line `step NAME`, after it `end NAME CODE`; a step that fails ends the script.
# shellcheck disable=SC2154 # provision.sh sets pueue and the like
: "${PQ_URL?}"

. queues/sh/lib/decoded.sh

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
# write FILE: writes standard input there, through a link to where somebody keeps their files.
write() {
    at=$1
    folder "${at%/*}"
    if [ -L "$at" ]; then at=$(readlink -f "$at"); fi
    if [ -e "$at" ]; then cp -p "$at" "$at.$$"; fi
    decoded >"$at.$$" || {
        rm -f "$at.$$"
        exit 74
    }
    place_file "$at.$$" "$at"
}
# install_from COMMAND: puts the programs into their place, once `COMMAND` has made both of them in the folder $new and they run here.
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
# limit GROUP LIMIT: what it was is recorded.
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
# step NAME FUNCTION: carries it out, under its name
step() {
    printf 'step %s\n' "$1"
    "$2" >&2 </dev/null
    status=$?
    printf 'end %s %s\n' "$1" "$status"
    if [ "$status" != 0 ]; then exit 1; fi
}
