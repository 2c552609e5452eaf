# Prints the reply line, the site's MaxArraySize, the records of the jobs (records.sh), and the end line.

. queues/slurm/sh/lib/site.sh
. queues/slurm/sh/lib/records.sh

pq_answer=$(records) || exit 69
printf '%s\n' 'pueue-skill reply' "$(printf '%s\n' "$pq_config" | sed -n 's/^MaxArraySize *= *//p')" "$pq_answer" 'pueue-skill end'
