# Ends and removes the tasks PQ_IDS (ids with blanks between). Prints the reply line, then how many times the removal was tried in vain.
: "${PQ_IDS:?}"

. queues/pueue/sh/lib/client.sh

# shellcheck disable=SC2086 # a word an id
ask kill $PQ_IDS >/dev/null 2>&1
pq_turns=0
# What was killed is removable once the daemon has noticed its end.
# shellcheck disable=SC2086
until ask remove $PQ_IDS >/dev/null 2>&1 || [ "$pq_turns" -ge 50 ]; do
    pq_turns=$((pq_turns + 1))
    sleep 0.1
done
printf '%s\n%s\n' 'pueue-skill reply' "$pq_turns"
