# Restarts tasks of the batch PQ_BATCH in place. One pueue command restarts all of them, so that dependent tasks keep their order. PQ_TASKS
# are words `ID=KEY`. Items whose keys are in PQ_REFRESH, one per line, start from scratch; units run those in PQ_AGAIN again although they
# have ended. A job with processes that still run (survivors.sh) is left as is.
#
# Prints the reply line, a line `survivor KEY PID` for each job that is left as is, `failed` if pueue has not restarted the others, and
# `end`.
: "${PQ_BATCH:?}" "${PQ_TASKS?}" "${PQ_REFRESH?}" "${PQ_AGAIN?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/lock.sh
. queues/pueue/sh/lib/survivors.sh

{
    lock
    pq_batch=$HOME/.local/share/pueue-skill/batches/$PQ_BATCH
    if [ -n "$PQ_AGAIN" ]; then printf '%s\n' "$PQ_AGAIN" | sed 's/^/again /' >>"$pq_batch"; fi
    printf '%s\n' "$PQ_REFRESH" >"$pq_batch.refresh.$$"
    mv "$pq_batch.refresh.$$" "$pq_batch.refresh"
    echo 'pueue-skill reply'
    pq_survivors=$(survivors) pq_ids=''
    for pq_task in $PQ_TASKS; do
        pq_pid=$(printf '%s\n' "$pq_survivors" | awk -v key="${pq_task#*=}" '$3 == key { print $2; exit }')
        if [ -n "$pq_pid" ]; then
            echo "survivor ${pq_task#*=} $pq_pid"
        else pq_ids="$pq_ids ${pq_task%%=*}"; fi
    done
    # shellcheck disable=SC2086 # one word per id
    if [ -n "$pq_ids" ]; then ask restart --in-place $pq_ids >/dev/null 2>&1 || echo failed; fi
    echo end
}
