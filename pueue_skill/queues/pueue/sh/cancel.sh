# Kills and removes the tasks PQ_IDS (ids with blanks between). Prints the reply line, then the number of failed attempts to remove them.
: "${PQ_IDS:?}"

. queues/pueue/sh/lib/client.sh

# shellcheck disable=SC2086 # one word per id
ask kill $PQ_IDS >/dev/null 2>&1
pq_attempts=0
# A killed task can be removed once the daemon has noticed its end.
# shellcheck disable=SC2086
until ask remove $PQ_IDS >/dev/null 2>&1 || [ "$pq_attempts" -ge 50 ]; do
    pq_attempts=$((pq_attempts + 1))
    sleep 0.1
done
printf '%s\n%s\n' 'pueue-skill reply' "$pq_attempts"
