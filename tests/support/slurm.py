"""A real Slurm cluster for tests: munged, slurmctld and slurmd on loopback, private to one test session, without systemd or cgroups.

All nodes are this machine, with different names and ports; their CPUs and memory are made up. Only SLURM_CONF leads to the cluster, so
tests do not see another Slurm of the user. A `login` is a host over ssh with a client of the cluster.
"""

from __future__ import annotations

import contextlib
import getpass
import json
import os
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from real import Host, Lab, kill, real, strays, until

CONF = """\
ClusterName=lab
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
SlurmdPort={port}
AuthType=auth/munge
AuthInfo=socket={root}/munge.sock
CredType=cred/munge
SlurmUser={user}
SlurmdUser={user}
StateSaveLocation={root}/ctl
SlurmdSpoolDir={root}/spool.%n
SlurmctldPidFile={root}/slurmctld.pid
SlurmdPidFile={root}/slurmd.%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
DefMemPerCPU=100
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,bf_interval=1,batch_sched_delay=0,sched_min_interval=0,kill_invalid_depend
{accounts}
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=1
JobAcctGatherParams=OverMemoryKill
MinJobAge={age}
MaxJobCount=20000
MaxArraySize={largest}
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=30
InactiveLimit=0
KillWait=2
MpiDefault=none
SlurmdParameters=config_overrides
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=NO
PartitionName=short Nodes=ALL MaxTime=60 State=UP OverSubscribe=NO
"""
NO_ACCOUNTS = "AccountingStorageType=accounting_storage/none"
ACCOUNTS = """\
AccountingStorageType=accounting_storage/slurmdbd
AccountingStoragePass={root}/munge.sock
AccountingStorageHost=127.0.0.1
AccountingStoragePort={port}
AccountingStorageEnforce=associations,limits,qos
"""
ACCOUNTS_CONF = """\
AuthType=auth/munge
AuthInfo=socket={root}/munge.sock
SlurmUser={user}
DbdHost=localhost
DbdAddr=127.0.0.1
DbdPort={port}
PidFile={root}/slurmdbd.pid
StorageType=accounting_storage/mysql
StorageHost=127.0.0.1
StoragePort={database}
StorageUser={user}
StorageLoc=slurm
"""


class Cluster:
    """A cluster of `nodes`, with `cpus` and 64 GB each; arrays have at most `largest` - 1 jobs, and ended jobs are forgotten after `age` s.

    With `accounts` it has accounting and its limits, in a separate slurmdbd and database.
    """

    def __init__(
        self, lab: Lab, nodes: int = 2, cpus: int = 8, largest: int = 21, age: int = 3600, accounts: bool = False
    ) -> None:
        self.lab, self.root = lab, Path(tempfile.mkdtemp(prefix="slurm-", dir=lab.root))
        self.root.chmod(0o755)
        (self.root / "ctl").mkdir()
        programs = {name: real(name) for name in ("munged", "slurmctld", "slurmd", "sbatch", "squeue")}
        self.home = self.root / "home"
        (self.home / ".config/pueue-skill").mkdir(parents=True)
        self.conf = self.root / "slurm.conf"
        self.env = lab.env | {"SLURM_CONF": str(self.conf), "HOME": str(self.home)}
        self.env |= {"PUEUE_CONFIG_PATH": str(self.root / "no-pueue.yml")}
        key = self.root / "munge.key"
        key.write_bytes(os.urandom(128))
        key.chmod(0o400)
        files = ["key", "sock", "pid", "log", "seed"]
        options = [f"--{name}={self.root}/munge.{end}" for name, end in zip(("key-file", "socket", "pid-file", "log-file", "seed-file"), files, strict=True)]  # fmt: skip
        self.nodes = [f"n{i}" for i in range(1, nodes + 1)]
        host = socket.gethostname().partition(".")[0]
        database, slurmdbd, *ports = free_ports(nodes + 3)
        listed = [
            f"NodeName={name} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs={cpus} RealMemory=64000 State=UNKNOWN"
            for name, port in zip(self.nodes, ports[1:], strict=True)
        ]
        text = CONF.format(
            host=host, port=ports[0], root=self.root, user=getpass.getuser(), age=age, largest=largest, nodes="\n".join(listed),
            accounts=ACCOUNTS.format(root=self.root, port=slurmdbd) if accounts else NO_ACCOUNTS,
        )  # fmt: skip
        self.conf.write_text(text)
        self.daemons = [self.start(programs["munged"], "--foreground", "--force", *options)]
        until(lambda: (self.root / "munge.sock").exists(), "munged")
        if accounts:
            self.keep_accounts(slurmdbd, database)
        self.controller = self.start(programs["slurmctld"], "-D")
        self.daemons.append(self.controller)
        for name in self.nodes:
            (self.root / f"spool.{name}").mkdir()
            self.daemons.append(self.start(programs["slurmd"], "-D", "-N", name))
        until(lambda: self.run("sinfo", "-h", "-t", "idle", "-o", "%D").strip() == str(nodes), "the nodes", 60)

    def keep_accounts(self, port: int, database: int) -> None:
        """Start a slurmdbd and its database on these ports."""
        user = f"--user={getpass.getuser()}"
        folder = self.root / "database"
        new = [real("mariadb-install-db"), "--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db", user, f"--datadir={folder}"]  # fmt: skip
        subprocess.run(new, check=True, capture_output=True, timeout=60)
        answers = self.root / "database.sock"
        self.daemons.append(
            self.start(
                real("mariadbd"), "--no-defaults", user, f"--datadir={folder}", f"--socket={answers}", f"--pid-file={folder}.pid",
                "--bind-address=127.0.0.1", f"--port={database}", "--skip-grant-tables", "--innodb-flush-log-at-trx-commit=0",
            )
        )  # fmt: skip
        until(answers.exists, "the database", 60)
        conf = self.root / "slurmdbd.conf"
        conf.write_text(ACCOUNTS_CONF.format(root=self.root, user=getpass.getuser(), port=port, database=database))
        conf.chmod(0o600)
        self.daemons.append(self.start(real("slurmdbd"), "-D"))
        until(lambda: "root" in self.run("sacctmgr", "--noheader", "show", "accounts"), "the accounts", 30)
        self.run("sacctmgr", "--immediate", "add", "cluster", "lab")

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        log = self.root / f"{Path(command[0]).name}.{len(list(self.root.glob('*.out')))}.out"
        return self.lab.start(*command, env=self.env, cwd=self.root, log=log)

    def run(self, *command: str) -> str:
        """Run a program of Slurm, and return its stdout."""
        return subprocess.run(command, env=self.env, capture_output=True, text=True, timeout=60).stdout

    def jobs(self) -> list[str]:
        """Return the states of all jobs that Slurm knows, one word each, with arrays expanded."""
        return self.run("squeue", "-h", "-r", "-t", "all", "-o", "%T").split()

    def configured(self, text: str) -> None:
        """Write the configuration of the local client."""
        (self.home / ".config/pueue-skill/config.toml").write_text(text)

    def login(self, name: str) -> Host:
        """Return a host over ssh from which jobs are submitted to the cluster."""
        return Host(self.lab, name, {}, login=f"export SLURM_CONF='{self.conf}'\n", empty=True)

    def cancel(self) -> None:
        """End all jobs."""
        self.run("scancel", "--user", getpass.getuser())
        until(lambda: not self.run("squeue", "-h", "-o", "%i").strip(), "the end of all jobs", 40)

    def stop(self) -> None:
        with contextlib.suppress(TimeoutError):
            self.cancel()
        for daemon in reversed(self.daemons):
            self.lab.end(daemon)
        kill(strays(self.root))


