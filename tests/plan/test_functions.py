"""Functions of the interactive shell: the line that the reason suggests defines them in a job, and the work runs where the user meant it to."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from real import Daemon, real

from pueue_skill.plan.analysis import analyse
from pueue_skill.plan.functions import FUNCTIONS

PROGRAMS = ("conda", "mamba", "micromamba", "pyenv", "rbenv", "nodenv", "jenv", "mise", "fnm", "zoxide")
FILES = ("init/bash", "nvm.sh", "asdf.sh", "bin/sdkman-init.sh", "share/spack/setup-env.sh", "scripts/rvm", ".gvm/scripts/gvm", "virtualenvwrapper.sh")  # fmt: skip
VARIABLES = ("MODULESHOME", "NVM_DIR", "ASDF_DIR", "SDKMAN_DIR", "SPACK_ROOT", "rvm_path", "HOME")
DEFINES = """for tool in conda mamba micromamba pyenv rbenv nodenv jenv mise fnm z zi module ml nvm asdf sdk spack rvm gvm workon; do
  eval "$tool() { export ACTIVE=\\"$tool \\$*\\"; }"
done
"""
"""Functions that a stub defines; the real tools are installed below a home."""


def folder_of_tools(root: Path) -> Path:
    for name in PROGRAMS:
        (root / name).write_text(f"#!/bin/sh\ncat <<'EOF'\n{DEFINES}EOF\n")
        (root / name).chmod(0o755)
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(DEFINES)
    (root / "python").write_text('#!/bin/sh\necho "[$ACTIVE]"\n')
    (root / "python").chmod(0o755)
    return root


TEXTS = {
    "conda activate x; python train.py": "conda activate x",
    "cd / && conda activate 'my env' && python train.py": "conda activate my env",
    "mamba activate x; python train.py": "mamba activate x",
    "micromamba activate x && python train.py": "micromamba activate x",
    "module load cuda/12; python train.py": "module load cuda/12",
    "ml cuda && python train.py": "ml cuda",
    "nvm use 18 && python train.py": "nvm use 18",
    "fnm use 20; python train.py": "fnm use 20",
    "pyenv shell 3.11; python train.py": "pyenv shell 3.11",
    "pyenv activate x && python train.py": "pyenv activate x",
    "rbenv shell 3.3; python train.py": "rbenv shell 3.3",
    "nodenv shell 20; python train.py": "nodenv shell 20",
    "jenv shell 21; python train.py": "jenv shell 21",
    "mise shell node@20; python train.py": "mise shell node@20",
    "asdf shell python 3.11; python train.py": "asdf shell python 3.11",
    "sdk use java 21; python train.py": "sdk use java 21",
    "spack load gcc && python train.py": "spack load gcc",
    "spack env activate e; python train.py": "spack env activate e",
    "rvm use 3.3; python train.py": "rvm use 3.3",
    "gvm use go1.22; python train.py": "gvm use go1.22",
    "workon x && python train.py": "workon x",
    "z project; python train.py": "z project",
    "conda activate x; for s in a; do python train.py --symbol $s; done": "conda activate x",
    "conda activate x; nohup python train.py 2>&1 &": "conda activate x",
}


@pytest.mark.parametrize("text", TEXTS)
def test_the_suggested_line_defines_the_function_in_the_job(pueued: Daemon, tmp_path: Path, text: str) -> None:
    tools = folder_of_tools(tmp_path)
    plan = analyse(text, {}).plan
    assert (plan.jobs, plan.in_place) == ((), None)
    cure = plan.reason.partition(". Try: ")[2]
    env = pueued.env | dict.fromkeys(VARIABLES, str(tools)) | {"PATH": f"{tools}:{pueued.env['PATH']}"}
    said = subprocess.run(["bash", "-c", cure], env=env, cwd=tools, capture_output=True, text=True, timeout=60)
    assert (said.returncode, said.stdout) == (0, f"[{TEXTS[text]}]\n"), said.stderr


def test_the_line_in_the_start_up_file_of_a_real_tool() -> None:
    """rbenv's own hook defines its function in a bash that reads no start-up file; its program alone has no `shell`."""
    real("rbenv")
    line = FUNCTIONS["rbenv shell"].line
    work = "type -t rbenv; rbenv shell system; env"
    with_line, without = (
        subprocess.run(["bash", "-c", text], capture_output=True, text=True).stdout
        for text in (f"{line}; {work}", work)
    )
    assert with_line.startswith("function\n")
    assert "\nRBENV_VERSION=system\n" in with_line
    assert "\nRBENV_VERSION=" not in without


@pytest.mark.parametrize("words", FUNCTIONS)
def test_the_planner_recognizes_every_suggested_line(words: str) -> None:
    """A text that begins with the suggested line is queued as is."""
    function = FUNCTIONS[words]
    text = f"{words} x; python train.py"
    assert not analyse(text, {}).plan.jobs
    if function.line:
        (job,) = analyse(f"{function.line}; {text}", {}).plan.jobs
        assert job.command == f"{function.line}; {text}"
