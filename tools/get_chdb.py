"""Prints the folder that holds chdb, ClickHouse as a Python module, installing it there first when it is not there.

It is some 550 MB, so it is not among the packages of .venv; what it would bring with it (pandas, pyarrow) is for data frames alone. Talk
goes to stderr. Needs pip, and nothing but the standard library.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from get_pueue import cache

VERSION = "26.9.0"  # of ClickHouse, too


def find() -> Path | None:
    folder = cache() / f"chdb-{VERSION}"
    return folder if folder.exists() else None


def install() -> Path:
    """Installs chdb, whole or not at all. Raises SystemExit."""
    folder = cache() / f"chdb-{VERSION}"
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache()) as partial:
        words = ["--quiet", "--disable-pip-version-check", "--no-cache-dir", "--no-deps", "--only-binary=:all:"]
        pip = [sys.executable, "-m", "pip", "install", *words, "--target", partial, f"chdb-core=={VERSION}"]
        if subprocess.run(pip, stdout=sys.stderr).returncode:
            raise SystemExit(f"pip could not install chdb-core {VERSION}")
        if not folder.exists():
            os.rename(partial, folder)  # noqa: PTH104
            Path(partial).mkdir()
    return folder


if __name__ == "__main__":
    print(find() or install())
