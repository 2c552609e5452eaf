# Prints the reply line, then the last PQ_COUNT bytes of stdout and stderr of each job in PQ_JOBS (tails.sh in queues/sh/lib). A line of
# PQ_JOBS is the id of a job, and after a blank the path of its stderr relative to the home, if it is stored separately.
: "${PQ_JOBS:?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/tails.sh

echo 'pueue-skill reply'
printf '%s\n' "$PQ_JOBS" | while read -r pq_id pq_errors; do
    tails "$pq_id" "$pq_data/task_logs/$pq_id.log" "${pq_errors:+$HOME/$pq_errors}"
done
