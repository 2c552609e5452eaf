# Takes the job PQ_ID, which was to prove the queue, out of it; with PQ_PROVED=1 it is written down that it did. Prints the reply line.
: "${PQ_ID:?}" "${PQ_PROVED?}"

. queues/pueue/sh/lib/provision.sh
. queues/pueue/sh/lib/provision_record.sh

take_record
ask kill "$PQ_ID"
ask remove "$PQ_ID" || exit 69
if [ -n "$PQ_PROVED" ]; then kept proved; fi
echo 'pueue-skill reply'
