# Prints the reply line, then for each of the items PQ_KEYS (words) of the batch PQ_BATCH the last PQ_COUNT bytes of its output: a line
# `tail KEY`, the bytes in base64, a line with a dot. A running item writes to its own file, which is then appended to the log of its slot.
: "${PQ_BATCH:?}" "${PQ_KEYS:?}" "${PQ_COUNT:?}"

echo 'pueue-skill reply'
cd "$HOME/.local/share/pueue-skill/batches/$PQ_BATCH.units" || exit
for pq_key in $PQ_KEYS; do
    pq_at=$(grep -l "^$pq_key " at-* 2>/dev/null | head -n 1)
    if [ -n "$pq_at" ]; then
        pq_file=out-${pq_at#at-} pq_offset=0
        pq_size=$(($(wc -c <"$pq_file")))
    else
        # shellcheck disable=SC2046 # words of one line
        set -- $(awk -v key="$pq_key" '$1 == "ended" && $2 == key { line = $0 } END { print line }' "../$PQ_BATCH")
        pq_file=${6:-/dev/null} pq_offset=${7:-0} pq_size=${8:-0}
    fi
    if [ "$pq_size" -gt "$PQ_COUNT" ]; then
        pq_offset=$((pq_offset + pq_size - PQ_COUNT)) pq_size=$PQ_COUNT
    fi
    echo "tail $pq_key"
    tail -c "+$((pq_offset + 1))" "$pq_file" | head -c "$pq_size" | base64
    echo .
done
