# Prints the reply line, the state of the queue as JSON on one line, the journal of the batch PQ_BATCH, and the end line. With PQ_UNITS=1,
# lines precede the journal: `unit UNIT` and the keys of its items for each unit, and `now KEY EPOCH` for each item that runs. These lines
# and the journal are then gzipped and in base64.
: "${PQ_BATCH:?}" "${PQ_UNITS?}"

. queues/pueue/sh/lib/client.sh

pq_batch=$HOME/.local/share/pueue-skill/batches/$PQ_BATCH
pq_answer=$(ask status --json) || exit 69
printf '%s\n' 'pueue-skill reply' "$pq_answer"
if [ -n "$PQ_UNITS" ]; then
    {
        for pq_share in "$pq_batch.units"/unit-*; do
            [ -e "$pq_share" ] || continue
            echo "unit ${pq_share##*/}"
            cut -d ' ' -f 1 "$pq_share"
        done
        for pq_at in "$pq_batch.units"/at-*; do
            [ -e "$pq_at" ] || continue
            echo "now $(cat "$pq_at")"
        done
        cat "$pq_batch" 2>/dev/null
    } | gzip -c | base64
else
    cat "$pq_batch" 2>/dev/null
fi
printf '\n%s\n' 'pueue-skill end'
