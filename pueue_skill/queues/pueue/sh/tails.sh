# Prints the reply line, then the last PQ_COUNT bytes of the output of each job of PQ_JOBS, as tails.sh of queues/sh/lib frames them. A line
# of PQ_JOBS is the id of a job, and after a blank the file of its standard error where that is kept apart, below the home.
: "${PQ_JOBS:?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/tails.sh

echo 'pueue-skill reply'
printf '%s\n' "$PQ_JOBS" | while read -r pq_id pq_errors; do
    tails "$pq_id" "$pq_data/task_logs/$pq_id.log" "${pq_errors:+$HOME/$pq_errors}"
done
