"""A Slurm site: the files of pueue-skill there, and advice for Slurm's errors.

The files are in ~/.local/share/pueue-skill/slurm/CLUSTER, in the home that login nodes and compute nodes share:

    journal         try|TOKEN|EPOCH|COUNT|INDEX|DEPENDENCY|FOLDER|METADATA before a submission, id|TOKEN|ID after it, gone|ID for a removed job
    ended.NODE      ended|ID|KEY|CODE|BEGAN|ENDED|TOKEN, written by the job; one file per node, because concurrent appends over NFS can be lost
    seen            the last state that squeue had for ended jobs: seen| and the fields of state.SlurmJob
    jobs/           outputs (ID.out, ID.err), submissions (NAME.sh, NAME.send, NAME.env), and the tasks of arrays (NAME.index)

A token is a name (the key of a job, or = and the digest of an array's index file), `#`, and a suffix that makes the submission unique.
The job's comment has the token too, so that a submission whose answer was lost can be found. One lock protects all files.

One call of squeue reads all states, as text: every Slurm in use supports --Format, but --json is newer, and a plugin that many sites do
not install.
"""

from __future__ import annotations

from pueue_skill.queues.script import script
from pueue_skill.shell.model import Host

ALLOCATORS = ("srun", "salloc")
MANAGED = False
RECORDS_OUTCOMES = True

ADVICE = (
    (
        "nvalid partition",
        'set hosts.{name}.options to a partition that `sinfo` lists, for example options = ["--partition=NAME"]',
    ),
    (
        "accounting/QOS policy",
        "a limit of your account or QOS is reached (`pueue-skill batch plan` lists them): wait for jobs to end, or set another in hosts.{name}.options",
    ),
    (
        "nvalid account",
        'set hosts.{name}.options to one of your accounts (sacctmgr show associations user=$USER), for example options = ["--account=NAME"]',
    ),
    (
        "nvalid qos",
        'set hosts.{name}.options to one of your QOS (sacctmgr show associations user=$USER), for example options = ["--qos=NAME"]',
    ),
    ("emory specification", "no node has that much memory; `sinfo -o '%P %m'` lists the nodes' memory"),
    ("node configuration", "no node of the partition has these resources; `sinfo -o '%P %c %m %G'` lists them"),
    ("eneric resource", "no node has such GPUs; `sinfo -o '%P %G'` lists the GPUs"),
    ("time limit", "the time limit of the partition is shorter; `sinfo -o '%P %l'` lists the limits"),
    ("job array", "the cluster does not allow arrays of this size (MaxArraySize)"),
    ("Unable to contact", "the controller does not answer: scontrol ping"),
)
"""Advice for Slurm's errors, each with a part of the error message."""


def with_advice(error: str, host: Host) -> str:
    """Return an error of Slurm, with what to do about it."""
    advice = next((text.format(name=host.name) for part, text in ADVICE if part in error), "")
    return f"{error}\nTry: {advice}" if advice else error


def explain_failure(host: Host, code: int, stderr: str) -> str:
    """Return why a script gave no answer, from its exit code and stderr, and what to do."""
    if code == 127:
        return (
            f'{stderr or "no sbatch"} ({host.name}); add its folder to hosts.{host.name}.path, or set backend = "pueue"'
        )
    see = f"ssh {host.ssh} scontrol ping" if host.ssh else "scontrol ping"
    reason = f": {stderr}" if stderr else ""
    return f"Slurm of {host.name} gave no answer (exit code {code}){reason}\nSee: {see}"


def versions_script(host: Host) -> str:
    return script("queues/slurm/versions", PQ_PATH=path_of(host))


def data_folder() -> str:
    return script("queues/slurm/where")


def path_of(host: Host) -> str:
    """Return the folders that scripts search first for programs, with colons between."""
    return ":".join(host.path)
