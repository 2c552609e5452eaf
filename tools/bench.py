"""Measures speed and prints ratios; nothing passes or fails.

    python tools/bench.py [analysis|hook|start|batch|units|hosts|stdin|runs|slurm ...]

Analysis: microseconds for one command of the corpus, without imports.
Hook: whole processes, medians of interleaved runs, as multiples of `python -I -c pass` on this machine. A prompt without a trigger has no
word of the rules for prompts, one with words only has some, but is not about long work.
Start: whole processes of the installed command in the same way, as multiples of `python -c pass` of the same interpreter, and
`run --detach` as a multiple of `pueue add`.
Batch: a submission over a real ssh to a real queue.
Units: many items, and two kill -9 of all their processes.
Hosts: the status of many hosts at once, compared with that of the slowest host.
Stdin: a job's input over ssh, compared with ssh and the same reader.
Runs: many concurrent `run`, compared with as many `pueue add` and `pueue follow`.
Slurm: job arrays on an emulated cluster, compared with a loop of sbatch.
"""

from __future__ import annotations

import importlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
CORPUS = ROOT / "tests/cases/corpus"
RUNS = 41


def commands() -> list[str]:
    return [
        json.loads(line)["command"]
        for file in sorted(CORPUS.glob("*.jsonl"))
        for line in file.read_text("utf-8").splitlines()
    ]


def analysis() -> None:
    from pueue_skill.plan.analysis import analyse

    corpus = commands()
    for text in corpus[:50]:
        analyse(text, {})
    times = []
    for text in corpus:
        start = time.perf_counter()
        analyse(text, {})
        times.append((time.perf_counter() - start) * 1e6)
    cuts = statistics.quantiles(times, n=100)
    print(f"analysis of {len(corpus)} commands: median {cuts[49]:.0f} us, p90 {cuts[89]:.0f} us, p99 {cuts[98]:.0f} us")


def event(command: str) -> bytes:
    tool = {
        "session_id": "0b5e8f0c-2a4e-4a53-9d0e-6f7c1c1f9a11",
        "transcript_path": "/home/u/.claude/projects/-home-u-project/0b5e8f0c-2a4e-4a53-9d0e-6f7c1c1f9a11.jsonl",
        "cwd": "/",
        "permission_mode": "default",
        "hook_event_name": "PreToolUse",
        "tool_name": "Bash",
        "tool_input": {"command": command, "description": "what it does"},
        "tool_use_id": "toolu_01",
    }
    return json.dumps(tool, separators=(",", ":")).encode()


def prompt_event(prompt: str) -> bytes:
    payload = json.loads(event("")) | {"hook_event_name": "UserPromptSubmit", "prompt": prompt}
    del payload["tool_name"], payload["tool_input"], payload["tool_use_id"]
    return json.dumps(payload, separators=(",", ":")).encode()


COMMIT = 'git add -A && git commit -m "Say what and why in a line" && git push'
PROMPT = "The dialog closes when I click outside of it. It should stay open until the form is saved; add a test for that too."
LOG = (
    PROMPT + "\n\n```\n" + "error: expected a string, got undefined at src/components/Dialog.tsx:88:12\n" * 100 + "```"
)
NO_TRIGGER, TRIGGER = "Run the tests of the training module", "Train the model on all folds and tell me when it is done"
FINDING = "ssh bigblack 'cd ~/p && uv run python populate_cache.py --symbol BTCUSDT'"


