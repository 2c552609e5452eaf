# Sets $pq_data to the folder of the jobs submitted to this cluster, and creates it.

pq_data="$HOME/.local/share/pueue-skill/slurm/$(scontrol show config | sed -n 's/^ClusterName *= *//p')"
mkdir -p "$pq_data/jobs" && chmod 700 "$pq_data" || exit
