"""The differential test: bash runs each case as written and as rewritten, and everything observable is compared.

Observed are each execution of the recorder `rec` (arguments, input, folder, variables and limits, byte for byte) on this machine and on
hosts, the output and exit status of the text, and every file in the folders of the case. A rewrite is run in up to two ways: its
invocation with the jobs that it queues, or the rewrite in place; and `pueue-skill run` if the text is one job. All runs of a case use
the same separate folder: its working directory and HOME are there, and its HOME on hosts, which the login finds by the variable PQ_CASE.
So many cases share the daemons at the same time.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Generic, TypeVar

from fidelity_cases import CONFIG, HOSTS, KNOWN, PROGRAMS, Case, analysed
from fidelity_runs import (
    Call,
    Outcome,
    Rewriting,
    Run,
    by_looks,
    differences,
    shown,
)
from real import Daemon, Host, Lab, kill, local, real, until
from slurm import Cluster, Tasks

from pueue_skill.queues.pueue.invocation import WAITERS
from pueue_skill.queues.scripts import MAX_ARG_BYTES
from pueue_skill.views.documents import suggestion

T = TypeVar("T")

IMPOSED = re.compile(r"SLURMD?_\w+|HOSTNAME|ENVIRONMENT")
"""Variables that Slurm always sets for a job: references/slurm.md."""
MEMORY = re.compile(rb"max memory size .*\n")
"""A limit that Slurm derives from the job's memory; Linux does not enforce it."""

OWN_FILES = re.compile(
    r"\w+/(\.cache|\.bash_history|\.local(/share)?|\.(cache|config|local/share)/(fish|pueue-skill)(/.*)?)"
)
"""Files of shells and queues, which are not compared."""

QUERY_INTERVAL_S = 0.15
"""The shortest time between two queries of a daemon, which cost more than the cases themselves if they are frequent."""

LIMIT = 90.0
"""The longest duration of a run, in seconds."""

WORKERS = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
"""The number of stages on this machine; they divide the number of concurrent runs."""

FILES = {
    "in.txt": "one\ntwo\nthree\n",
    "symbols.txt": "BTC\nETH\nSOL\n",
    "pairs.txt": "BTC 2023\nETH 2024\n",
    "hard.txt": "a b\n'q' \"d\"\nback\\slash\n  lead\n*\n$HOME `id`\n# x\n\nno newline",
    "env.sh": "export FROM_FILE='from file'\nnot_exported=1\n",
    "job.sh": '#!/bin/bash\nrec job.sh "$@"\n',
    "script.sh": "cd data || exit\nrec script \"$@\" 'it''s' \"$PWD\"\nrec last\n",
    "project/run.sh": '#!/bin/sh\nrec run.sh "$@" "$PWD"\n',
    "data/a.csv": "a\n",
    "data/b.csv": "b\n",
    "data/c d.csv": "c\n",
    "~/.profile": "PATH=@TOOLS@:$PATH\n",  # a system's profile sets PATH again
}
"""The files in a case's folder and in its homes on hosts before a run."""

RECORDER = r"""#!/bin/bash -p
started=$EPOCHREALTIME
PATH=/usr/bin:/bin
cd -P .
case=${PQ_CASE-} pid=$PPID
case $case$PWD in '@ROOT@/c/'*) case=${PWD#'@ROOT@/c/'} case=${case%%/*} ;; esac
while [ -z "$case" ] && [ "$pid" -gt 1 ]; do
  case=$(tr '\0' '\n' <"/proc/$pid/environ" | sed -n 's/^PQ_CASE=//p')
  pid=$(sed -n 's/^PPid:\t//p' "/proc/$pid/status")
done
file=@ROOT@/r/${case:-lost}/$started-$$
read -r -a state <"/proc/$$/stat"
{
  printf '%s\0' "${0##*/}" "$#" "$PWD" "$started"
  umask; ulimit -S -a; printf 'nice %s\0' "${state[18]}"
  cat "/proc/$$/cmdline" "/proc/$$/environ"
} >"$file"
printf '%s\n' "out $*"
status=0
case ${0##*/} in
  rec-in) tee "$file.in" ;;
  rec-err) printf '%s\n' "err $*" >&2 ;;
  rec-exit) status=$1 ;;
  rec-kill) kill "-$1" $$ ;;
  rec-slow) sleep 0.4 ;;
esac
printf %s "$EPOCHREALTIME" >"$file.end"
exit "$status"
"""
"""The recorder. It reads its command line and environment from the kernel, unchanged."""

