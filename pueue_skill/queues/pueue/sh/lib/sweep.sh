# `sweep BEFORE AFTER` removes the files of jobs that no task uses, and leaves their number in $pq_files: those of jobs that were in the
# queue BEFORE (its JSON) and are not in AFTER, and old files. It keeps recent files, as a submission without the lock may need them; and
# if pueue's state is in another folder than the default, it keeps old files too, as another queue with the same home may use them.
# shellcheck disable=SC2034,SC2154 # the script reads pq_files; places.sh sets pq_set_data

sweep() {
    pq_folder="$HOME/.local/share/pueue-skill/jobs" pq_files=0
    if ! [ -d "$pq_folder" ]; then return; fi
    pq_unused=$({
        printf '%s\n' "$2" | mentioned used
        printf '%s\n' "$1" | mentioned file | grep -e '\.in$' -e '\.err$'
        if [ -z "${pq_set_data#null}" ]; then
            find "$pq_folder" -type f -mmin +60 ! -name '*.in.[0-9]*' | sed 's|.*/|file |'
            find "$pq_folder" -type f -mtime +1 -name '*.in.[0-9]*' | sed 's|.*/|file |'
        fi
    } | awk '$1 == "used" { used[$2]; next } NF == 2 && !($2 in used) && !seen[$2]++ { print $2 }')
    pq_unused=$(cd "$pq_folder" && printf '%s\n' "$pq_unused" | grep '^[A-Za-z0-9:_.@+-]*$' | while read -r pq_name; do
        if [ -f "$pq_name" ]; then echo "$pq_name"; fi
    done)
    pq_files=$(printf '%s' "$pq_unused" | grep -c .)
    (cd "$pq_folder" && printf '%s\n' "$pq_unused" | xargs rm -f --)
}
# mentioned WORD: prints a line `WORD NAME` for each file of jobs in the text on stdin
mentioned() { grep -o 'pueue-skill/jobs/[A-Za-z0-9:_.@+-]*' | sed "s|.*/|$1 |"; }
