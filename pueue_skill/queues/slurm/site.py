"""A Slurm site as scripts see it: what every script begins with, and what to do about what Slurm complains of.

What a host's user has submitted through here lies in ~/.local/share/pueue-skill/slurm, on the home that login and compute nodes share, a folder a cluster:

    journal         try|TOKEN|EPOCH|COUNT|INDEX|DEPENDENCY|FOLDER|METADATA before a submission, id|TOKEN|ID after it, gone|ID once cleaned
    ended.NODE      ended|ID|KEY|CODE|BEGAN|ENDED|TOKEN, by the job; a file a node, for appends of several nodes to one may be lost
    seen            how jobs have ended by Slurm's word, as it was seen last: seen| and the fields of state.SlurmJob
    jobs/           output (ID.out, ID.err), what is submitted (NAME.sh, NAME.send, NAME.env), and the items of an array (NAME.index)

A token is a name (the key of a job, or = and the digest of an array's index), `#`, and what makes this submission of it unlike any
other. It stands in the job's comment too: a submission whose answer was lost is found by it. All of it is under one lock.

State is asked in one call, squeue in text: --format with a separator is understood by every Slurm that is in use, while --json came
late and is a plugin that sites leave out.
"""

from __future__ import annotations

from pueue_skill.queues.script import script
from pueue_skill.shell.model import Host

ALLOCATORS = ("srun", "salloc")
MANAGED = False
RECORDS_OUTCOMES = True

ADVICE = (
    ("nvalid partition", 'set hosts.{name}.options to a partition of `sinfo`, as options = ["--partition=NAME"]'),
    (
        "accounting/QOS policy",
        "a limit of your account or QOS is reached (`pueue-skill batch plan` shows them): wait for jobs to end, or name another in hosts.{name}.options",
    ),
    (
        "nvalid account",
        'set hosts.{name}.options to an account of yours (sacctmgr show associations user=$USER), as options = ["--account=NAME"]',
    ),
    (
        "nvalid qos",
        'set hosts.{name}.options to a QOS of yours (sacctmgr show associations user=$USER), as options = ["--qos=NAME"]',
    ),
    ("emory specification", "no node has that much memory for it: `sinfo -o '%P %m'` says what they have"),
    ("node configuration", "no node of the partition has that: `sinfo -o '%P %c %m %G'` says what they have"),
    ("eneric resource", "no node has such GPUs: `sinfo -o '%P %G'` says what there is"),
    ("time limit", "the partition runs nothing that long: `sinfo -o '%P %l'` says how long"),
    ("job array", "the cluster takes no array that large (MaxArraySize)"),
    ("Unable to contact", "its controller does not answer: scontrol ping"),
)
"""What to do about Slurm's own errors, by a part of what they say."""


def with_advice(error: str, host: Host) -> str:
    """An error of Slurm's with what to do about it."""
    advice = next((text.format(name=host.name) for part, text in ADVICE if part in error), "")
    return f"{error}\nTry: {advice}" if advice else error


def explain_failure(host: Host, code: int, stderr: str) -> str:
    """Why a host's queue gave no answer, and what to do."""
    if code == 127:
        return (
            f'{stderr or "no sbatch"} ({host.name}); add its folder to hosts.{host.name}.path, or set backend = "pueue"'
        )
    see = f"ssh {host.ssh} scontrol ping" if host.ssh else "scontrol ping"
    return f"Slurm of {host.name} gave no answer (exit code {code}): {stderr}\nSee: {see}"


def versions_script(host: Host) -> str:
    return script("queues/slurm/versions", PQ_PATH=path_of(host))


def data_folder() -> str:
    return script("queues/slurm/where")


def path_of(host: Host) -> str:
    """The folders that a host's programs are looked for in first, as scripts take them."""
    return ":".join(host.path)