def processes() -> None:
    """Measure the hook as a client starts it, with a separate HOME."""
    launch = [str(ROOT / "hooks/launch"), "PreToolUse"]
    prompt = [launch[0], "UserPromptSubmit"]
    rows = {
        "python -I -c pass": ([sys.executable, "-I", "-c", "pass"], b""),
        "hook, ls -l": (launch, event("ls -l")),
        "hook, a commit": (launch, event(COMMIT)),
        "hook, a finding": (launch, event(FINDING)),
        "prompt": (prompt, prompt_event(PROMPT)),
        "prompt, 8 kB": (prompt, prompt_event(LOG)),
        "prompt, words only": (prompt, prompt_event(NO_TRIGGER)),
        "prompt, a trigger": (prompt, prompt_event(TRIGGER)),
    }
    bun = shutil.which("bun")
    if bun:
        rows["bun -e 0"] = ([bun, "-e", "0"], b"")
    times: dict[str, list[float]] = {name: [] for name in rows}
    with tempfile.TemporaryDirectory() as home:
        env = {"HOME": home, "PATH": os.environ["PATH"]}
        said = subprocess.run(launch, input=event(FINDING), capture_output=True, check=True, env=env).stdout
        assert b"PQ101" in said
        said = subprocess.run(prompt, input=prompt_event(TRIGGER), capture_output=True, check=True, env=env).stdout
        assert b"job queue" in said
        for _ in range(RUNS):
            for name, (command, stdin) in rows.items():
                start = time.perf_counter()
                subprocess.run(command, input=stdin, stdout=subprocess.DEVNULL, check=True, env=env)
                times[name].append(time.perf_counter() - start)
    base = statistics.median(times["python -I -c pass"])
    for name, taken in times.items():
        median = statistics.median(taken)
        print(f"{name:<18} {median * 1000:6.1f} ms  {median / base:5.2f} x")


START_RUNS = 21


def start() -> None:
    """Measure commands of the installed console script with a local queue of a few jobs; medians of interleaved runs."""
    sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools")]
    real = importlib.import_module("real")
    lab = real.Lab()
    try:
        here = real.local(lab)
        program = str(Path(sys.executable).parent / "pueue-skill")
        bare, add = "python -c pass", "pueue add true"
        rows = {
            bare: [sys.executable, "-c", "pass"],
            "python -I -S -c pass": [sys.executable, "-I", "-S", "-c", "pass"],
            "--version": [program, "--version"],
            "suggest 'python train.py'": [program, "suggest", "python train.py"],
            "status": [program, "status"],
            "run --detach true": [program, "run", "--detach", "true"],
            add: ["pueue", "add", "true"],
        }
        times: dict[str, list[float]] = {name: [] for name in rows}
        for turn in range(START_RUNS + 1):
            for name, command in rows.items():
                begun = time.perf_counter()
                subprocess.run(command, env=here.env, check=True, capture_output=True)
                if turn:  # the first makes what is cached
                    times[name].append(time.perf_counter() - begun)
            here.pueue("clean")
        medians = {name: statistics.median(taken) for name, taken in times.items()}
        for name, median in medians.items():
            of_add = f"  {median / medians[add]:5.1f} x {add}" if name.startswith("run ") else ""
            print(f"{name:<26} {median * 1000:6.1f} ms  {median / medians[bare]:5.2f} x {bare}{of_add}")
        here.stop()
    finally:
        lab.close()


JOBS = 1000
ITEMS = 200_000


