"""How tools behave towards their work: data by tool and subcommand, read by wrappers.py.

The shell sees the end of a job only if the tool waits for its work, and a job has no terminal. These are the options
that decide both, from each tool's documentation.
"""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.startup.record import NamedTuple

ALWAYS = "*"
"""In a list of options: the tool does so without any option."""
OPERAND = "+"
"""In `answered`: a word that is not an option."""


class Behavior(NamedTuple):
    """The options of a tool, separated by blanks; one-letter options also count inside a cluster (`-itd`).

    With one of `detaches` and none of `waits` the tool returns while `keeper`, or a background process, continues its
    work; `queue` is true if the keeper stores output and exit status. `terminal` are options that ask for a terminal.
    With one of `asks` and none of `answered` the tool asks for confirmation. `short` are the one-letter options with a
    value of a tool that is not in WRAPPERS.
    """

    keeper: str = ""
    detaches: str = ""
    waits: str = ""
    terminal: str = ""
    asks: str = ""
    answered: str = ""
    queue: bool = False
    short: str = ""


ENGINES = {"docker": "Docker", "podman": "Podman", "nerdctl": "containerd"}
COMPOSES = {
    "docker compose": "Docker", "docker-compose": "Docker", "podman compose": "Podman", "podman-compose": "Podman",
    "nerdctl compose": "containerd",
}  # fmt: skip
CLUSTERS = ("kubectl", "oc")


def container_tools() -> dict[str, Behavior]:
    """The behaviors of every container engine, its compose and its `container` subcommands."""
    found: dict[str, Behavior] = {}
    for program, keeper in ENGINES.items():
        attached = Behavior(keeper, "-d --detach", terminal="-t --tty")
        started = Behavior(keeper, ALWAYS, waits="-a --attach -i --interactive")
        for prefix in (program, f"{program} container"):
            found |= {f"{prefix} run": attached, f"{prefix} exec": attached, f"{prefix} start": started}
    for program, keeper in COMPOSES.items():
        attached = Behavior(keeper, "-d --detach", terminal="-t --tty")
        found |= {f"{program} run": attached, f"{program} exec": attached}
        found[f"{program} up"] = Behavior(keeper, "-d --detach --wait", short="pft")
        found[f"{program} start"] = Behavior(keeper, ALWAYS)
    for program in CLUSTERS:
        found |= {f"{program} {verb}": Behavior(terminal="-t --tty") for verb in ("exec", "attach", "debug", "rsh")}
        found[f"{program} run"] = Behavior("Kubernetes", ALWAYS, waits="--attach -i --stdin --rm", terminal="-t --tty")
        found[f"{program} apply"] = found[f"{program} create"] = Behavior("Kubernetes", ALWAYS, queue=True)
    return found


def queue_client(keeper: str, waits: str = "", terminal: str = "", detaches: str = ALWAYS) -> Behavior:
    """The behavior of a client that submits work to a queue or service, which stores the outcome."""
    return Behavior(keeper, detaches, waits, terminal, queue=True)


def confirming(answered: str, asks: str = ALWAYS) -> Behavior:
    """The behavior of a tool that asks for confirmation unless one of `answered` is given."""
    return Behavior(asks=asks, answered=answered)


APT_ANSWERS = "-y --yes --assume-yes -s --simulate --dry-run --just-print -d --download-only --print-uris"
DNF_ANSWERS = "-y --assumeyes --assumeno --downloadonly"

