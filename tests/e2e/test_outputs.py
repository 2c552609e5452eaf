"""Reading a job's output while the job writes it: from a real queue, by the scripts that run on hosts."""

from __future__ import annotations

import base64
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from real import Daemon, until

from pueue_skill.hosts import client, transport
from pueue_skill.jobs import output, submission
from pueue_skill.plan.model import Job
from pueue_skill.queues import script as loader
from pueue_skill.queues import scripts
from pueue_skill.queues.model import JobState
from pueue_skill.queues.pueue import units as pueue_units
from pueue_skill.shell.model import Host

LOCAL = Host("local")
TIMES = 50


@pytest.fixture
def chatty(pueued: Daemon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[JobState]:
    """A job that writes to stdout and stderr until the test ends."""
    for name, value in pueued.env.items():
        monkeypatch.setenv(name, value)
    go = tmp_path / "go"
    work = f"while [ ! -e {go} ]; do echo 1.out; echo 1.err >&2; sleep 0.001; done"
    job = Job(f"chatty-{tmp_path.name}", "local", "pueue", None, None, str(tmp_path), work, split_output=True)
    state = submission.submit(job, LOCAL).state
    log = pueued.home / f"task_logs/{state.id}.log"
    until(lambda: log.exists() and log.stat().st_size > 1000, "output")
    yield state
    go.touch()
    pueued.result(state.id)


@pytest.mark.parametrize("count", [7, 1000, 10_000_000])
def test_the_end_of_an_output_that_grows(chatty: JobState, count: int) -> None:
    """The bytes of one job are never taken for those of the next, for complete and partial output."""
    other = chatty._replace(id="99999")
    for _ in range(TIMES):
        tails = client.fetch_tails(LOCAL, [chatty, other], count)
        assert set(tails) == {chatty.id, other.id}
        assert re.fullmatch(rb"(?:1?\.?o?u?t?\n)?(?:1\.out\n)*(?:1?\.?e?r?r?\n)?(?:1\.err\n)*", tails[chatty.id])


def test_states_between_output_are_not_part_of_it(chatty: JobState) -> None:
    """Each frame of an output has its announced length, so the next one is read correctly."""
    seen = 0
    for event in output.follow(chatty, LOCAL):
        if isinstance(event, output.Output):
            assert set(event.data) <= set(b"1.errout\n")
            seen += len(event.data)
            if seen > 5_000:
                break


def follows(file: Path, offset: int, more: str) -> list[output.Frame]:
    """Return the decoded output of `frame` for a file from `offset` on; `more` runs while the file is read."""
    script = (
        loader.load("queues/sh/lib/frames.sh").text
        + 'tail() { command tail "$@"; ' + more + "; }\n"
        + f"echo '{scripts.REPLY}'\nframe output {file} {offset}\nframe output {file} $pq_size\nprintf 'state %s\\n' $pq_size\n"
    )  # fmt: skip
    done = transport.run(LOCAL, script, timeout=20)
    return list(output.Frames().feed(done.stdout))


def test_output_written_while_reading_follows(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"x" * 100)
    frames = follows(file, 10, f"[ -e {file}.once ] || {{ touch {file}.once; printf more >>{file}; }}")
    assert [(frame.kind, frame.data, frame.end) for frame in frames] == [
        ("output", b"x" * 90, 100),
        ("output", b"more", 104),
        ("state", b"104", 0),
    ]


def test_a_replaced_file_is_read_from_its_beginning(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"second run")
    frames = follows(file, 5000, ":")
    assert [(frame.kind, frame.data, frame.end) for frame in frames] == [
        ("output", b"second run", 10),
        ("state", b"10", 0),
    ]


@pytest.mark.parametrize("what", ["rm -f FILE", ": >FILE"])
def test_a_file_truncated_while_it_is_read_ends_the_script(tmp_path: Path, what: str) -> None:
    """The frame announced a length, so nothing else may take its place."""
    file = tmp_path / "log"
    file.write_bytes(b"x" * 100)
    script = (
        loader.load("queues/sh/lib/frames.sh").text
        + f'tail() {{ {what.replace("FILE", str(file))}; command tail "$@"; }}\n'
        + f"echo '{scripts.REPLY}'\nframe output {file} 0\nprintf 'state %s\\n' no\n"
    )
    done = transport.run(LOCAL, script, timeout=20)
    assert list(output.Frames().feed(done.stdout)) == []
    assert done.code != 0


def test_truncated_tails_are_an_error() -> None:
    answer = b"motd\npueue-skill reply\ntail 1\n" + base64.encodebytes(b"\0\xff.\n") + b".\ntail k:2.\n.\n"
    assert scripts.read_tails(answer) == {"1": b"\0\xff.\n", "k:2.": b""}
    for cut in (answer[:-1], answer[:-4], answer[:36]):
        with pytest.raises(ValueError, match="no whole answer"):
            scripts.read_tails(cut)


def test_the_tail_of_an_items_output(tmp_path: Path) -> None:
    """An item of a unit runs, and its output grows."""
    units = tmp_path / ".local/share/pueue-skill/batches/b.units"
    units.mkdir(parents=True)
    (units / "at-unit-1-1").write_text("k:1 0\n")
    out = units / "out-unit-1-1"
    out.touch()
    script = pueue_units.item_tails_script(LOCAL, "b", ["k:1", "k:2"], 10_000_000)
    env = os.environ | {"HOME": str(tmp_path)}
    writer = subprocess.Popen(["sh", "-c", f"while :; do echo 123456789; sleep 0.001; done >>{out}"])
    try:
        until(lambda: out.stat().st_size > 2000, "output")
        for _ in range(TIMES):
            done = subprocess.run(["sh", "-s"], input=script.encode(), env=env, capture_output=True, timeout=20)
            tails = scripts.read_tails(done.stdout)
            assert (len(tails["k:1"]) % 10, tails["k:2"]) == (0, b"")
    finally:
        writer.kill()
        writer.wait()


def test_processes_left_by_an_item_do_not_shift_later_outputs(tmp_path: Path) -> None:
    """The journal has the offset and length of an item's output, even if the output grows meanwhile."""
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    (bin_ / "cat").write_text(
        '#!/bin/sh\n/bin/cat "$@"; case $1 in *out-*) echo late >>"$1"; /bin/cat "$1" | tail -n 1 ;; esac\n'
    )
    (bin_ / "cat").chmod(0o755)
    units = tmp_path / ".local/share/pueue-skill/batches/b.units"
    units.mkdir(parents=True)
    (units / "unit-1").write_text("b:1 echo first\nb:2 echo second\n")
    (units.parent / "b").touch()
    unit = tmp_path / "unit"
    unit.write_bytes(pueue_units.runner())
    env = os.environ | {"HOME": str(tmp_path), "PATH": f"{bin_}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", str(unit), "b:unit:unit-1:x", "1"], env=env, capture_output=True, timeout=20)
    assert done.returncode == 0, done
    log, journal = (units / "log-unit-1-0").read_bytes(), (units.parent / "b").read_text()
    assert log == b"first\nlate\nsecond\nlate\n", (done, journal)
    spans = [line.split()[6:] for line in journal.splitlines()]
    assert [log[int(at) :][: int(size)] for at, size in spans] == [b"first\nlate\n", b"second\nlate\n"], journal
