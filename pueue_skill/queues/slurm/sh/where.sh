# Sets $pq_data to the folder of pueue-skill's files for Slurm, for the script that follows this one.
# shellcheck disable=SC2034

pq_data=$HOME/.local/share/pueue-skill/slurm
