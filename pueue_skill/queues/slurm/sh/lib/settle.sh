# `settle IDS` waits until Slurm has seen the processes of killed jobs end (ids with commas between), for which it takes KillWait seconds;
# at most 40 s. Leaves in $pq_turns how many tenths of a second that took. site.sh is to stand before it.

settle() {
    pq_turns=0
    while [ "$pq_turns" -lt 400 ] &&
        [ -n "$(ask squeue --noheader --me --states=running,suspended,completing --jobs="$1" --format=%i 2>/dev/null </dev/null)" ]; do
        pq_turns=$((pq_turns + 1))
        sleep 0.1
    done
}
