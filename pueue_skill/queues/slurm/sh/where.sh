# Leaves in $pq_data the folder in which pueue-skill keeps what it submits to Slurm, for a script that follows this one.
# shellcheck disable=SC2034

pq_data=$HOME/.local/share/pueue-skill/slurm
