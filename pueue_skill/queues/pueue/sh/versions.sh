# Prints one line for pueue and one for pueued, with name and version.

. queues/pueue/sh/lib/client.sh

"$pq_pueue" --version || exit
if [ -x "${pq_pueue}d" ]; then "${pq_pueue}d" --version; else pueued --version; fi
