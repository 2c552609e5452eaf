# Prints the reply line, the site's MaxArraySize, all that is known of the jobs (look.sh), and the end line.

. queues/slurm/sh/lib/site.sh
. queues/slurm/sh/lib/look.sh

pq_answer=$(look) || exit 69
printf '%s\n' 'pueue-skill reply' "$(printf '%s\n' "$pq_config" | sed -n 's/^MaxArraySize *= *//p')" "$pq_answer" 'pueue-skill end'
