"""The sizes of files that a command names: real files, a clock that is set by hand, and lists of mounts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from pueue_skill.agents import file_sizes
from pueue_skill.agents.file_sizes import MAX_LOOKS, is_local, measure, read_mounts
from pueue_skill.shell.model import FileSize


@pytest.fixture(autouse=True)
def usual_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PUEUE_SKILL_HOOK_LIMIT", raising=False)


def make(path: Path, size: int) -> Path:
    """Make a sparse file: it has a size and no content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def frozen() -> float:
    return 0.0


def stats_of(paths: list[str], folder: Path) -> tuple[list[FileSize], list[str]]:
    """Return what `measure` returns, and the paths that it passed to os.stat."""
    asked = []
    stat = os.stat

    def recorded(path: str) -> os.stat_result:
        asked.append(path)
        return stat(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "stat", recorded)
        return measure(paths, str(folder), frozen), asked


class Ticks:
    """A clock that is `step` seconds later at every reading."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_files_folders_and_globs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "disk.img", 80_000_000_000)
    make(tmp_path / "logs/a.log", 100)
    make(tmp_path / "logs/b.log", 20)
    make(tmp_path / "logs/.hidden.log", 7)
    make(tmp_path / "logs/old/c.txt", 3)
    make(tmp_path / "home/in-home", 5)
    (tmp_path / "link").symlink_to("disk.img")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    paths = [
        "disk.img",
        "link",
        "logs",
        "logs/*.log",
        "~/in-home",
        str(tmp_path / "logs/b.log"),
        "missing",
        "logs/*.zip",
        "*/a.log",
    ]
    assert measure(paths, str(tmp_path), frozen) == [
        FileSize("disk.img", 80_000_000_000),
        FileSize("link", 80_000_000_000),
        FileSize("logs", 130),
        FileSize("logs/*.log", 120),
        FileSize("~/in-home", 5),
        FileSize(str(tmp_path / "logs/b.log"), 20),
    ]


def test_what_is_no_file_has_no_size(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert measure(["/dev/null", "pipe", "a\0b"], str(tmp_path), frozen) == []


def test_relative_paths_need_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = make(tmp_path / "gone/file", 1)
    monkeypatch.chdir(tmp_path / "gone")
    assert measure(["file"], ".", frozen) == [FileSize("file", 1)]
    assert measure(["file"], "", frozen) == []
    file.unlink()
    (tmp_path / "gone").rmdir()
    assert measure(["file"], ".", frozen) == []


def test_at_most_so_many_looks(tmp_path: Path) -> None:
    for number in range(2 * MAX_LOOKS):
        make(tmp_path / f"{number}.gz", 1)
    names = [f"{number}.gz" for number in range(2 * MAX_LOOKS)]
    found, asked = stats_of(names, tmp_path)
    assert found == [FileSize(name, 1) for name in names[:MAX_LOOKS]]
    assert len(asked) == MAX_LOOKS
    (matched,) = measure(["*.gz"], str(tmp_path), frozen)
    assert matched == FileSize("*.gz", MAX_LOOKS - 1, exact=False)


def test_a_large_tree_has_at_least_what_was_seen(tmp_path: Path) -> None:
    for number in range(2 * MAX_LOOKS):
        make(tmp_path / f"tree/{number}/file", 10)
    make(tmp_path / "tree/top", 1000)
    (size,) = measure(["tree"], str(tmp_path), frozen)
    assert not size.exact
    assert 1000 <= size.bytes < 1000 + 10 * MAX_LOOKS


def test_a_slow_disk_ends_the_looks(tmp_path: Path) -> None:
    """With a clock that is 0.3 ms later at every question, 2 ms are over after a few files."""
    names = [f"{number}.gz" for number in range(MAX_LOOKS)]
    for name in names:
        make(tmp_path / name, 1)
    found = measure(names, str(tmp_path), Ticks(0.0003))
    assert found == [FileSize(name, 1) for name in names[: len(found)]]
    assert 0 < len(found) < 8
    assert measure(["."], str(tmp_path), Ticks(0.0003)) == [FileSize(".", 3, exact=False)]


@pytest.mark.parametrize(
    "names", [[f"{number}.gz" for number in range(MAX_LOOKS)], ["many"], ["many/*"]], ids=["files", "folder", "glob"]
)
def test_looks_end_in_time(names: list[str], tmp_path: Path) -> None:
    """The fastest of some runs: another process may stop any single one."""
    for number in range(2000):
        make(tmp_path / f"many/{number}", 1)
    for number in range(MAX_LOOKS):
        make(tmp_path / f"{number}.gz", 1)
    taken = []
    for _ in range(20):
        start = time.perf_counter()
        measure(names, str(tmp_path))
        taken.append(time.perf_counter() - start)
    assert min(taken) < file_sizes.BUDGET_S + 0.001


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A list of mounts, to be written by the test."""
    file = tmp_path / "mounts"
    monkeypatch.setattr(file_sizes, "MOUNTS", str(file))
    return file


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "fuse.rclone", "autofs", "9p", "lustre"])
def test_network_file_systems_are_left_out(kind: str, tmp_path: Path, mounts: Path) -> None:
    (tmp_path / "my data").mkdir()
    make(tmp_path / "my data/file", 1)
    make(tmp_path / "here/file", 1)
    (tmp_path / "here/link").symlink_to("../my data")
    (tmp_path / "here/absolute").symlink_to(tmp_path / "my data/file")
    (tmp_path / "here/round").symlink_to("round")
    space = str(tmp_path).replace(" ", "\\040")
    mounts.write_text(
        f"/dev/sda / ext4 rw 0 0\nserver:/x {space}/my\\040data {kind} rw 0 0\n/dev/sdb {space}/here ext4 rw 0 0\n"
    )
    paths = ["my data/file", "here/link/file", "here/absolute", "here/round/file", "here/../my data/*", "here/file"]
    found, asked = stats_of(paths, tmp_path)
    assert found == [FileSize("here/file", 1)]
    assert asked == [str(tmp_path / "here/file")]


def test_a_local_fuse_file_system_is_measured(tmp_path: Path, mounts: Path) -> None:
    make(tmp_path / "file", 1)
    mounts.write_text("/dev/sda / ext4 rw 0 0\n/dev/sdb1 /media fuseblk rw 0 0\nserver:/ /srv nfs rw 0 0\n")
    assert measure(["file"], str(tmp_path), frozen) == [FileSize("file", 1)]
    assert is_local("/media/file", read_mounts(file_sizes.Budget(frozen)) or {})


def test_without_a_list_of_mounts(mounts: Path, tmp_path: Path) -> None:
    """As on macOS: other disks and network file systems are mounted below the same folder."""
    make(tmp_path / "file", 1)
    assert measure(["file", "/Volumes/share/file"], str(tmp_path), frozen) == [FileSize("file", 1)]
    assert not is_local("/Volumes/share/file", file_sizes.ELSEWHERE)


def test_a_list_of_mounts_that_takes_too_long(mounts: Path, tmp_path: Path) -> None:
    make(tmp_path / "file", 1)
    mounts.write_text("/dev/sda / ext4 rw 0 0\n" * 1000)
    assert measure(["file"], str(tmp_path), Ticks(0.001)) == []


def test_nothing_is_opened(tmp_path: Path) -> None:
    file = make(tmp_path / "secret", 10)
    file.chmod(0)
    before = file.stat().st_atime_ns
    assert measure(["secret"], str(tmp_path), frozen) == [FileSize("secret", 10)]
    assert file.stat().st_atime_ns == before
