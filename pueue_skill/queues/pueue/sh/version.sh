# Prints the name and version of pueue's client.

. queues/pueue/sh/lib/client.sh

"$pq_pueue" --version
