"""Slurm: jobs in, sh scripts that call sbatch, scontrol and scancel out; the answers of these in, states of jobs out.

It knows nothing of hosts or of other kinds of queue.
"""
