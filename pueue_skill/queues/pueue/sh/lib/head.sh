# The beginning of a script that calls pueue and reads its files: client.sh, and the folder of its state in $pq_data (places.sh).

. queues/pueue/sh/lib/client.sh
. queues/pueue/sh/lib/places.sh

find_places
