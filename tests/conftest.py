"""Fixtures: a safe environment for every test, and the real parts of real.py, once a session; distribution of tests to workers, and reruns."""

from __future__ import annotations

import itertools
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import memory as memory_kind
import pytest
from batch import Batch
from memory_host import Memory
from real import Daemon, Host, Lab, local
from slurm import Cluster

from pueue_skill.hosts import transport
from pueue_skill.queues.registry import KINDS

pytest.register_assert_rewrite("contract")

FOREIGN = ("ANTHROPIC", "CLAUDE", "PUEUE", "XDG_", "SLURM", "SBATCH", "SQUEUE")
WEIRD = ["a'; echo foo", "a\n0", 'a"=0"', "a b", "-a", "ä"]

E2E = Path(__file__).parent / "e2e"
"""The tests with real daemons, hosts and clients, whose duration depends on the machine."""

TOGETHER = (
    r"e2e/test_slurm(_batch)?\.py",
    r"e2e/test_slurm_accounts\.py",
    r"e2e/test_contract\.py.*\bslurm over ssh\b",
    r"e2e/test_contract\.py.*\bslurm\b",
    r"e2e/test_fidelity\.py.*_slurm_",
    r"e2e/test_clickhouse\.py",
)
"""Patterns of IDs of tests that share a fixture which takes many seconds to start: a cluster, a warehouse."""

counter = itertools.count()


def pytest_configure() -> None:
    """Make every signal that ends the tests, such as that of a timeout, end the fixtures and their daemons, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # Processes in the background ignore these signals, and so do their children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests of each pattern in TOGETHER on one of xdist's workers, and the other tests on any free worker.

    `--dist loadgroup` would do the same by a mark, but pytest 9.2 does not read the mark's name where xdist 3.8 writes it.
    """
    if config.getvalue("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return next((pattern for pattern in TOGETHER if re.search(pattern, nodeid)), nodeid)

    return Together(config, log)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let CI run a failed test of real daemons once more."""
    if os.environ.get("CI") and E2E in item.path.parents:
        item.add_marker(pytest.mark.flaky(reruns=1))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put tests of real daemons first. Pure tests are short, so with them last all workers end at about the same time."""
    items.sort(key=lambda item: E2E not in item.path.parents)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> Iterator[None]:
    """Show the first failure of each test that ran twice, which pytest omits, and name these tests in the last lines."""
    reruns = terminalreporter.stats.get("rerun", ())
    for report in reruns:
        terminalreporter.write_sep("_", f"run again: {report.nodeid}")
        report.toterminal(terminalreporter._tw)
    yield
    for report in reruns:
        terminalreporter.write_line(f"ran twice, find the race: {report.nodeid}")


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    lab = Lab()
    yield lab
    lab.close()


@pytest.fixture(autouse=True)
def home(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a new, empty HOME; tests see no configuration, daemon or agent of the user."""
    home = lab.root / "homes" / str(next(counter))
    home.mkdir(parents=True)
    for name in [name for name in os.environ if name.startswith(FOREIGN)]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    # The command pueue-skill is in the interpreter's folder.
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(home))
    monkeypatch.setenv("COLUMNS", "100")
    # A hook's reply must not depend on the load of the machine; the tests of the time limit remove this variable.
    monkeypatch.setenv("PUEUE_SKILL_HOOK_LIMIT", "30")
    return home


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> Memory:
    """Hosts with queues in memory, of the kind `memory`; no other host is reached, and no process started."""
    from pueue_skill.configuration import schema as schema  # the kinds that it publishes are those of the product

    memory = Memory()
    monkeypatch.setitem(KINDS, "memory", memory_kind)
    for name in ("run", "feed", "stream"):
        monkeypatch.setattr(transport, name, getattr(memory, name))
    return memory


@pytest.fixture(scope="session")
def pueued(lab: Lab) -> Iterator[Daemon]:
    """A real local daemon; group default=4."""
    daemon = local(lab)
    yield daemon
    daemon.stop()


@pytest.fixture(scope="session")
def bigblack(lab: Lab) -> Iterator[Host]:
    """A real host with groups default=4, p1=4, p2=2, p3=3, p4=1."""
    host = Host(lab, "bigblack", {"default": 4, "p1": 4, "p2": 2, "p3": 3, "p4": 1})
    yield host
    host.stop()


@pytest.fixture(scope="session")
def littleblack(lab: Lab) -> Iterator[Host]:
    """A second host; group default=2."""
    host = Host(lab, "littleblack", {"default": 2})
    yield host
    host.stop()


@pytest.fixture(scope="session")
def cluster(lab: Lab) -> Iterator[Cluster]:
    """A real Slurm cluster with two nodes; its client's host `local` uses it."""
    cluster = Cluster(lab)
    cluster.configured('[hosts.local]\nbackend = "slurm"\n')
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def login(cluster: Cluster) -> Iterator[Host]:
    """A host over ssh from which jobs are submitted to the cluster."""
    login = cluster.login("login")
    yield login
    login.stop()


@pytest.fixture
def queues_as_before(pueued: Daemon, bigblack: Host, littleblack: Host) -> Iterator[None]:
    """Remove the groups and jobs that a test has added."""
    daemons = {daemon: (set(daemon.groups()), set(daemon.tasks())) for daemon in (pueued, bigblack, littleblack)}
    yield
    for daemon, (groups, tasks) in daemons.items():
        daemon.remove(set(daemon.tasks()) - tasks)
        for group in set(daemon.groups()) - groups:
            daemon.pueue("group", "remove", group)


@pytest.fixture(params=WEIRD, ids=["command", "newline", "assignment", "blank", "option", "umlaut"])
def weird_tmp_path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A folder with a name that breaks careless shell text."""
    folder = tmp_path / str(request.param)
    folder.mkdir()
    return folder


@pytest.fixture(params=["local", "bigblack"])
def on(request: pytest.FixtureRequest, pueued: Daemon, tmp_path: Path, home: Path) -> Batch:
    """A batch without jobs on each kind of host."""
    env = pueued.env | {"HOME": str(home)}
    daemon: Daemon = pueued
    if request.param == "bigblack":
        daemon = request.getfixturevalue("bigblack")
        env |= {"HOME": pueued.env["HOME"]}
    batch = Batch(tmp_path, daemon, env)
    batch.env["HOST"] = request.param
    return batch
