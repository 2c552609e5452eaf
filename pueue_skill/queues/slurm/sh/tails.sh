# Prints the reply line, then the last PQ_COUNT bytes of the output of each job, in frames of tails.sh in queues/sh/lib. Each line of PQ_JOBS
# is the id of a job, followed by ` apart` if its stderr is kept separately.
: "${PQ_JOBS:?}"

. queues/slurm/sh/lib/site.sh
. queues/sh/lib/tails.sh

echo 'pueue-skill reply'
printf '%s\n' "$PQ_JOBS" | while read -r pq_id pq_apart; do
    tails "$pq_id" "$pq_data/jobs/$pq_id.out" "${pq_apart:+$pq_data/jobs/$pq_id.err}"
done
