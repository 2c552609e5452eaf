"""The shell scripts, each by every shell that a host may run it with, against a stub of pueue; and what loads them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from real import SYSTEM_PATH, real

import pueue_skill
from pueue_skill.queues import script as loader
from pueue_skill.queues.script import script

PACKAGE = Path(pueue_skill.__file__).parent
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.glob("**/sh/**/*.*sh"))
SHELLS = {"dash": [], "busybox": ["sh"], "bash": [], "zsh": ["--emulate", "sh"]}

# Writes down how it was called, then does what `$STUB/WORD` says, a file for each first word; a word without a file succeeds silently.
STUB = """#!/bin/sh
printf '%s\\n' "$*" >>"$STUB/calls"
[ ! -e "$STUB/$1" ] || . "$STUB/$1"
"""


class Stubbed:
    """Runs a script by one shell, with a stub of pueue that does as the given sh texts say, by the first word that it is called with."""

    def __init__(self, shell: str, folder: Path) -> None:
        self.shell = [real(shell), *SHELLS[shell]]
        self.home, self.bin, self.stub = folder / "home", folder / "bin", folder / "stub"
        for path in (self.home, self.bin, self.stub):
            path.mkdir()
        self.put("pueue", STUB)

    def put(self, name: str, text: str) -> None:
        """A program on the script's PATH."""
        (self.bin / name).write_text(text)
        (self.bin / name).chmod(0o755)

    @property
    def env(self) -> Mapping[str, str]:
        return {
            "HOME": str(self.home),
            "PATH": f"{self.bin}:{SYSTEM_PATH}",
            "STUB": str(self.stub),
            "XDG_RUNTIME_DIR": str(self.home),
        }

    def __call__(self, text: str, /, **answers: str) -> subprocess.CompletedProcess[str]:
        for word, answer in answers.items():
            (self.stub / word).write_text(answer)
        # As transport sends it: the script on standard input.
        return subprocess.run([*self.shell, "-s"], input=text, env=self.env, capture_output=True, text=True, timeout=20)

    @property
    def calls(self) -> list[str]:
        """How pueue was called."""
        path = self.stub / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture(params=SHELLS)
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Stubbed:
    return Stubbed(request.param, tmp_path)


def test_a_script_stands_after_its_inputs() -> None:
    text = script("queues/pueue/cancel", PQ_PUEUE="~/b in/pueue", PQ_IDS="1 2")
    assert text.startswith("PQ_PUEUE='~/b in/pueue'\nPQ_IDS='1 2'\n# ")
    assert "\n. " not in text
    assert text.endswith((PACKAGE / "queues/pueue/sh/cancel.sh").read_text().rpartition("lib/client.sh\n")[2])


@pytest.mark.parametrize(
    ("inputs", "error"),
    [
        ({"PQ_PUEUE": ""}, TypeError),
        ({"PQ_PUEUE": "", "PQ_IDS": "1", "PQ_ID": "1"}, TypeError),
        ({"PQ_PUEUE": "", "PQ_IDS": ""}, ValueError),
        ({"PQ_PUEUE": "\0", "PQ_IDS": "1"}, ValueError),
    ],
)
def test_an_input_that_is_wrong_is_an_error(inputs: dict[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        script("queues/pueue/cancel", **inputs)


def test_shared_functions_are_included_once() -> None:
    text = loader.load("queues/pueue/sh/head.sh").text
    assert text.count("\nask() {") == 1


@pytest.mark.parametrize("file", FILES)
def test_a_file_begins_with_what_it_does_and_reads_what_it_declares(file: str) -> None:
    text = (PACKAGE / file).read_text()
    head, body = re.match(r"((?:#.*\n)*)((?:.*\n)*)", text).groups()
    assert re.match(r"# \S", head)
    body = re.sub(r'\A(: "\$\{PQ_.*\n)*\n(\. \S+\n)*', "", body)
    assert not re.search(r'(?m)^: "\$\{PQ_|^\. ', body), "declarations, a blank line, includes"
    whole = loader.load(file)
    assert set(re.findall(r"\bPQ_[A-Z0-9_]+", re.sub("(?m)^ *#.*", "", whole.text))) == whole.inputs.keys()


@pytest.mark.parametrize("file", [file for file in FILES if loader.load(file).inputs])
def test_a_script_without_its_inputs_stops(file: str, run: Stubbed) -> None:
    done = run(loader.load(file).text)
    assert done.returncode != 0
    assert "PQ_" in done.stderr
    assert run.calls == []


def test_pueue_is_found_where_installers_put_it(run: Stubbed) -> None:
    find = script("queues/pueue/versions", PQ_PUEUE="~/own folder/pueue")
    (run.bin / "pueue").unlink()
    done = run(find)
    assert done.returncode == 127
    assert done.stderr.startswith(
        f"no pueue on this host: looked for {run.home}/own folder/pueue, pueue, {run.home}/.local/bin/pueue, "
    )
    for folder, version in ((".cargo/bin", "4.0.1"), (".local/bin", "4.0.2"), ("own folder", "4.0.3")):
        (run.home / folder).mkdir(parents=True)
        for name in ("pueue", "pueued"):
            (run.home / folder / name).write_text(f"#!/bin/sh\necho {name} {version}\n")
            (run.home / folder / name).chmod(0o755)
        assert run(find).stdout == f"pueue {version}\npueued {version}\n"


def test_cancel(run: Stubbed) -> None:
    text = script("queues/pueue/cancel", PQ_PUEUE="", PQ_IDS="3 5")
    done = run(text)
    assert (done.stdout, run.calls) == ("pueue-skill reply\n0\n", ["kill 3 5", "remove 3 5"])


def test_cancel_waits_for_the_end_of_what_it_kills(run: Stubbed) -> None:
    text = script("queues/pueue/cancel", PQ_PUEUE="", PQ_IDS="3")
    done = run(text, remove='[ "$(grep -c remove "$STUB/calls")" = 3 ] || exit 1')
    assert done.stdout == "pueue-skill reply\n2\n"
