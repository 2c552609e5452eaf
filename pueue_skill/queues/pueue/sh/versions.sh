# Prints a line with the name and version of pueue, and one of pueued.

. queues/pueue/sh/lib/client.sh

"$pq_pueue" --version || exit
if [ -x "${pq_pueue}d" ]; then "${pq_pueue}d" --version; else pueued --version; fi
