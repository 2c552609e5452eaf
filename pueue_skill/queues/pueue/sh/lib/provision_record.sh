# Records the changes of a setup on this host before they are made, so that an interrupted setup can be undone too. `take_record` takes the
# lock of the record, which is held until the end of the script, and leaves its file in $lock.
# shellcheck disable=SC2154 # provision.sh sets record and tab

# record_change KIND WORD...
record_change() {
    line=$1
    shift
    for word; do line=$line$tab$word; done
    printf '%s\n' "$line" >>"$record"
}
# folder DIR: creates it, and records each folder of its path that was missing.
folder() (
    dir=$1 missing=''
    until [ -d "$dir" ]; do
        missing="$dir
$missing"
        dir=${dir%/*}
    done
    mkdir -p "$1" || exit 73
    printf %s "$missing" | while read -r dir; do record_change folder "$dir"; done
)
take_record() {
    lock=$record.lock
    for _ in 1 2 3 4 5; do
        { (umask 077 && folder "${lock%/*}") && : >>"$lock"; } || exit 73
        exec 9>>"$lock"
        if has flock; then flock 9; elif has perl; then perl -e 'open(F, ">&=9"); flock(F, 2)'; fi
        # shellcheck disable=SC3013 # every sh of a host has -ef
        if [ "$lock" -ef /dev/fd/9 ]; then break; fi # otherwise the file was removed meanwhile
    done
}
