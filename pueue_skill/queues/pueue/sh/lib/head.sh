# For scripts that call pueue and read its files: client.sh, and places.sh with the folder of pueue's state in $pq_data.

. queues/pueue/sh/lib/client.sh
. queues/pueue/sh/lib/places.sh

find_places
