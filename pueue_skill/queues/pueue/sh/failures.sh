# Prints the reply line, then as tails.sh the last PQ_COUNT bytes of stdout and stderr of the last PQ_LAST failed jobs.
: "${PQ_LAST:?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/tails.sh

echo 'pueue-skill reply'
# Each brace of the JSON begins a line. Quotes within a text have a backslash, so no text looks like the beginning of a task.
ask status --json status=failed | tr '{' '\n' |
    sed -n -e 's/^"id":\([0-9]*\),.*"original_command":"[^(]*exec 2>\/dev\/null; (env PUEUE_SKILL_KEY=\([A-Za-z0-9:_.@+-]*\) .*/\1 \2/p' -e t \
        -e 's/^"id":\([0-9]*\),"created_at".*/\1/p' | tail -n "$PQ_LAST" | while read -r pq_id pq_key; do
    tails "$pq_id" "$pq_data/task_logs/$pq_id.log" "${pq_key:+$HOME/.local/share/pueue-skill/jobs/$pq_key.err}"
done
