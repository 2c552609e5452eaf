"""Slurm: jobs to sh scripts that call sbatch, scontrol and scancel, and their answers to states. Knows nothing of hosts or of
other queues.
"""
