"""Prints the folder of chdb, ClickHouse as a Python module, and installs it there first if necessary.

It has some 550 MB, so .venv does not contain it; its dependencies (pandas, pyarrow) are only for data frames and are not installed.
Messages go to stderr. Needs pip and the standard library.
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
    """Install chdb completely or not at all. Raises SystemExit."""
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
