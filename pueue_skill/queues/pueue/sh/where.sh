# Sets $pq_data to the folder of pueue's state, for a script that follows.

. queues/pueue/sh/lib/places.sh

find_places