class Client:
    """Run the command line on the cluster, with separate options of sbatch."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster, self.folder = cluster, folder
        self.env = cluster.env | {"XDG_CONFIG_HOME": str(folder / "config"), "XDG_DATA_HOME": str(folder / "data")}
        (folder / "config/pueue-skill").mkdir(parents=True)
        self.options()

    def options(self, *words: str) -> None:
        file = self.folder / "config/pueue-skill/config.toml"
        file.write_text(f'[hosts.local]\nbackend = "slurm"\noptions = {json.dumps(words)}\n')

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["pueue-skill", *words], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=100
        )

    def queue(self, command: str, *words: str) -> str:
        done = self("run", "--detach", *words, "--", command)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip().rpartition(":")[2]

    def job(self, id: str) -> dict[str, Any]:
        (host,) = json.loads(self("status", "--json", "local").stdout)["hosts"]
        return next((job for job in host["jobs"] if job["name"] == f"local:{id}"), {})

    def done(self, id: str, seconds: float = 40) -> tuple[str | None, int | None, str]:
        job = until(
            lambda: ((job := self.job(id)).get("status") == "done" and job) or False, f"the end of {id}", seconds
        )
        assert isinstance(job, dict)
        return job["result"], job["exit_code"], job["detail"]

    def runs(self, id: str) -> None:
        until(lambda: self.job(id).get("status") == "running", f"{id} to run", 30)


def free_ports(count: int) -> list[int]:
    """Return ports on which nothing listens now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


class Tasks:
    """The jobs of the cluster as fidelity queries a pueue daemon for tasks: a case's jobs have its folder in theirs."""

    def __init__(self, cluster: Cluster, home: Path) -> None:
        self.cluster, self.home, self.name, self.gone = cluster, home, home.name, set[int]()

    def tasks(self) -> dict[int, dict[str, Any]]:
        found = {}
        fields = "JobID:|,State:|,exit_code:|,Comment:|,WorkDir:"
        for line in self.cluster.run("squeue", "-h", "-t", "all", "-O", fields).splitlines():
            id, state, raw, comment, folder = line.rstrip().split("|", 4)
            case, _, rest = folder.removeprefix(f"{self.cluster.lab.root}/c/").partition("/")
            if int(id) in self.gone or not comment.startswith("pueue-skill ") or rest.partition("/")[0] != self.name:
                continue
            code = int(raw) // 256 if int(raw) % 128 == 0 else 128 + int(raw) % 128
            ended = state in ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "OUT_OF_MEMORY")
            result = "DependencyFailed" if state == "CANCELLED" else {"Failed": code} if code else "Success"
            found[int(id)] = {
                "envs": {"PQ_CASE": case},
                "command": f"PUEUE_SKILL_KEY={comment.split()[1].partition('#')[0]} ",
                "status": {"Done": {"result": result}} if ended else {state: {}},
            }
        return found

    def run(self, verb: str, *ids: str) -> subprocess.CompletedProcess[str]:
        if verb == "remove":
            self.gone |= set(map(int, ids))
        return subprocess.run(["scancel", *ids], env=self.cluster.env, capture_output=True, text=True, timeout=30)

    def stop(self) -> None:
        """Does nothing: the cluster has its own stop."""
