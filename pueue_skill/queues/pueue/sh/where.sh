# Leaves in $pq_data the folder in which pueue keeps its files, for a script that follows this one.

. queues/pueue/sh/lib/places.sh

find_places
