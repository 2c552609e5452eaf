# `lock` locks the queue whose files are in $pq_data, for all scripts that change it, and holds the lock on descriptor 9 until the script ends or
# runs `exec 9>&-`. While it waits it prints `pueue-skill waits N` from time to time, where N scripts are before it. It locks nothing if the
# folder does not exist.
#
# The lock makes "submit the job unless it exists" one step. The script puts its call in braces, which sh reads to the end before it runs
# anything: so the lock is not held while a large script is still arriving. The kernel releases the lock when its holder dies, and grants it
# in the order of requests. A queue stores the environment of the submitting process, so the folder is first closed to other users.
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
# Without flock(1), as on macOS, perl takes the same lock.
locked() {
    if command -v flock >/dev/null; then
        flock "$@" 9
    elif command -v perl >/dev/null; then
        perl -e 'open F, ">&=9"; exit !flock F, @ARGV ? 6 : 2' -- "$@"
    fi
}
# If the client has gone, this script gives up waiting.
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
