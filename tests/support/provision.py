"""`setup` on hosts without pueue: calls of it, and the state of a home afterwards."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import subprocess
from pathlib import Path

from real import Host, processes, strays, without_pueue

Text = subprocess.CompletedProcess[str]
bare_names = (f"bare{number}" for number in itertools.count(1))


def configured(env: dict[str, str], folder: Path, text: str) -> dict[str, str]:
    (folder / "pueue-skill").mkdir(exist_ok=True)
    (folder / "pueue-skill/config.toml").write_text(text)
    return env | {"XDG_CONFIG_HOME": str(folder)}


def setup(*words: str, env: dict[str, str], scratch: Path | None = None) -> Text:
    """Run setup. With `scratch`, an empty folder, the folders of this machine's system contain no pueue."""
    command: list[str | Path] = ["pueue-skill", "setup", *words]
    command = without_pueue(scratch, *command) if scratch else command
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120)


def well(*words: str, env: dict[str, str], scratch: Path | None = None) -> str:
    done = setup(*words, env=env, scratch=scratch)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def tree(home: Path) -> dict[str, str]:
    """Return the digest of every file below a home, except the files of the queue, by relative path; `folder` for a folder."""
    found = {}
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if not name.startswith((".local/share/pueue/", ".cache")) and not path.is_socket():
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return found


def copy_pueue(source: Path, folder: Path) -> None:
    """Copy the two programs of pueue, and nothing else of their folder, which may also contain the proxies of rustup."""
    folder.mkdir(parents=True)
    for name in ("pueue", "pueued"):
        shutil.copy(source / name, folder)


def daemons(host: Host) -> list[int]:
    table = processes()
    return [pid for pid in strays(host.home) if table.get(pid, (0, ""))[1] == "pueued"]
