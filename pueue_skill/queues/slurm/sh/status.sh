# Prints the reply line, a line `load|LOAD`, all that is known of the jobs (look.sh), and the end line.

. queues/slurm/sh/lib/site.sh
. queues/slurm/sh/lib/look.sh
. queues/sh/lib/load.sh

pq_answer=$(look) || exit 69
printf '%s\n' 'pueue-skill reply' "load|$(load)" "$pq_answer" 'pueue-skill end'
