"""How long a command takes, by what it is told to do: Command in, Weight out.

A program alone seldom says it; its subcommand, its script's name and its options do. A script's name is read as words
(`populate_full_cache.py` is populate, full, cache), never as a substring, and an option that asks for help, a version or
a dry run is read as an option.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from pueue_skill.model import Command


class Weight(NamedTuple):
    """size: long, quick or unknown; `why` completes "this is …"."""

    size: str
    why: str


class Long(NamedTuple):
    """A row of the table: `programs` that, when their first words include one of `subcommands` (or whatever they are
    when there are none) and one of `options` (likewise), run long; `why` says what they do."""

    programs: str
    why: str
    subcommands: str = ""
    options: str = ""


# fmt: off
LONG = (
    Long("torchrun deepspeed horovodrun colossalai", "training"),
    Long("accelerate", "training", "launch"),
    Long("dvc", "a pipeline run", "repro exp"),
    Long("snakemake nextflow luigi cwltool", "a workflow run"),
    Long("dbt", "a warehouse run", "run build seed snapshot"),
    Long("airflow", "a backfill", "backfill"),
    Long("airflow", "a backfill", "dags", "backfill"),
    Long("spark-submit", "a Spark job"),
    Long("mlflow", "a training run", "run"),
    Long("wandb", "a sweep", "agent"),
    Long("optuna", "a sweep", "optimize"),
    Long("ray", "a Ray job", "job"),
    Long("pg_dump pg_dumpall mysqldump mongodump clickhouse-backup", "a dump"),
    Long("pg_restore mysqlimport mongorestore", "a restore"),
    Long("rsync rclone", "a transfer"),
    Long("aws", "a transfer", "s3", "sync cp mv"),
    Long("gsutil", "a transfer", "", "rsync cp"),
    Long("azcopy", "a transfer", "copy sync"),
    Long("huggingface-cli hf", "a model download", "download upload"),
    Long("docker podman buildah", "an image build", "build buildx"),
    Long("docker-compose", "an image build", "build"),
    Long("bazel nix-build", "a whole build", "build test"),
    Long("cargo", "a release build", "build install bench", "--release --workspace --all bench install"),
    Long("ffmpeg HandBrakeCLI", "a transcode"),
    Long("stress stress-ng fio sysbench locust k6 wrk", "a load run"),
    Long("hashcat john", "a search that may run for days"),
    Long("restic borg duplicity", "a backup", "backup create prune check restore"),
)

# A script's or a task's name holding one of these words as a word of its own.
HEAVY_WORDS = {
    "train": "training", "training": "training", "pretrain": "training", "finetune": "training", "retrain": "training",
    "populate": "populating a cache or table", "repopulate": "populating a cache or table", "prefill": "populating",
    "backfill": "a backfill", "ingest": "an ingest", "bulk": "a bulk job", "sweep": "a sweep", "gridsearch": "a sweep",
    "simulate": "a simulation", "simulation": "a simulation", "backtest": "a backtest", "benchmark": "a benchmark",
    "reindex": "a reindex", "crawl": "a crawl", "scrape": "a crawl", "preprocess": "preprocessing",
    "hyperopt": "a sweep", "repro": "a pipeline run", "soak": "a soak run", "overnight": "an overnight run",
    "reprocess": "reprocessing", "rebuild": "a rebuild", "warmup": "warming a cache", "distill": "training",
}
# Options whose presence alone says how long a run is.
HEAVY_OPTIONS = {
    "--epochs": "training", "--num-epochs": "training", "--num_train_epochs": "training", "--max-steps": "training",
    "--n-trials": "a sweep", "--phase": "one phase of a batch",
}
QUICK_OPTIONS = {"--help", "--version", "--dry-run", "--dryrun", "--plan", "--status", "--list", "--check-only", "--list-rules"}
QUICK_SHORT = {"-h", "-V"}
RUNNERS = {"python", "python3", "python2", "pypy", "pypy3", "node", "ruby", "perl", "Rscript", "julia", "php", "bun", "deno", *{"bash", "sh", "zsh"}}
TASKS = {"make", "just", "mise", "task", "npm", "pnpm", "yarn", "invoke", "inv", "nox", "tox", "rake"}
QUICK = {
    "ls", "cat", "head", "tail", "wc", "df", "du", "free", "uptime", "who", "w", "date", "hostname", "uname", "pwd", "echo", "printf",
    "grep", "egrep", "fgrep", "rg", "awk", "sed", "cut", "sort", "uniq", "tr", "jq", "yq", "column", "xxd", "od", "diff", "cmp", "stat", "file",
    "ps", "pgrep", "pkill", "kill", "killall", "top", "htop", "nvidia-smi", "nvtop", "rocm-smi", "lscpu", "lsblk", "lsof", "ss", "netstat", "ip", "ping", "dig",
    "systemctl", "journalctl", "loginctl", "service", "dmesg", "last", "id", "groups", "whoami", "env", "export", "set", "unset", "test", "[", "true", "false", ":",
    "cd", "mkdir", "touch", "ln", "rm", "rmdir", "mv", "cp", "chmod", "chown", "readlink", "realpath", "dirname", "basename", "which", "type", "command", "hash",
    "git", "gh", "source", ".", "read", "local", "declare", "return", "exit", "break", "continue", "shift", "trap", "wait", "sleep", "tmux", "screen",
    "md5sum", "sha256sum", "sha1sum", "crontab", "find", "tee", "xargs", "seq", "pueue", "pueue-skill", "pueued", "squeue", "sinfo", "sacct", "scancel",
    "docker", "podman", "kubectl", "curl", "wget", "nproc", "getent", "locate", "man", "history", "alias", "python-config", "less", "more", "clear",
}
# fmt: on
ANCHORS = (
    *sorted({program for row in LONG for program in row.programs.split()}),
    *sorted(HEAVY_WORDS),
    *sorted(HEAVY_OPTIONS),
    "--symbol",
)
"""One of these stands in every text with a command that weighs long."""
WORDS = re.compile(r"[A-Za-z]+")


def weigh(command: Command) -> Weight:
    """How long `command` takes, as far as its words tell."""
    args = command.args
    if quick_option(args):
        return Weight("quick", "only asks for help, a version or a plan")
    for row in LONG:
        if command.name in row.programs.split() and matches(row, args):
            return Weight("long", row.why)
    script = script_of(command)
    if script is not None:
        why = heavy_name(script)
        if why:
            return Weight("long", why)
        for arg in args:
            option = arg.partition("=")[0]
            if option in HEAVY_OPTIONS:
                return Weight("long", HEAVY_OPTIONS[option])
        if "--symbol" in args and "--threshold" in args:
            return Weight("long", "one symbol and threshold of a batch")
        return Weight("unknown", f"what {script} does, and for how long, is its own affair")
    if command.name in QUICK:
        return Weight("quick", "quick")
    return Weight("unknown", f"nothing is known of {command.name}")


def quick_option(args: tuple[str, ...]) -> bool:
    for arg in args:
        if arg == "--":
            return False
        if arg in QUICK_OPTIONS or arg in QUICK_SHORT:
            return True
    return False


def matches(row: Long, args: tuple[str, ...]) -> bool:
    if row.subcommands and not (args and args[0] in row.subcommands.split()):
        return False
    return not row.options or any(arg in row.options.split() for arg in args)


def script_of(command: Command) -> str | None:
    """The script, module or task that `command` runs, or None when it runs no such thing."""
    args = command.args
    if command.name in RUNNERS:
        i = 0
        while i < len(args) and args[i].startswith("-"):
            if args[i] == "-m" and i + 1 < len(args):
                return args[i + 1]
            if args[i] in ("-c", "-e", "-"):
                return None
            i += 2 if args[i] in ("-W", "-X", "-r") else 1
        return args[i] if i < len(args) else None
    if command.name in TASKS:
        plain = [arg for arg in args if not arg.startswith("-") and "=" not in arg]
        if command.name in ("npm", "pnpm", "yarn", "mise") and plain[:1] in (["run"], ["run-script"]):
            plain = plain[1:]
        return plain[0] if plain else None
    program = command.words[0].value
    if "/" in program or re.search(r"\.(py|sh|rb|pl|R|jl|js|ts)$", program):
        return program if command.name not in QUICK else None
    return None


def heavy_name(script: str) -> str | None:
    """What a script's name says it does, if that takes long. Tests, configuration and reports do not."""
    base = script.rpartition("/")[2]
    words = [word.lower() for word in WORDS.findall(re.sub(r"([a-z])([A-Z])", r"\1_\2", base))]
    if words[:1] in (["test"], ["check"], ["validate"], ["show"], ["list"], ["plot"], ["status"]) or "status" in words:
        return None
    for word in words:
        if word in HEAVY_WORDS:
            return HEAVY_WORDS[word]
    return None
