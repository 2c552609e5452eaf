# Prints the reply line, a line `load|LOAD`, the records of the jobs (records.sh), and the end line.

. queues/slurm/sh/lib/site.sh
. queues/slurm/sh/lib/records.sh
. queues/sh/lib/load.sh

pq_answer=$(records) || exit 69
printf '%s\n' 'pueue-skill reply' "load|$(load)" "$pq_answer" 'pueue-skill end'
