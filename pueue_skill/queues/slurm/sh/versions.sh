# Prints a line with the name and version of Slurm.

. queues/slurm/sh/lib/site.sh

sbatch --version
