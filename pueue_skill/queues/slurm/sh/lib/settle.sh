# `settle IDS` waits at most 40 s until the processes of killed jobs have ended (ids with commas between), which takes Slurm up to KillWait
# seconds. Sets $pq_turns to the tenths of a second that this took. Include site.sh first.

settle() {
    pq_turns=0
    while [ "$pq_turns" -lt 400 ] &&
        [ -n "$(ask squeue --noheader --me --states=running,suspended,completing --jobs="$1" --format=%i 2>/dev/null </dev/null)" ]; do
        pq_turns=$((pq_turns + 1))
        sleep 0.1
    done
}
