# Ends the jobs PQ_IDS (ids with blanks between) and hides them. Prints the reply line, then how many tenths of a second it waited for their
# end.
: "${PQ_IDS:?}"

. queues/slurm/sh/lib/site.sh
. queues/slurm/sh/lib/settle.sh
. queues/sh/lib/lock.sh

{
    lock
    # shellcheck disable=SC2086 # one word per id
    ask scancel $PQ_IDS >/dev/null 2>&1 </dev/null
    settle "$(echo "$PQ_IDS" | tr ' ' ',')"
    for pq_id in $PQ_IDS; do echo "gone|$pq_id" >>"$pq_data/journal"; done
    printf '%s\n' 'pueue-skill reply' "$pq_turns"
}