BEHAVIORS: Mapping[str, Behavior] = {
    **container_tools(),
    "docker stack deploy": queue_client("Docker"),
    "docker service create": Behavior("Docker", ALWAYS),
    "systemd-run": Behavior(
        "systemd", ALWAYS, waits="--wait --scope -P --pipe -t --pty -S --shell", terminal="-t --pty -S --shell"
    ),
    # queues and services
    "sbatch": queue_client("Slurm", waits="-W --wait"),
    "srun": Behavior(terminal="--pty"),
    "bsub": queue_client("LSF", waits="-K -I -Ip -Is -IS -ISp -ISs", terminal="-Ip -Is -ISp -ISs"),
    "qsub": queue_client("the batch system", waits="-I -sync", terminal="-I"),
    "condor_submit": queue_client("HTCondor", waits="-i -interactive", terminal="-i -interactive"),
    "flux submit": queue_client("Flux", waits="--wait --watch"),
    "flux batch": queue_client("Flux"),
    "hq submit": queue_client("HyperQueue", waits="--wait --progress"),
    "oarsub": queue_client("OAR", waits="-I --interactive", terminal="-I --interactive"),
    "tsp": queue_client("task spooler", waits="-f"),
    "nq": queue_client("nq"),
    "aws batch submit-job": queue_client("AWS Batch"),
    "aws ssm send-command": queue_client("AWS Systems Manager"),
    "gcloud": queue_client("Google Cloud", detaches="--async"),
    "az": queue_client("Azure", detaches="--no-wait"),
    "az ml job create": queue_client("Azure", waits="--stream"),
    "ray job submit": queue_client("Ray", detaches="--no-wait"),
    "sky launch": queue_client("SkyPilot", detaches="-d --detach-run"),
    "argo submit": queue_client("Argo", waits="-w --wait --watch --log"),
    "nomad job run": queue_client("Nomad", detaches="-detach"),
    "prefect deployment run": queue_client("Prefect", waits="--watch"),
    "airflow dags trigger": queue_client("Airflow"),
    "gh workflow run": queue_client("GitHub"),
    "velero backup create": queue_client("Velero", waits="-w --wait"),
    "flink run": queue_client("Flink", detaches="-d --detached"),
    "zpool scrub": queue_client("ZFS", waits="-w"),
    "zpool resilver": queue_client("ZFS"),
    "btrfs scrub start": queue_client("btrfs", waits="-B"),
    "btrfs balance start": queue_client("btrfs", detaches="--bg --background"),
    "smartctl": queue_client("the disk", detaches="-t --test", waits="-C --captive"),
    # programs that put themselves in the background
    "wget": Behavior(detaches="-b --background", short="aoeiBtOTwQPUlADI"),
    "aria2c": Behavior(detaches="-D --daemon", short="dohVijxsktTl"),
    "nextflow": Behavior(detaches="-bg"),
    "guild run": Behavior(detaches="--background"),
    "gunicorn": Behavior(detaches="-D --daemon", short="bcwktnpug"),
    "uwsgi": Behavior(detaches="-d --daemonize --daemonize2"),
    "celery": Behavior(detaches="-D --detach", short="ABCQcnlPfIOEXs"),
    "redis-server": Behavior(detaches="--daemonize"),
    "mongod": Behavior(detaches="--fork"),
    "memcached": Behavior(detaches="-d --daemon", short="upmctlsaUMf"),
    "pm2 start": Behavior("PM2", ALWAYS, waits="--no-daemon --attach"),
    "sem": Behavior(detaches=ALWAYS, waits="--fg --wait"),
    "supervisorctl start": Behavior("supervisord", ALWAYS),
    # interactive shells
    **dict.fromkeys(("poetry shell", "pipenv shell", "hatch shell", "salloc"), Behavior(terminal=ALWAYS)),
    # tools that ask for confirmation; xargs and parallel ask on the terminal even if their stdin is a pipe
    "xargs": Behavior(terminal="-p --interactive -o --open-tty"),
    "parallel": Behavior(terminal="-p --interactive -o --open-tty --tty"),
    "find": confirming("", asks="-ok -okdir"),
    **{
        f"{program} {verb}": confirming(APT_ANSWERS)
        for program in ("apt", "apt-get")
        for verb in ("install", "upgrade", "full-upgrade", "dist-upgrade", "remove", "purge", "autoremove", "build-dep")
    },
    **{
        f"{program} {verb}": confirming(DNF_ANSWERS)
        for program in ("dnf", "yum")
        for verb in ("install", "upgrade", "update", "remove", "system-upgrade")
    },
    **{f"zypper {verb}": confirming("-y --no-confirm -n --non-interactive -D --dry-run") for verb in ("dup", "in", "install", "up", "update")},
    "pacman": confirming("--noconfirm -p --print -s -i -l -g", asks="-S -U -R"),
    "do-release-upgrade": confirming("-f --frontend -c --check-dist-upgrade-only"),
    **{f"{program} apply": confirming(f"-auto-approve --auto-approve -help {OPERAND}") for program in ("terraform", "tofu")},
    **{f"{program} destroy": confirming("-auto-approve --auto-approve -help") for program in ("terraform", "tofu")},
    "ansible-playbook": confirming("", asks="-k -K --ask-pass --ask-become-pass --ask-vault-pass --ask-vault-password -J"),
    "ansible": Behavior(asks="-k -K -J --ask-pass --ask-become-pass --ask-vault-pass --ask-vault-password", short="BMPTacefilmtu"),
    **dict.fromkeys(("pssh", "parallel-ssh"), Behavior(asks="-A --askpass", short="HOXeghloptx")),
    "fab": confirming("", asks="--prompt-for-login-password --prompt-for-passphrase --prompt-for-sudo-password"),
    **{
        f"{program} {verb}": confirming("-y --yes -d --dry-run")
        for program in ("conda", "mamba", "micromamba")
        for verb in ("install", "create", "update", "remove", "upgrade")
    },
}  # fmt: skip
