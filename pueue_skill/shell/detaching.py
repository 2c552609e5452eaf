"""How tools hold on to their work: data by tool and subcommand, read by facts.py.

A shell sees the end of what it starts only while the tool stays with its work, and a job has no terminal: so of each tool
these are the options that decide it, as its documentation has them.
"""

from __future__ import annotations

from collections.abc import Mapping

from pueue_skill.startup.record import NamedTuple

ALWAYS = "*"
"""In place of options: without any of them too."""
OPERAND = "+"
"""Among `answered`: a word that is no option."""


class Conduct(NamedTuple):
    """Options of a tool, apart by blanks; those of one letter are also found in a cluster (`-itd`).

    With one of `detaches`, and none of `waits`, the tool leaves its work to `keeper`, or to a process in the background, and
    returns; a `queue` among these keeps its output and exit status. `terminal` ask for a terminal. With one of `asks`, and none of `answered`, the tool asks
    before it acts. `short` are the tool's one-letter options that take a value, where it is no wrapper of facts.py.
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


def containers() -> dict[str, Conduct]:
    """The same options for every engine, its compose and its `container` commands."""
    found: dict[str, Conduct] = {}
    for program, keeper in ENGINES.items():
        attached = Conduct(keeper, "-d --detach", terminal="-t --tty")
        started = Conduct(keeper, ALWAYS, waits="-a --attach -i --interactive")
        for prefix in (program, f"{program} container"):
            found |= {f"{prefix} run": attached, f"{prefix} exec": attached, f"{prefix} start": started}
    for program, keeper in COMPOSES.items():
        attached = Conduct(keeper, "-d --detach", terminal="-t --tty")
        found |= {f"{program} run": attached, f"{program} exec": attached}
        found[f"{program} up"] = Conduct(keeper, "-d --detach --wait", short="pft")
        found[f"{program} start"] = Conduct(keeper, ALWAYS)
    for program in CLUSTERS:
        found |= {f"{program} {verb}": Conduct(terminal="-t --tty") for verb in ("exec", "attach", "debug", "rsh")}
        found[f"{program} run"] = Conduct("Kubernetes", ALWAYS, waits="--attach -i --stdin --rm", terminal="-t --tty")
        found[f"{program} apply"] = found[f"{program} create"] = Conduct("Kubernetes", ALWAYS, queue=True)
    return found


def queued(keeper: str, waits: str = "", terminal: str = "", detaches: str = ALWAYS) -> Conduct:
    """A tool that hands its work to a queue or a service, which keeps what becomes of it."""
    return Conduct(keeper, detaches, waits, terminal, queue=True)


def confirmed(answered: str, asks: str = ALWAYS) -> Conduct:
    return Conduct(asks=asks, answered=answered)


APT = "-y --yes --assume-yes -s --simulate --dry-run --just-print -d --download-only --print-uris"
DNF = "-y --assumeyes --assumeno --downloadonly"

CONDUCT: Mapping[str, Conduct] = {
    **containers(),
    "docker stack deploy": queued("Docker"),
    "docker service create": Conduct("Docker", ALWAYS),
    "systemd-run": Conduct(
        "systemd", ALWAYS, waits="--wait --scope -P --pipe -t --pty -S --shell", terminal="-t --pty -S --shell"
    ),
    # queues and services
    "sbatch": queued("Slurm", waits="-W --wait"),
    "srun": Conduct(terminal="--pty"),
    "bsub": queued("LSF", waits="-K -I -Ip -Is -IS -ISp -ISs", terminal="-Ip -Is -ISp -ISs"),
    "qsub": queued("the batch system", waits="-I -sync", terminal="-I"),
    "condor_submit": queued("HTCondor", waits="-i -interactive", terminal="-i -interactive"),
    "flux submit": queued("Flux", waits="--wait --watch"),
    "flux batch": queued("Flux"),
    "hq submit": queued("HyperQueue", waits="--wait --progress"),
    "oarsub": queued("OAR", waits="-I --interactive", terminal="-I --interactive"),
    "tsp": queued("task spooler", waits="-f"),
    "nq": queued("nq"),
    "aws batch submit-job": queued("AWS Batch"),
    "gcloud": queued("Google Cloud", detaches="--async"),
    "az": queued("Azure", detaches="--no-wait"),
    "az ml job create": queued("Azure", waits="--stream"),
    "ray job submit": queued("Ray", detaches="--no-wait"),
    "sky launch": queued("SkyPilot", detaches="-d --detach-run"),
    "argo submit": queued("Argo", waits="-w --wait --watch --log"),
    "nomad job run": queued("Nomad", detaches="-detach"),
    "prefect deployment run": queued("Prefect", waits="--watch"),
    "airflow dags trigger": queued("Airflow"),
    "gh workflow run": queued("GitHub"),
    "velero backup create": queued("Velero", waits="-w --wait"),
    "flink run": queued("Flink", detaches="-d --detached"),
    "zpool scrub": queued("ZFS", waits="-w"),
    "zpool resilver": queued("ZFS"),
    "btrfs scrub start": queued("btrfs", waits="-B"),
    "btrfs balance start": queued("btrfs", detaches="--bg --background"),
    "smartctl": queued("the disk", detaches="-t --test", waits="-C --captive"),
    # programs that put themselves in the background
    "wget": Conduct(detaches="-b --background", short="aoeiBtOTwQPUlADI"),
    "aria2c": Conduct(detaches="-D --daemon", short="dohVijxsktTl"),
    "nextflow": Conduct(detaches="-bg"),
    "guild run": Conduct(detaches="--background"),
    "gunicorn": Conduct(detaches="-D --daemon", short="bcwktnpug"),
    "uwsgi": Conduct(detaches="-d --daemonize --daemonize2"),
    "celery": Conduct(detaches="-D --detach", short="ABCQcnlPfIOEXs"),
    "redis-server": Conduct(detaches="--daemonize"),
    "mongod": Conduct(detaches="--fork"),
    "memcached": Conduct(detaches="-d --daemon", short="upmctlsaUMf"),
    "pm2 start": Conduct("PM2", ALWAYS, waits="--no-daemon --attach"),
    "sem": Conduct(detaches=ALWAYS, waits="--fg --wait"),
    "supervisorctl start": Conduct("supervisord", ALWAYS),
    # shells of their own
    **dict.fromkeys(("poetry shell", "pipenv shell", "hatch shell", "salloc"), Conduct(terminal=ALWAYS)),
    # what asks before it acts; xargs and parallel ask at the terminal, whatever their input is
    "xargs": Conduct(terminal="-p --interactive -o --open-tty"),
    "parallel": Conduct(terminal="-p --interactive -o --open-tty --tty"),
    "find": confirmed("", asks="-ok -okdir"),
    **{
        f"{program} {verb}": confirmed(APT)
        for program in ("apt", "apt-get")
        for verb in ("install", "upgrade", "full-upgrade", "dist-upgrade", "remove", "purge", "autoremove", "build-dep")
    },
    **{
        f"{program} {verb}": confirmed(DNF)
        for program in ("dnf", "yum")
        for verb in ("install", "upgrade", "update", "remove", "system-upgrade")
    },
    **{f"zypper {verb}": confirmed("-y --no-confirm -n --non-interactive -D --dry-run") for verb in ("dup", "in", "install", "up", "update")},
    "pacman": confirmed("--noconfirm -p --print -s -i -l -g", asks="-S -U -R"),
    "do-release-upgrade": confirmed("-f --frontend -c --check-dist-upgrade-only"),
    **{f"{program} apply": confirmed(f"-auto-approve --auto-approve -help {OPERAND}") for program in ("terraform", "tofu")},
    **{f"{program} destroy": confirmed("-auto-approve --auto-approve -help") for program in ("terraform", "tofu")},
    "ansible-playbook": confirmed("", asks="-k -K --ask-pass --ask-become-pass --ask-vault-pass --ask-vault-password -J"),
    **{
        f"{program} {verb}": confirmed("-y --yes -d --dry-run")
        for program in ("conda", "mamba", "micromamba")
        for verb in ("install", "create", "update", "remove", "upgrade")
    },
}  # fmt: skip