@contextmanager
def bigblack() -> Iterator[tuple[Any, Any, Callable[..., subprocess.CompletedProcess[str]]]]:
    """Yield the module of real parts, a host, and a function that runs `pueue-skill batch ACTION` on a manifest for it."""
    sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools")]
    real = importlib.import_module("real")
    lab = real.Lab()
    try:
        here, host = real.local(lab), real.Host(lab, "bigblack", {"default": 1, "w": 4})
        start = "import sys; from pueue_skill.cli.main import main; sys.exit(main())"
        env = here.env | {"PYTHONPATH": str(ROOT)}

        def batch(action: str, *words: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-c", start, "batch", action, str(lab.root / "bench.toml"), *words]
            return subprocess.run(command, env=env, check=False, capture_output=True, text=True)

        yield real, host, batch
        host.stop()
        here.stop()
    finally:
        lab.close()


def timed(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def batch() -> None:
    """Measure a batch over ssh, compared with as many `ssh host pueue add` (20 are timed) and the same adds in a loop on the host."""
    with bigblack() as (real, host, batch):
        values = f"vars.n = {{ range = [1, {JOBS}] }}"
        text = f'name = "bench"\nhosts = ["bigblack"]\n[phases.a]\ncommand = "true {{n}}"\n{values}\n'
        (host.lab.root / "bench.toml").write_text(text)

        def emptied() -> None:
            host.pueue("reset", "--force")
            real.until(lambda: not host.tasks(), "an empty queue")
            host.pueue("pause", "--all")

        emptied()
        whole, again = timed(lambda: batch("submit")), timed(lambda: batch("submit"))
        assert len(host.tasks()) == JOBS
        emptied()
        one = timed(lambda: [host.ssh("~/.local/bin/pueue add -- true") for _ in range(20)]) / 20
        emptied()
        add = "~/.local/bin/pueue add -- \"env PUEUE_SKILL_KEY=k:$i bash -c 'true $i' </dev/null; exit\" </dev/null >/dev/null"
        loop = timed(lambda: host.ssh(f"for i in $(seq {JOBS}); do {add}; done", timeout=300))
        print(f"batch of {JOBS} over ssh: {whole:.1f} s, again {again:.1f} s")
        print(
            f"  {one * JOBS / whole:.0f} times as fast as {JOBS} ssh commands; {whole / loop:.2f} x the adds in a loop there"
        )


def units() -> None:
    """Measure many items that each write a line; all their processes are killed twice."""
    with bigblack() as (real, host, batch):
        ran = host.home / "ran"
        (host.lab.root / "bench.toml").write_text(
            f'name = "bench"\nhosts = ["bigblack"]\n[groups]\nw = 4\n[phases.a]\ncommand = "echo {{n}} >> ran"\ngroup = "w"\n'
            f"vars.n = {{ range = [1, {ITEMS}] }}\n"
        )
        whole, again = timed(lambda: batch("submit")), timed(lambda: batch("submit"))
        seen = timed(lambda: batch("status"))
        size = max(file.stat().st_size for file in host.home.rglob("state.json"))
        print(f"{ITEMS:,} items over ssh: submitted in {whole:.1f} s as {len(host.tasks())} tasks, again {again:.1f} s")
        print(f"  state file of pueue {size / 1e6:.2f} MB; status of each item {seen:.1f} s")

        def lines() -> int:
            return ran.read_bytes().count(b"\n") if ran.exists() else 0

        def run() -> None:
            for part in (0.2, 0.6):
                real.until(lambda part=part: lines() >= part * ITEMS, "a part of the items", 3600)
                host.crash()
                resumed.append(timed(lambda: batch("resume")))
            real.until(lambda: all("Done" in task["status"] for task in host.tasks().values()), "the end", 3600)

        resumed: list[float] = []
        taken = timed(run)
        found = [int(line) for line in ran.read_text().split()]
        lost, twice = ITEMS - len(set(found)), len(found) - len(set(found))
        print(
            f"  run in {taken:.0f} s, with two kill -9 and resumed in {' and '.join([f'{one:.1f} s' for one in resumed])}"
        )
        print(
            f"  lost: {lost}; begun again, since their end was not written down yet: {twice} (at most 4 at each kill)"
        )
        state = json.loads(batch("status", "--json").stdout)["phases"]
        print(f"  status: {sum(phase['success'] for phase in state):,} succeeded")


HOSTS = 20


def hosts() -> None:
    """Measure the status of 20 names of one host, each with a different delay."""
    sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools")]
    real = importlib.import_module("real")
    lab = real.Lab()
    try:
        host = real.Host(lab, "bench", {"default": 1}, login='sleep "${DELAY:-0}"\n', passed="DELAY")
        slowest, text = f"h{HOSTS}", ""
        key = (host.sshd_log.parent / "key.pub").read_text()
        for number in range(1, HOSTS + 1):
            name = f"h{number}"
            lab.knows(
                name, f" HostName 127.0.0.1\n Port {host.port}\n User {lab.env['USER']}\n SetEnv DELAY={number / 10}\n"
            )
            with (lab.client / ".ssh/known_hosts").open("a") as file:
                file.write(f"{name} {key}")
            text += f"[hosts.{name}]\n"
        folder = lab.client / ".config/pueue-skill"
        folder.mkdir(parents=True)
        start = "import sys; from pueue_skill.cli.main import main; sys.exit(main())"
        env = lab.env | {"PYTHONPATH": str(ROOT)}

        def status(*names: str) -> None:
            command = [sys.executable, "-c", start, "status", "--json", *names]
            report = json.loads(subprocess.run(command, env=env, check=True, capture_output=True).stdout)
            assert all(one["reachable"] for one in report["hosts"])

        def warm(*names: str) -> float:
            return timed(lambda: status(*names))

        def cold(*names: str) -> float:
            real.kill(real.masters(lab.root))
            return warm(*names)

        every = [f"h{number}" for number in range(1, HOSTS + 1)]
        for share in (True, False):
            (folder / "config.toml").write_text(text if share else text.replace("]\n", "]\nshare = false\n"))
            ways = {"connections there": warm} if share else {}
            for way, measure in {"connections to be made": cold, **ways}.items():
                one, all_ = (statistics.median([measure(*names) for _ in range(3)]) for names in ([slowest], every))
                print(
                    f"status of {HOSTS} hosts, {way}{'' if share else ', none shared'}: {all_:.2f} s, {all_ / one:.2f} x the slowest of them ({one:.2f} s)"
                )
        real.kill(real.masters(lab.root))
        host.stop()
    finally:
        lab.close()


STDIN_BYTES = 400_000_000

GIGABIT = 117_000_000
"""Bytes per second of a network with 1 Gbit/s. On loopback ssh takes so little time that the ticks of pueue show."""


def whole(file: Path) -> int:
    """Return a descriptor to read `file` from."""
    return os.open(file, os.O_RDONLY)


def paced(file: Path) -> int:
    """Return a descriptor of a pipe that delivers `file` at the speed of the network."""
    reader, writer = os.pipe()

    def write() -> None:
        begun, count = time.perf_counter(), 0
        with file.open("rb", buffering=0) as given, os.fdopen(writer, "wb", buffering=0) as pipe:
            while chunk := given.read(1 << 20):
                time.sleep(max(0.0, begun + count / GIGABIT - time.perf_counter()))
                pipe.write(chunk)
                count += len(chunk)

    threading.Thread(target=write).start()
    return reader


def stdin() -> None:
    """Measure a file on stdin of `pueue-skill ssh --stdin` and of ssh, in turn, at the speed of loopback and of a network.

    Whole processes, with their peak memory. Both include the time that a job without input takes longer than ssh.
    """
    sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools")]
    real = importlib.import_module("real")
    lab = real.Lab()
    try:
        host = real.Host(lab, "bigblack", {"default": 1})
        file = lab.root / "input"
        with file.open("wb") as out:
            for _ in range(STDIN_BYTES // 1_000_000):
                out.write(os.urandom(1_000_000))
        start = "import sys; from pueue_skill.cli.main import main; sys.exit(main())"
        env = lab.env | {"PYTHONPATH": str(ROOT)}
        ways = {
            "ssh": [str(lab.bin / "ssh"), "bigblack", "cat >/dev/null"],
            "pueue-skill ssh --stdin": [sys.executable, "-c", start, "ssh", "--stdin", "bigblack", "cat >/dev/null"],
        }
        for pace, source in {"loopback": whole, "1 Gbit/s": paced}.items():
            times: dict[str, list[float]] = {name: [] for name in ways}
            peaks = dict.fromkeys(ways, 0)
            for _ in range(3):
                for name, command in ways.items():
                    given = source(file)
                    begun = time.perf_counter()
                    process = subprocess.Popen(command, env=env, stdin=given, stdout=subprocess.DEVNULL)
                    os.close(given)
                    _, status, used = os.wait4(process.pid, 0)
                    assert status == 0, name
                    times[name].append(time.perf_counter() - begun)
                    peaks[name] = max(peaks[name], used.ru_maxrss)
            base = min(times["ssh"])
            for name, taken in times.items():
                print(
                    f"{STDIN_BYTES / 1e6:.0f} MB through {name}, {pace}: {min(taken):.2f} s, {min(taken) / base:.2f} x ssh, at most {peaks[name] / 1024:.0f} MB of memory"
                )
        real.kill(real.masters(lab.root))
        host.stop()
    finally:
        lab.close()


AT_ONCE = 30


def runs() -> None:
    """Measure many jobs that are submitted and followed at once, in a queue of 4 slots, here and on a host; medians of interleaved rounds."""
    sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools")]
    real = importlib.import_module("real")
    lab = real.Lab()
    try:
        here = real.local(lab)
        host = real.Host(lab, "bigblack", {"default": 4})
        start = "import sys; from pueue_skill.cli.main import main; sys.exit(main())"
        env = here.env | {"PYTHONPATH": str(ROOT)}

        def together(*command: str) -> float:
            """Return the seconds until all calls of a command have ended."""

            def all_of_them() -> None:
                calls = [
                    subprocess.Popen(
                        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                    )
                    for _ in range(AT_ONCE)
                ]
                assert [call.communicate()[0] for call in calls] == [b"out\n"] * AT_ONCE

            return timed(all_of_them)

        pair = 'id=$({0} add --print-task-id -- "echo out") && {0} follow $id'
        for name, plain in (
            ("local", ("sh", "-c", pair.format("pueue"))),
            ("bigblack", ("ssh", "bigblack", pair.format("~/.local/bin/pueue"))),
        ):
            run = (sys.executable, "-c", start, "run", "--host", name, "--follow", "--", "echo out")
            rounds = [(together(*run), together(*plain)) for _ in range(3)]
            ours, theirs = (statistics.median(times) for times in zip(*rounds, strict=True))
            print(
                f"{AT_ONCE} runs at once, {name}: {ours:.1f} s, {ours / theirs:.2f} x as many pueue add and follow ({theirs:.1f} s)"
            )
        real.kill(real.masters(lab.root))
        host.stop()
        here.stop()
    finally:
        lab.close()


TASKS, SAMPLE = 10_000, 50


def slurm() -> None:
    """Measure array jobs on a real slurmctld with 8 nodes on loopback; a loop of sbatch is measured on a sample, and scaled."""
    sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tools")]
    real, emulated = importlib.import_module("real"), importlib.import_module("slurm")
    lab = real.Lab()
    cluster = emulated.Cluster(lab, nodes=8, largest=10_001)
    try:
        cluster.configured('[hosts.local]\nbackend = "slurm"\n')
        # They wait, so that all are there at once.
        text = f'name = "bench"\n[groups]\nw = 16\n[phases.a]\ncommand = "sleep 600; echo {{n}}"\ngroup = "w"\nvars.n = {{ range = [1, {TASKS}] }}\n'
        (cluster.root / "bench.toml").write_text(text)

        def batch(*words: str) -> str:
            command = ["pueue-skill", "batch", words[0], str(cluster.root / "bench.toml"), *words[1:]]
            done = subprocess.run(
                command, env=cluster.env, cwd=cluster.root, capture_output=True, text=True, check=False
            )
            return done.stdout + done.stderr

        def loop() -> None:
            for n in range(SAMPLE):
                cluster.run("sbatch", "--parsable", "--hold", "--output=/dev/null", f"--wrap=sleep 600; echo {n}")

        one = timed(loop) / SAMPLE
        whole, again = timed(lambda: batch("submit")), timed(lambda: batch("submit"))
        seen, asked = timed(lambda: batch("status")), timed(lambda: cluster.run("squeue", "-h", "-r", "-o", "%i %T"))
        count = len(cluster.run("squeue", "-h", "-r", "-o", "%i").split()) - SAMPLE
        print(f"{count:,} array jobs on 8 nodes: submitted in {whole:.1f} s, again (nothing added) {again:.1f} s")
        print(
            f"  a loop of sbatch: {one * 1000:.0f} ms each of {SAMPLE}, so {one * TASKS:.0f} s for {TASKS:,}: {one * TASKS / whole:.0f} times as long"
        )
        print(f"  status of each in one call: {seen:.1f} s, of which squeue would take {asked:.2f} s")
    finally:
        cluster.stop()
        lab.close()


PARTS = {
    "analysis": analysis,
    "hook": processes,
    "start": start,
    "batch": batch,
    "units": units,
    "hosts": hosts,
    "stdin": stdin,
    "runs": runs,
    "slurm": slurm,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or [part for part in PARTS if part != "slurm"]:  # which need not be installed
        PARTS[name]()
