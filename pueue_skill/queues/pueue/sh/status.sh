# Prints the reply line, the state of the queue as JSON on one line, the load of the host (load.sh), and the end line.

. queues/pueue/sh/lib/client.sh
. queues/sh/lib/load.sh

pq_answer=$(ask status --json) || exit 69
printf '%s\n' 'pueue-skill reply' "$pq_answer" "$(load)" 'pueue-skill end'
