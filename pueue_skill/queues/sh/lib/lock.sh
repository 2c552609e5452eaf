# `lock` takes the lock of all who change the queue whose files are in $pq_data, and holds it on descriptor 9 until the end of the script
# or `exec 9>&-`. While it waits it prints now and then `pueue-skill waits N`, N others before it. Nothing is locked where there is no
# such folder.
#
# The lock makes "is the job there? then add it" one step. A script that calls it stands in braces, which sh reads to their end before it
# runs anything: so nobody waits for the lock while a large file is still on its way. The kernel gives the lock on when its holder dies,
# and in the order in which it was asked for. A queue keeps the environment of whoever submits, so the folder is closed to others first.
# shellcheck disable=SC2154 # the script that includes this sets pq_data

lock() {
    if ! [ -d "$pq_data" ]; then return 0; fi
    chmod 700 "$pq_data"
    exec 9>"$pq_data/pueue-skill.lock"
    if ! locked -n; then
        tell_waiting 2>/dev/null 9>&- &
        pq_waiting=$!
        locked
        kill "$pq_waiting"
        wait "$pq_waiting" 2>/dev/null
    fi
}
# perl asks for the same lock where there is no flock(1), as on macOS.
locked() {
    if command -v flock >/dev/null; then
        flock "$@" 9
    elif command -v perl >/dev/null; then
        perl -e 'open F, ">&=9"; exit !flock F, @ARGV ? 6 : 2' -- "$@"
    fi
}
# Where nobody listens any more, whoever waits gives up its place.
tell_waiting() {
    trap '' PIPE
    # shellcheck disable=SC2012 # the name is ours and plain
    pq_inode=$(ls -i "$pq_data/pueue-skill.lock" | awk '{ print $1 }') pq_turns=0
    while sleep 1 >/dev/null 2>&1; do
        pq_turns=$((pq_turns + 1))
        if [ "$((pq_turns % 5))" != 2 ]; then continue; fi
        echo "pueue-skill waits $(grep -c ":$pq_inode " /proc/locks 2>/dev/null)" || {
            kill $$
            exit
        }
    done
}
