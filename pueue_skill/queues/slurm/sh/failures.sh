# Prints the reply line, then the last PQ_COUNT bytes of the output of the newest PQ_LAST failed jobs, as in tails.sh.
# shellcheck disable=SC2034 # pq_ended is only the sort key
: "${PQ_LAST:?}"

. queues/slurm/sh/lib/site.sh
. queues/sh/lib/tails.sh

echo 'pueue-skill reply'
cat "$pq_data/seen" "$pq_data"/ended.* 2>/dev/null | awk -F'|' '
    $1 == "ended" && $4 != "0" { at[$2] = $6 }
    $1 == "seen" && $3 != "COMPLETED" { at[$2] = $8 }
    END { for (id in at) print at[id], id }' | sort -n | tail -n "$PQ_LAST" | while read -r pq_ended pq_id; do
    tails "$pq_id" "$pq_data/jobs/$pq_id.out" ''
done
