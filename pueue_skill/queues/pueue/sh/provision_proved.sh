# Removes PQ_ID, the test job of a setup, from the queue. With PQ_PROVED=1 it records that the job succeeded. Prints the reply line.
: "${PQ_ID:?}" "${PQ_PROVED?}"

. queues/pueue/sh/lib/provision.sh
. queues/pueue/sh/lib/provision_record.sh

take_record
ask kill "$PQ_ID"
ask remove "$PQ_ID" || exit 69
if [ -n "$PQ_PROVED" ]; then record_change proved; fi
echo 'pueue-skill reply'
