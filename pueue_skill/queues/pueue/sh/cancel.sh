# Removes the tasks PQ_IDS (ids with blanks between) and kills those that run. Prints the reply line, then the number of rounds that it
# waited for the end of killed tasks (0.1 s each, at most 50).
: "${PQ_IDS:?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/lock.sh

# pueue's exit codes do not tell whether all tasks were removed, so the script asks for the queue. A task counts by its creation time too,
# because pueue reuses ids. Each round first removes tasks: a killed task makes room for a queued one, which must not start then.
#
# Keeps in $pq_tasks those of its lines that are tasks in the queue; a line is an id, or the begin of a task in pueue's JSON.
keep_queued() {
    pq_queue=$(ask status --json) || exit 69
    pq_tasks=$({
        printf '%s\n' "$pq_tasks" queue
        printf '%s\n' "$pq_queue" | grep -o '"id":[0-9]*,"created_at":"[^"]*"'
    } | awk '
        $0 == "queue" { in_queue = 1; next }
        !in_queue { wanted[$0]; next }
        { id = $0; sub(/^"id":/, "", id); sub(/,.*/, "", id) }
        $0 in wanted || id in wanted')
}
{
    lock
    # shellcheck disable=SC2086 # one line per id
    pq_tasks=$(printf '%s\n' $PQ_IDS) pq_rounds=0
    keep_queued
    while [ -n "$pq_tasks" ]; do
        pq_ids=$(printf '%s\n' "$pq_tasks" | sed 's/^"id"://; s/,.*//')
        # shellcheck disable=SC2086 # one word per id
        ask remove $pq_ids >/dev/null 2>&1
        keep_queued
        if [ -z "$pq_tasks" ] || [ "$pq_rounds" -ge 50 ]; then break; fi
        pq_ids=$(printf '%s\n' "$pq_tasks" | sed 's/^"id"://; s/,.*//')
        # shellcheck disable=SC2086 # one word per id
        ask kill $pq_ids >/dev/null 2>&1
        pq_rounds=$((pq_rounds + 1))
        sleep 0.1
    done
    printf '%s\n%s\n' 'pueue-skill reply' "$pq_rounds"
}
