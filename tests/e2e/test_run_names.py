"""Names of jobs: HOST:ID, label, key and NAME~1, in all commands with job arguments, and in `run --after`."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from real import Daemon, Host

from pueue_skill.jobs import select
from pueue_skill.jobs.select import host_of, jobs_named
from pueue_skill.queues.model import JobState, Queue
from pueue_skill.shell.model import Host as Known
from pueue_skill.startup.errors import UsageError

HOSTS = {name: Known(name) for name in ("local", "bigblack")}


def state(id: str, created: str = "2026-01-01T00:00:00Z", label: str | None = None, key: str | None = None) -> JobState:
    return JobState(
        id, key, "done", "success", 0, "", "default", label, "/", "true", (), f"{created}", None, None
    )  # fmt: skip


QUEUES = {
    "local": Queue((), (
        state("0", "2026-01-01T10:00:00Z", "eth", "0123456789ab"),
        state("1", "2026-01-01T12:00:00.000000001+01:00", "eth"),
        state("2", "2026-01-02T00:00:00Z", "2024"),
        state("3", "2026-01-02T00:00:00Z", "eth~1x", "123456789012"),
        state("4", "2026-01-02T00:00:00Z", "btc~1"),
        state("5", "2026-01-02T00:00:00Z", "local:7", "0123456789ab"),
        state("6", "", "untold"),
        state("7", "2026-01-02T00:00:00Z", "untold"),
    )),
    "bigblack": Queue((), (
        state("0", "2026-01-01T10:30:00Z", "eth"),
        state("1", "2026-01-02T00:00:00Z", "BTC:1000@250"),
        state("2", "2026-01-02T00:00:00Z", "btc"),
        state("3", "2026-01-03T00:00:00Z", "btc"),
        state("4", "2026-01-03T00:00:00Z", "9"),
    )),
}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "meant", "of"),
    [
        ("local:0", "local:0", 1),
        ("bigblack:0", "bigblack:0", 1),
        ("2", "local:2", 1),
        ("9", "bigblack:4", 1),
        ("2024", "local:2", 1),
        ("eth", "local:1", 3),
        ("eth~0", "local:1", 3),
        ("eth~1", "bigblack:0", 3),
        ("eth~2", "local:0", 3),
        ("eth~3", None, 3),
        ("local:eth", "local:1", 2),
        ("local:eth~1", "local:0", 2),
        ("bigblack:eth", "bigblack:0", 1),
        ("bigblack:eth~1", None, 1),
        ("eth~1x", "local:3", 1),
        ("btc~1", "local:4", 1),
        ("bigblack:btc~1", "bigblack:2", 2),
        ("BTC:1000@250", "bigblack:1", 1),
        ("bigblack:BTC:1000@250", "bigblack:1", 1),
        ("0123456789ab", "local:5", 2),
        ("local:0123456789ab~1", "local:0", 2),
        ("123456789012", "local:3", 1),
        ("local:123456789012", "local:3", 1),
        ("local:7", "local:7", 1),
        ("untold", "local:7", 2),
        ("untold~1", "local:6", 2),
        ("local:0~1", None, 1),
        ("local", None, 0),
        ("local:", None, 0),
        ("nothing", None, 0),
        ("~1", None, 0),
    ],
)
def test_which_job_a_name_means(name: str, meant: str | None, of: int) -> None:
    found = jobs_named(name, QUEUES)
    assert (found.meant and f"{found.meant[0]}:{found.meant[1].id}") == meant
    assert len(found.jobs) == of


@pytest.mark.parametrize(
    ("name", "host"),
    [
        ("local:0", "local"),
        ("bigblack:eth~1", "bigblack"),
        ("elsewhere:3", "elsewhere"),
        ("elsewhere:0123456789ab", "elsewhere"),
        ("elsewhere:0123456789ab-2", "elsewhere"),
        ("elsewhere:12_3", "elsewhere"),
        ("3", "local"),
        ("BTC:1000@250", ""),
        ("eth", ""),
        (":3", ""),
    ],
)
def test_which_host_a_name_means(name: str, host: str) -> None:
    assert host_of(name, HOSTS) == host


def with_more(host: str, *states: JobState) -> dict[str, Queue]:
    return {**QUEUES, host: QUEUES[host]._replace(states=(*QUEUES[host].states, *states))}


@pytest.mark.parametrize("name", [{"label": "2"}, {"key": "2"}])
def test_a_number_that_is_an_id_and_a_label_here_is_refused(name: dict[str, str]) -> None:
    """The error names both forms: the name with its host means the ID, NUMBER~1 the label."""
    queues = with_more("local", state("15", **name), state("16", **name))  # type: ignore[arg-type]
    with pytest.raises(
        UsageError, match=r"2 is the id of local:2 and the label or key of local:1., local:1.: write HOST:ID"
    ):
        jobs_named("2", queues)
    assert jobs_named("local:2", queues).meant == ("local", QUEUES["local"].states[2])
    assert {one and one[1].id for one in (jobs_named("2~0", queues).meant, jobs_named("2~1", queues).meant)} == {
        "15",
        "16",
    }


def test_a_label_of_another_host_does_not_change_what_a_number_means() -> None:
    """Other hosts are not always queried."""
    assert jobs_named("2", with_more("bigblack", state("15", label="2"))).meant == ("local", QUEUES["local"].states[2])


@pytest.mark.parametrize("label", ["77", "local:77"])
def test_a_removed_id_is_not_taken_for_a_label(label: str) -> None:
    assert jobs_named("local:77", with_more("local", state("15", label=label))).meant is None


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("btx", ["btc"]),
        ("BTC", ["btc"]),
        ("bigblack:btcc", ["btc"]),
        ("untolt~1", ["untold"]),
        ("9", []),
        ("local:20", []),
    ],
)
def test_similar_names_are_suggested(name: str, near: list[str]) -> None:
    assert [one for one in select.similar_names(name, QUEUES) if one in ("btc", "untold")] == near
    assert not any(map(select.is_id, select.similar_names(name, QUEUES)))


def test_a_key_that_is_all_digits_is_no_id() -> None:
    """A generated key may consist of digits: HOST:KEY is looked up as both."""
    assert select.is_id("123456789012")
    assert jobs_named("local:123456789012", QUEUES).meant == ("local", QUEUES["local"].states[3])


class Client:
    """The command line with bigblack in its configuration."""

    def __init__(self, local: Daemon, host: Host, folder: Path) -> None:
        file = folder / "config/pueue-skill/config.toml"
        file.parent.mkdir(parents=True)
        file.write_text("[hosts.bigblack]\n[hosts.littleblack]\n")
        self.env = local.env | {"XDG_CONFIG_HOME": str(folder / "config")}
        self.daemons = {"local": local, "bigblack": host}

    def __call__(self, *words: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(["pueue-skill", *words], env=self.env, capture_output=True, text=True, timeout=60)
        assert code is None or done.returncode == code, (words, done.stdout, done.stderr)
        return done

    def queue(self, host: str, command: str, *options: str) -> str:
        """Return the HOST:ID of a new job that nobody waits for."""
        return self("run", "--host", host, *options, "--detach", "--", command).stdout.strip()

    def ended(self, *jobs: str) -> None:
        for job in jobs:
            host, _, id = job.partition(":")
            self.daemons[host].result(id)


@pytest.fixture
def client(pueued: Daemon, bigblack: Host, queues_as_before: None, tmp_path: Path) -> Client:
    return Client(pueued, bigblack, tmp_path)


@pytest.fixture
def label() -> str:
    return "l " + os.urandom(4).hex()


def test_a_name_means_the_newest_job_on_any_host(client: Client, label: str) -> None:
    first = client.queue("bigblack", "echo first; exit 3", "--label", label)
    client.ended(first)
    second = client.queue("local", "echo second; exit 4", "--label", label)
    client.ended(second)
    said = client("wait", label, code=4).stderr
    assert f"2 jobs are called {label}; this is the newest, {second}." in said
    typed = re.search(r"The one before it is (.+), bigblack:\d+$", said, re.MULTILINE)
    assert typed
    done = subprocess.run(["bash", "-c", f"pueue-skill log {typed[1]}"], env=client.env, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "first\n", "")
    assert client("log", first).stdout == "first\n"
    assert client("log", "--follow", f"bigblack:{label}", code=3).stderr == ""
    assert "no job is called" in client("log", f"{label}~2", code=2).stderr
    assert (
        f"{label}~2: 2 jobs are called {label}, and the oldest is {label}~1"
        in client("wait", f"{label}~2", code=2).stderr
    )
    assert (
        f"no job is called x{label}; similar names: {shlex.quote(label)}" in client("wait", f"x{label}", code=2).stderr
    )
    after = client("run", "--after", f"local:x{label}", "--", "true", code=125).stderr
    assert f"has no job of that name; similar names: {shlex.quote(label)}" in after


def test_every_command_accepts_the_names(client: Client, label: str) -> None:
    work = "until [ -e /no/such ]; do sleep 0.05; done"
    jobs = [client.queue("bigblack", work, "--label", label, "--group", f"p{group}") for group in (1, 1, 1)]
    older, newest = jobs[-2:]
    bigblack = client.daemons["bigblack"]
    for job in jobs:  # a verb leaves a job as is that starts between its selection and the action
        bigblack.reaches(job.partition(":")[2], "Running")
    assert newest in client("pause", label).stdout
    assert f"{older} " in client("pause", f"{label}~1").stdout + " "
    assert newest in client("start", label).stdout
    for name, job in ((label, newest), (f"{label}~1", older)):
        assert job in client("kill", name).stdout
        assert bigblack.result(job.partition(":")[2]) == "Killed"
    assert older in client("restart", f"{label}~1").stdout
    assert client("log", "--json", label).stdout.count(f'"{newest}"') == 1
    assert newest in client("clean", label).stdout
    assert client("kill", label, "--dry-run").stdout.startswith(older)  # now the newest


def test_a_bare_id_is_a_local_job(client: Client) -> None:
    here = client.queue("local", "echo here; exit 6")
    client.ended(here)
    id = here.partition(":")[2]
    assert client("wait", id, code=6).stderr == ""
    assert client("log", id).stdout == "here\n"
    said = client("log", "--host", "bigblack", id, code=2).stderr
    assert f"no job is called {id}: a bare id is a job of this machine, write bigblack:{id}" in said
    year = "98765432"
    there = client.queue("bigblack", "echo there", "--label", year)
    client.ended(there)
    assert client("log", year).stdout == "there\n"


def test_a_job_of_a_host_that_is_not_configured(client: Client, tmp_path: Path) -> None:
    (tmp_path / "config/pueue-skill/config.toml").write_text("")
    there = client.queue("bigblack", "echo there; exit 2", "--key", "abcdefabcdef")
    client.ended(there)
    for name in (there, "bigblack:abcdefabcdef"):
        assert client("log", name).stdout == "there\n"
        assert client("wait", name, code=2).stderr == ""


@pytest.mark.parametrize("host", ["local", "bigblack"])
def test_after_does_not_consume_the_command(client: Client, host: str, tmp_path: Path) -> None:
    first = client.queue(host, "exit 0")
    show = "import sys;print(sys.argv[1:])"
    run = ["run", "--host", host, "--follow", "--after", first]
    assert client(*run, "python3", "-c", show, "--after", "x", "--", "--label=y").stdout == (
        "['--after', 'x', '--', '--label=y']\n"
    )
    assert client(*run, "echo shell text | tr a-z A-Z").stdout == "SHELL TEXT\n"
    assert client(*run, "--after", first, "--label", "l", "--", "echo", "--after").stdout == "--after\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--after", "local:1", "2", "--", "touch", "ran"], "--after takes one job: repeat it, as in --after 2"),
        (["touch ran; true", "--detach"], "--detach follows the command: put options of run before it"),
    ],
)
def test_words_that_look_like_options_of_run(client: Client, words: list[str], says: str) -> None:
    before = client.daemons["local"].tasks()
    assert says in client("run", *words, code=2).stderr
    assert client.daemons["local"].tasks() == before


def test_after_a_job_of_another_host(client: Client, label: str) -> None:
    there = client.queue("bigblack", "exit 0", "--label", label)
    here = client.queue("local", "exit 0", "--label", "here")
    bare = here.partition(":")[2]
    before = {name: set(daemon.tasks()) for name, daemon in client.daemons.items()}
    for host, after, says in (
        ("local", there, f"a job of local can only depend on jobs of local, and {there} is a job of bigblack"),
        ("local", f"bigblack:{label}", f"and bigblack:{label} is a job of bigblack"),
        ("local", label, "local has no job of that name"),
        ("bigblack", here, f"a job of bigblack can only depend on jobs of bigblack, and {here} is a job of local"),
        ("bigblack", bare, f"is a job of local (a bare id always is; write bigblack:{bare})"),
        ("bigblack", "elsewhere:3", "and elsewhere:3 is a job of elsewhere"),
    ):
        said = client("run", "--host", host, "--after", after, "--", "true", code=125).stderr
        assert says in said
        typed = re.search("Try: (pueue-skill (?:wait|status) .+?)(?:, then|$)", said, re.MULTILINE)
        assert typed
        if "elsewhere" not in after:
            subprocess.run(["bash", "-c", typed[1]], env=client.env, check=True, capture_output=True, timeout=60)
    assert {name: set(daemon.tasks()) for name, daemon in client.daemons.items()} == before


def test_after_of_a_command_over_ssh_is_of_its_host(client: Client, label: str) -> None:
    """`run -- ssh HOST work` queues on HOST."""
    there = client.queue("bigblack", "exit 9", "--label", label)
    client.ended(there)
    assert client("run", "--after", label, "--follow", "--", "ssh bigblack 'echo never'", code=125).stdout == ""
