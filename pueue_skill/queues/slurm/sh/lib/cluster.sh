# Leaves in $pq_data the folder of what was submitted to this cluster, which is made.

pq_data="$HOME/.local/share/pueue-skill/slurm/$(scontrol show config | sed -n 's/^ClusterName *= *//p')"
mkdir -p "$pq_data/jobs" && chmod 700 "$pq_data" || exit
