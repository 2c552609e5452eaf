"""bashlex with its tables from the cache: the same trees as without, and no failure, whatever the state of the cache."""

from __future__ import annotations

import json
import marshal
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

CORPUS = Path(__file__).parent.parent / "cases" / "corpus"

# argv: the way to import, then the files of commands. Prints how the parser came about and what it made of each command.
READ_ALL = """
import hashlib, json, sys
if sys.argv[1] == "slow":
    import bashlex.parser as parser
else:
    from pueue_skill.shell.parse import tables
    made, build = [], tables.with_tables
    tables.with_tables = lambda *args: (build(*args), made.append(1))[0]
    parser = tables.load()
    assert bool(made) == (sys.argv[1] == "cached"), "the cache was not used as expected"
for name in sys.argv[2:]:
    for line in open(name, encoding="utf-8"):
        try:
            trees = [tree.dump() for tree in parser.parse(json.loads(line)["command"])]
        except Exception as error:
            trees = type(error).__name__
        print(hashlib.sha256(str(trees).encode()).hexdigest(), str(trees)[:40].replace(chr(10), " "))
"""

# Prints the result for one command, and the state of the cache.
READ_ONE = """
import sys
from pueue_skill.shell.parse import tables
made, build = [], tables.with_tables
tables.with_tables = lambda *args: (build(*args), made.append(1))[0]
tree = tables.load().parse("a | b && c")[0]
import bashlex.parser, bashlex.tokenizer
assert bashlex.parse("a")[0].kind == "command"
print("cached" if made else "slow", tree.kind, len(tree.parts))
"""


def run(script: str, *args: str, cache: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    return subprocess.run([sys.executable, "-c", script, *args], capture_output=True, text=True, env=env)


def read_one(cache: Path) -> str:
    done = run(READ_ONE, cache=cache)
    assert done.stderr == ""
    return done.stdout.strip()


def file_in(cache: Path) -> Path:
    (file,) = (cache / "pueue-skill").iterdir()
    return file


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """A cache folder with valid tables."""
    assert read_one(tmp_path) == "slow list 3"
    return tmp_path


def test_the_second_time_the_cache_is_used(filled: Path) -> None:
    assert read_one(filled) == "cached list 3"
    assert file_in(filled).stat().st_mode & 0o022 == 0


@pytest.mark.timeout(180)
@pytest.mark.long
def test_trees_are_the_same_with_and_without_the_cache(filled: Path) -> None:
    files = [str(CORPUS / f"{name}.jsonl") for name in ("queue", "leave", "heldout")]
    with ThreadPoolExecutor(2) as pool:
        slow, cached = pool.map(lambda way: run(READ_ALL, way, *files, cache=filled), ("slow", "cached"))
    assert (slow.returncode, cached.returncode) == (0, 0), cached.stderr
    assert slow.stdout.splitlines() == cached.stdout.splitlines()
    assert slow.stdout.count("\n") == sum([Path(file).read_text().count("\n") for file in files])


def cut(raw: bytes) -> bytes:
    return raw[: len(raw) // 2]


def emptied(raw: bytes) -> bytes:
    return b""


def garbled(raw: bytes) -> bytes:
    return b"\xff" * 1000


def other(raw: bytes) -> bytes:
    return marshal.dumps(({}, {}, {}, []))


def wrong(raw: bytes) -> bytes:
    return marshal.dumps((1, "a", None, [("a", "b")]))


def swapped(raw: bytes) -> bytes:
    action, goto, defaulted, productions = marshal.loads(raw)  # noqa: S302 it is our own
    return marshal.dumps((goto, action, productions, defaulted))


@pytest.mark.parametrize("spoil", [cut, emptied, garbled, other, wrong, swapped])
def test_a_corrupt_cache_is_ignored_and_rewritten(filled: Path, spoil: Any) -> None:
    file = file_in(filled)
    good = file.read_bytes()
    file.write_bytes(spoil(good))
    assert read_one(filled) == "slow list 3"
    assert marshal.loads(file_in(filled).read_bytes()) == marshal.loads(good)  # noqa: S302
    assert read_one(filled) == "cached list 3"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_the_cache_of_another_user_is_not_trusted(filled: Path) -> None:
    os.chown(file_in(filled), 12345, 12345)
    assert read_one(filled) == "slow list 3"


def test_an_unwritable_cache_folder_is_no_error(tmp_path: Path) -> None:
    file = tmp_path / "a file, no folder"
    file.touch()
    assert read_one(file) == "slow list 3"
    assert read_one(file) == "slow list 3"
    assert file.read_bytes() == b""


def test_a_folder_in_place_of_the_cache_file_is_no_error(filled: Path) -> None:
    file = file_in(filled)
    file.unlink()
    file.mkdir()
    assert read_one(filled) == "slow list 3"


def test_processes_may_write_the_cache_at_the_same_time(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        said = list(pool.map(read_one, [tmp_path] * 8))
    assert {line.partition(" ")[2] for line in said} == {"list 3"}
    assert file_in(tmp_path).suffix == ".marshal"
    assert read_one(tmp_path) == "cached list 3"


def test_each_version_of_bashlex_and_python_has_its_own_cache(filled: Path) -> None:
    name = file_in(filled).name
    assert sys.implementation.cache_tag in name
    folder = Path(json.loads(run(WHERE, cache=filled).stdout))
    assert f"{(folder / 'parser.py').stat().st_size}" in name


WHERE = "import json; from pueue_skill.shell.parse import tables; print(json.dumps(tables.source_folder()))"