AT = """#!/bin/sh
# at(1) hands its script to a daemon of the system; here it is started at once.
[ "$*" = now ] || [ "${0##*/}" = batch ] || exit 1
work=$(cat)
setsid sh -c "$work" </dev/null >/dev/null 2>&1 &
"""


def environs() -> dict[int, bytes]:
    """Return the environments of all processes of cases, by process ID."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environ = (folder / "environ").read_bytes()
            if b"PQ_CASE=" in environ:
                found[int(folder.name)] = environ
    return found


def snapshot(folder: Path) -> dict[str, object]:
    """Return the mode and content of every file below `folder`, and the target of every symlink."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        name = os.fsencode(path.relative_to(folder)).decode("utf-8", "backslashreplace")
        if OWN_FILES.fullmatch(name):
            continue
        state = path.lstat()
        if stat.S_ISLNK(state.st_mode):
            found[name] = ("link", str(path.readlink()))
        else:
            content = path.read_bytes() if stat.S_ISREG(state.st_mode) else None
            found[name] = (stat.filemode(state.st_mode), content)
    return found


CARRIERS = {
    "kubectl": '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done\nshift\nexec "$@"\n',
    "chroot": '#!/bin/sh\nshift\nexec "$@"\n',
    "pdsh": '#!/bin/sh\nhost=$2\nshift 2\nexec ssh -n "$host" "$*"\n',
    "clush": '#!/bin/sh\nhost=$2\nshift 2\nexec ssh -n "$host" "$*"\n',
    "sshpass": '#!/bin/sh\nshift\nexec "$@"\n',
}
"""Programs that run a command elsewhere, which need a cluster, root, or a password. They pass the command on as the programs do."""


class Asked(Generic[T]):
    """A query that threads share. It runs at most every QUERY_INTERVAL_S, and for at most a fifth of the time on a busy machine."""

    def __init__(self, ask: Callable[[], T]) -> None:
        self.ask = ask
        self.lock = threading.Lock()
        self.taken = self.due = 0.0

    def now(self) -> T:
        now = time.monotonic()
        with self.lock:
            if self.taken < now:
                time.sleep(max(0.0, self.due - time.monotonic()))
                self.taken = time.monotonic()
                self.last = self.ask()
                self.due = self.taken + max(QUERY_INTERVAL_S, 5 * (time.monotonic() - self.taken))
            return self.last


class Queue:
    """A daemon whose state threads query at the same time."""

    def __init__(self, daemon: Daemon | Tasks) -> None:
        self.daemon = daemon
        self.asked = Asked(daemon.tasks)

    def tasks(self, case: str) -> dict[int, dict[str, Any]]:
        """Return the current tasks of a case."""
        return {id: task for id, task in self.asked.now().items() if task["envs"].get("PQ_CASE") == case}


