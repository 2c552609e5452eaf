"""A Slurm site as scripts see it: what every script begins with, and what to do about what Slurm complains of.

What a host's user has submitted through here lies in FOLDER, on the home that login and compute nodes share, a folder a cluster:

    journal         try|TOKEN|EPOCH|COUNT|INDEX|DEPENDENCY|FOLDER|METADATA before a submission, id|TOKEN|ID after it, gone|ID once cleaned
    ended.NODE      ended|ID|KEY|CODE|BEGAN|ENDED|TOKEN, by the job; a file a node, for appends of several nodes to one may be lost
    seen            how jobs have ended by Slurm's word, as it was seen last: seen| and the fields of FIELDS
    jobs/           output (ID.out, ID.err), what is submitted (NAME.sh, NAME.send, NAME.env), and the items of an array (NAME.index)

A token is a name (the key of a job, or = and the digest of an array's index), `#`, and what makes this submission of it unlike any
other. It stands in the job's comment too: a submission whose answer was lost is found by it. All of it is under one lock.

State is asked in one call, squeue in text: --format with a separator is understood by every Slurm that is in use, while --json came
late and is a plugin that sites leave out.
"""

from __future__ import annotations

from pueue_skill.shell import quote
from pueue_skill.shell.model import Host

ALLOCATORS = ("srun", "salloc")
MANAGED = False
KEEPS_ENDS = True

FOLDER = "$HOME/.local/share/pueue-skill/slurm"
USUAL = ("/usr/bin", "/usr/local/bin", "/opt/slurm/bin", "/usr/local/slurm/bin", "/cm/shared/apps/slurm/current/bin")
"""Where sbatch is looked for beside PATH: a bare ssh command has only the system's folders on it."""

HEAD = r"""for pq_folder in {usual}; do
  command -v sbatch >/dev/null && break
  if [ -x "$pq_folder/sbatch" ]; then PATH=$PATH:$pq_folder; fi
done
if ! command -v sbatch >/dev/null; then
  echo "no sbatch on this host: looked for in PATH, {looked}" >&2
  exit 127
fi
# A controller that hangs must not hang its callers.
ask() {{ if command -v timeout >/dev/null; then timeout "${{pq_patience:-60}}" "$@"; else "$@"; fi; }}
pq_config=$(ask scontrol show config </dev/null) || exit 69
pq_cluster=$(printf '%s\n' "$pq_config" | sed -n 's/^ClusterName *= *//p')
pq_data="{folder}/$pq_cluster"
(umask 077 && mkdir -p "$pq_data/jobs") || exit 74
touch "$pq_data/journal" "$pq_data/seen" || exit 74
# queue WORD...: a line `job|` a job, or a part of an array that has not begun
queue() {{
  pq_lines=$(SLURM_TIME_FORMAT=%s SLURM_BITSTR_LEN=0 ask squeue --noheader --me --states=all "$@" --Format='{fields}' </dev/null) || return
  printf '%s\n' "$pq_lines" | sed 's/^/job|/'
}}
"""
FIELDS = ":|,".join(["JobArrayID", "State", "Reason", "exit_code", "SubmitTime", "StartTime", "EndTime", "NodeList", "Comment", "Name"]) + ":|"  # fmt: skip

VERSIONS = "sbatch --version\n"

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


def head(host: Host) -> str:
    return HEAD.format(usual=" ".join(USUAL), looked=", ".join(USUAL), folder=FOLDER, fields=FIELDS)


def advised(said: str, host: Host) -> str:
    """An error of Slurm's with what to do about it."""
    advice = next((text.format(name=host.name) for part, text in ADVICE if part in said), "")
    return f"{said}\nTry: {advice}" if advice else said


def trouble(host: Host, code: int, said: str) -> str:
    """Why a host's queue gave no answer, and what to do."""
    if code == 127:
        return (
            f'{said or "no sbatch"} ({host.name}); add its folder to hosts.{host.name}.path, or set backend = "pueue"'
        )
    see = f"ssh {host.ssh} scontrol ping" if host.ssh else "scontrol ping"
    return f"Slurm of {host.name} gave no answer (exit code {code}): {said}\nSee: {see}"


def path_before(host: Host) -> str:
    """The value of PATH for programs of `host`, as shell source for an assignment."""
    return ":".join([*[quote.path(folder) for folder in host.path], '"$PATH"'])


def versions_script(host: Host) -> str:
    return head(host) + VERSIONS


def where() -> str:
    return f'pq_data="{FOLDER}"\n'
