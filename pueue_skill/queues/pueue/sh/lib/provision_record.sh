# The record of what was made on this host, written before it is made, so that it can be taken back wherever the work was cut off.
# `take_record` waits for its lock, which is held until the end of the script, and leaves its file in $lock.
# shellcheck disable=SC2154 # provision.sh sets record and tab

# kept KIND WORD...: writes that down
kept() {
    line=$1
    shift
    for word; do line=$line$tab$word; done
    printf '%s\n' "$line" >>"$record"
}
# folder DIR: makes it, and records which of its path were not there.
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
take_record() {
    lock=$record.lock
    for _ in 1 2 3 4 5; do
        { (umask 077 && folder "${lock%/*}") && : >>"$lock"; } || exit 73
        exec 9>>"$lock"
        if has flock; then flock 9; elif has perl; then perl -e 'open(F, ">&=9"); flock(F, 2)'; fi
        # shellcheck disable=SC3013 # every sh of a host has -ef
        if [ "$lock" -ef /dev/fd/9 ]; then break; fi # else it was removed while we waited
    done
}