class Place:
    """The folders, environment and records of one case."""

    def __init__(self, stage: Stage, id: str, case: Case) -> None:
        self.stage, self.id, self.case = stage, id, case
        self.folder, self.records = stage.lab.root / "c" / id, stage.lab.root / "r" / id
        self.home, self.cwd = self.folder / "local", self.folder / "local/it's here"
        self.queues = {name: stage.queue(name) for name in ("local", *HOSTS) if name == "local" or name in case.text}
        self.env = stage.local.env | {
            "HOME": str(self.home), "PQ_CASE": id, "PQ_HOST": "local", "TMUX_TMPDIR": str(self.records), "SCREENDIR": str(self.records / "screen"),
            "PARALLEL_HOME": str(stage.lab.root / "parallel"), "XDG_CONFIG_HOME": str(stage.lab.root / "config"),
            "XDG_CACHE_HOME": str(stage.lab.root / "cache"), "XDG_STATE_HOME": str(stage.lab.root / "state"), "TMPDIR": "/tmp",
            "PWD": str(self.home / "a link"), **case.variables,
        }  # fmt: skip
        if stage.cluster:
            self.env["SLURM_CONF"] = str(stage.cluster.conf)

    def fresh(self) -> None:
        """Create the folders again."""
        for folder in (self.folder, self.records):
            shutil.rmtree(folder, ignore_errors=True)
        (self.records / "screen").mkdir(parents=True, mode=0o700)
        homes = {"local": self.cwd}
        for name in self.queues:
            if name == "local":
                continue
            homes[name] = self.folder / name
            for link in (".local/bin", ".local/share/pueue", ".config/pueue"):
                (homes[name] / link).parent.mkdir(parents=True, exist_ok=True)
                (homes[name] / link).symlink_to(self.queues[name].daemon.home / link)
        for name, text in {**FILES, **self.case.files}.items():
            host, colon, name = name.rpartition(":")
            for home in [homes[host]] if colon else homes.values():
                file = (self.home if home == self.cwd else home) / name[2:] if name.startswith("~/") else home / name
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(os.fsencode(text.replace("@TOOLS@", str(self.stage.tools))))
                if text.startswith("#!"):
                    file.chmod(0o755)
        (self.home / "project").mkdir()
        (self.home / "a link").symlink_to(self.cwd)  # as people reach their folders, whose name is then another

    def run(self, *command: str, queues: bool = True) -> Run:
        """Run a command until it and all processes that it left have ended, with `queues` its jobs too; return what was observed."""
        self.fresh()
        if self.case.around:
            command = ("bash", "-c", f'{self.case.around} "$@"', "bash", *command)
        pipe = subprocess.PIPE
        process = subprocess.Popen(
            command, env=self.env, cwd=self.env["PWD"], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True
        )  # fmt: skip
        trouble = []
        try:
            stdout, stderr = process.communicate(timeout=LIMIT)
        except subprocess.TimeoutExpired:
            trouble.append(f"it did not end within {LIMIT:g} s")
            kill(self.processes())
            stdout, stderr = process.communicate()
        places = self.end(trouble, queues)
        status = process.returncode if process.returncode >= 0 else 128 - process.returncode
        return Run(status, masked(stdout), masked(stderr), self.calls(), snapshot(self.folder), places, tuple(trouble))

    def bash(self, text: str, queues: bool = True) -> Run:
        """Run a text as an agent's client would, or from a file if it is too long for an argument."""
        if len(os.fsencode(text)) <= MAX_ARG_BYTES:
            return self.run("bash", "-c", text, queues=queues)
        file = self.stage.lab.root / "c" / f"{self.id}.sh"
        file.write_bytes(os.fsencode(text))
        return self.run("bash", str(file), queues=queues)

    def processes(self) -> list[int]:
        mark = b"PQ_CASE=%s\0" % self.id.encode()
        return [number for number, environ in self.stage.environs.now().items() if mark in environ]

    def quiet(self) -> bool:
        """Return whether no job and no process of the case is left; a process that waits for a job may submit the next."""
        return self.jobs_done() and not self.processes() and self.jobs_done()

    def jobs_done(self) -> bool:
        return all("Done" in task["status"] for queue in self.queues.values() for task in queue.tasks(self.id).values())

    def end(self, trouble: list[str], queues: bool) -> dict[str, int]:
        """Wait for the case's processes and jobs, and remove the jobs; return their positions in the queue by key."""
        try:
            # Asked limits the queries.
            until(self.quiet if queues else lambda: not self.processes(), "the end", LIMIT, longest_pause=0.02)
        except TimeoutError:
            trouble.append(f"after {LIMIT:g} s it still has jobs, or {len(self.processes())} processes")
        places: dict[str, int] = {}
        self.ids: list[int] = []
        self.results: list[object] = []
        for queue in self.queues.values() if queues else ():
            tasks = queue.tasks(self.id)
            for id, task in tasks.items():
                if task.get("group") == WAITERS:
                    continue
                self.ids.append(id)
                key = re.search(r"PUEUE_SKILL_KEY=(\S+)", task["command"])
                places[key[1] if key else ""] = id
                self.results.append(task["status"].get("Done", {}).get("result"))
            if not all("Done" in task["status"] for task in tasks.values()):
                queue.daemon.run("kill", *map(str, tasks))
            if tasks:
                until(lambda q=queue, t=tasks: not q.daemon.run("remove", *map(str, t)).returncode, "jobs to go")  # type: ignore[misc]
        kill(self.processes())
        return places

    def calls(self) -> tuple[Call, ...]:
        found = []
        for file in sorted(self.records.glob("[0-9]*-*[0-9]")):
            raw = file.read_bytes()
            program, count, folder, started, limits, rest = raw.split(b"\0", 5)
            words = rest.split(b"\0")
            at = int(count) + 3  # bash, -p and the path come first
            variables = dict([tuple(word.split(b"=", 1)) for word in words[at:] if b"=" in word])
            if self.stage.cluster:
                variables = {name: value for name, value in variables.items() if not IMPOSED.fullmatch(name.decode())}
                limits = MEMORY.sub(b"", limits)
            ended, fed = file.with_name(file.name + ".end"), file.with_name(file.name + ".in")
            found.append(Call(
                program.decode(), tuple(words[3:at]), folder, variables, fed.read_bytes() if fed.exists() else None, limits,
                float(started), float(ended.read_text() or "inf") if ended.exists() else float("inf"),
            ))  # fmt: skip
        return tuple(found)


