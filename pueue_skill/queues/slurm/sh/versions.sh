# Prints the name and version of Slurm.

. queues/slurm/sh/lib/site.sh

sbatch --version