def masked(output: bytes) -> bytes:
    """Return `output` without durations, process IDs, folders of shells, and ssh's message about a terminal."""
    output = re.sub(rb"(?m)^(real|user|sys)([ \t]+)[0-9.ms]+$", rb"\1\2#", output)
    output = re.sub(rb"(?m)^(\w+: line \d+:) +\d+ +", rb"\1 # ", output)
    output = re.sub(rb"(?m)^/usr/bin/(?=(?:bash|dash|zsh|fish|tcsh): )", b"", output)
    return re.sub(rb"(?m)^Pseudo-terminal will not be allocated.*\n", b"", output)


class Stage:
    """The daemons and hosts that cases share, with the recorder on their PATH. A host is started when a case needs it."""

    def __init__(self, lab: Lab, cluster: Cluster | None = None) -> None:
        self.lab, self.cluster = lab, cluster
        self.config = CONFIG
        if cluster:  # all hosts are of it, and so is this machine
            self.config = "".join(
                [
                    f"{line}\nbackend = 'slurm'\n" if "[hosts." in line else f"{line}\n"
                    for line in [*CONFIG.splitlines(), "[hosts.local]"]
                ]
            )
        if not Path("/proc/self/environ").exists():
            real("/proc")  # elsewhere nothing tells what a program was given
        self.environs = Asked(environs)
        self.numbers = itertools.count()
        self.lock = threading.Lock()
        self.tools = lab.root / "tools"
        for folder in ("tools", "c", "r/lost", "m", "parallel", "config/pueue-skill"):
            (lab.root / folder).mkdir(parents=True)
        for name, text in {**dict.fromkeys(PROGRAMS + KNOWN, RECORDER), "at": AT, "batch": AT}.items():
            (self.tools / name).write_text(text.replace("@ROOT@", str(lab.root)))
            (self.tools / name).chmod(0o755)
        for name in ("ssh", "slogin"):
            (self.tools / name).symlink_to(lab.bin / "ssh")
        for name, text in CARRIERS.items():
            (self.tools / name).write_text(text)
            (self.tools / name).chmod(0o755)
        # One connection a host: a new one for each call would take most of the time.
        (lab.client / ".ssh/config").write_text(f"ControlPath {lab.root}/m/%n\n")
        (lab.root / "config/pueue-skill/config.toml").write_text(self.config)
        lab.env["PATH"] = f"{lab.bin}:{self.tools}:{lab.env['PATH'].partition(':')[2]}"
        self.local = local(lab)
        self.local.pueue("parallel", "0")
        self.queues = {"local": Queue(Tasks(cluster, Path("local")) if cluster else self.local)}
        self.masters: list[subprocess.Popen[bytes]] = []
        self.hosts: list[Daemon] = [self.local]

    def queue(self, name: str) -> Queue:
        with self.lock:
            if name not in self.queues:
                home = f"{self.lab.root}/c/$PQ_CASE/{name}"
                login = f'[ -z "${{PQ_CASE-}}" ] || HOME={home}\nexport PQ_HOST={name}\n'
                login += f"export SLURM_CONF={self.cluster.conf}\n" if self.cluster else ""
                host = Host(self.lab, name, {"default": 0}, HOSTS[name], path=self.tools, login=login, passed="PQ_CASE")
                command = [self.lab.bin / "ssh", "-M", "-N", "-n", name]
                log = self.lab.root / name / "master.log"
                self.masters.append(self.lab.start(*command, env=self.lab.env, cwd=self.lab.root, log=log))
                until((self.lab.root / "m" / name).exists, f"the connection to {name}")
                self.hosts.append(host)
                self.queues[name] = Queue(Tasks(self.cluster, Path(name)) if self.cluster else host)
                if self.cluster:
                    self.queues[name].daemon.home = host.home
            return self.queues[name]

    def rewritten(self, text: str) -> Rewriting:
        """Return the rewrite of `text`, computed in this process."""
        analysis = analysed(text, self.config)
        plan = analysis.plan
        report = suggestion(text, analysis.script, analysis.findings, plan)
        each = any(job.each for job in plan.jobs)
        jobs = 2 if each else len(plan.jobs)
        invocation = report["invocation"] if plan.in_place is None else None
        return Rewriting(report["reason"], invocation, plan.in_place, jobs, each)

    def outcome(self, case: Case, by: Callable[[str], Rewriting] | None = None, run: bool = True) -> Outcome:
        """Run one case; `by` overrides its rewrite, and with `run` it also goes through `pueue-skill run`."""
        rewriting = (by or self.rewritten)(case.text)
        left = rewriting.invocation is None and rewriting.in_place is None
        if case.leave is not None:
            if left and case.leave in rewriting.reason:
                return Outcome(case, "left", rewriting)
            wrong = f"it should be left as is because of {case.leave!r}"
            return Outcome(case, "different", rewriting, (wrong,))
        if left:
            # Loops that only the shell knows are no invocations of Slurm.
            stays = case.may_stay or (self.cluster is not None and rewriting.jobs == 2)
            return Outcome(case, "left" if stays else "different", rewriting, ("it is not rewritten",))
        place = Place(
            self, f"{os.getpid()}-{next(self.numbers)}", case
        )  # no other suite on this machine ends its processes
        written = place.bash(case.meant or case.text, queues=False)
        if case.signal or (case.signal_over_ssh and written.status == 255):
            written = written._replace(status=None)
        found = [f"as written, {trouble}" for trouble in written.trouble]
        for name, other in self.routes(place, written, rewriting, run and by is None):
            if case.detached:
                other = other._replace(status=None, stdout=None, stderr=None)
            wrong_here = list(differences(written, other, case))
            if wrong_here:
                found += [f"{name}: {one}" for one in wrong_here]
                found += [
                    f"  {a!s:<70} │ {b!s}"
                    for a, b in itertools.zip_longest(
                        sorted(written.calls, key=by_looks), sorted(other.calls, key=by_looks)
                    )
                ]
        for folder in (place.folder, place.records):
            shutil.rmtree(folder, ignore_errors=True)
        return Outcome(case, "different" if found else "identical", rewriting, tuple(found))

    def routes(self, place: Place, written: Run, rewriting: Rewriting, run: bool) -> Iterator[tuple[str, Run]]:
        if rewriting.in_place is not None:
            other = place.bash(rewriting.in_place)
            if " --detach" in rewriting.in_place:  # it only submits
                other = other._replace(status=None, stdout=None, stderr=None)
            yield "in place", other
        elif rewriting.invocation is not None and not place.case.around:
            yield "invocation", self.queued(place, written, rewriting)
        if run and rewriting.jobs == 1 and len(os.fsencode(place.case.text)) <= MAX_ARG_BYTES:
            merged = re.search(r"2>&1|&>|\|&", place.case.text) and not written.stderr
            split = [] if merged else ["--split-output"]
            yield "run", place.run("pueue-skill", "run", "--follow", *split, "--", place.case.text)

    def queued(self, place: Place, written: Run, rewriting: Rewriting) -> Run:
        """Run an invocation and its jobs; the status is that of the only job."""
        done = place.bash(rewriting.invocation or "")
        trouble = [*done.trouble]
        expected = (0, written.status) if rewriting.each else (0,)  # a loop's own input may be at fault
        if done.status not in expected or (done.stderr or b"") not in (written.stderr or b""):
            trouble.append(f"the invocation ends with {done.status} and says {shown(done.stderr)}")
        printed = sorted((done.stdout or b"").decode().split())
        of_jobs = "pueue-skill ssh" in (rewriting.invocation or "")  # jobs that queue jobs themselves
        if printed != sorted(map(str, place.ids)) and not (of_jobs and {*printed} <= {*map(str, place.ids)}):
            trouble.append(f"the invocation prints {shown(done.stdout)} and has queued {place.ids}")
        status: int | str | None = None
        if rewriting.jobs == 1 and len(place.results) == 1:
            (result,) = place.results
            status = 0 if result == "Success" else result["Failed"] if isinstance(result, dict) and "Failed" in result else str(result)  # fmt: skip
        return done._replace(status=status, stdout=None, stderr=None, trouble=tuple(trouble))

    def outcomes(
        self, cases: Iterable[Case], by: Callable[[str], Rewriting] | None = None, run: bool = True
    ) -> Iterator[Outcome]:
        """Yield the outcomes of all cases, which run concurrently."""

        def outcome(case: Case) -> Outcome:
            try:
                return self.outcome(case, by, run)
            except Exception as error:
                return Outcome(case, "different", Rewriting("it fails"), (f"{error!r}",))

        # A cluster is on one worker alone, and its jobs wait for its scheduler more than they work.
        with ThreadPoolExecutor(max_workers=24 if self.cluster else max(8, 24 // WORKERS)) as pool:
            yield from pool.map(outcome, [case for case in cases if not (self.cluster and case.not_slurm)])
        lost = list((self.lab.root / "r/lost").iterdir())
        assert not lost, f"{len(lost)} executions that belong to no case: {lost[0].read_bytes()!r}"

    def close(self) -> None:
        for master in self.masters:
            self.lab.end(master)
        for host in self.hosts:
            host.stop()


@contextlib.contextmanager
def stage(slurm: bool = False) -> Iterator[Stage]:
    """Yield a new stage, and remove everything afterwards; with `slurm`, its queues are those of a cluster."""
    with contextlib.ExitStack() as ends:
        lab = Lab()
        ends.callback(lab.close)
        cluster = Cluster(lab, cpus=24) if slurm else None
        if cluster:
            ends.callback(cluster.stop)
        stage = Stage(lab, cluster)
        ends.callback(stage.close)
        yield stage
