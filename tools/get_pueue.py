"""Prints the folder of `pueue` and `pueued` 4.x, and builds them first if necessary; with `old`, the last 3.x.

It searches PATH, the usual folders, and this project's cache folder, into which cargo builds them. A build happens in a temporary folder
that is renamed at the end, so an incomplete build is never used; a lock makes a second caller wait for the first. Messages go to stderr.
Needs only the standard library.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

VERSION = "4.0.4"
OLD = "3.4.1"  # for tests of a daemon and a client that do not understand each other; never taken from elsewhere
RUST = (1, 88)  # the oldest that builds this version
HELP = f"""\
pueue 4 is needed, and building it needs cargo with Rust {RUST[0]}.{RUST[1]} or newer. Either
  install pueue 4:  brew install pueue, or your distribution's package if it is version 4, or
  install Rust:     https://rustup.rs, then run this again"""


def cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pueue-skill"


def candidates() -> list[Path]:
    home = Path.home()
    on_path = [Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry]
    usual = [home / ".local/bin", home / ".cargo/bin", Path("/opt/homebrew/bin"), Path("/usr/local/bin")]
    return [*on_path, *usual, cache() / f"pueue-{VERSION}" / "bin"]


def version_of(program: Path, env: dict[str, str] | None = None) -> tuple[int, ...]:
    """Return (4, 0, 4) for a program that prints `NAME 4.0.4…`; () for a program that is missing or does not run."""
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, env=env)
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return ()
    found = re.match(r"\S+ (\d+)\.(\d+)\.(\d+)", done.stdout)
    return tuple(int(number) for number in found.groups()) if found and done.returncode == 0 else ()


def usable(folder: Path, major: int = 4) -> bool:
    programs = [folder / "pueue", folder / "pueued"]
    return all(program.is_file() and version_of(program)[:1] == (major,) for program in programs)


def find() -> Path | None:
    return next((folder.absolute() for folder in dict.fromkeys(candidates()) if usable(folder)), None)


def find_old() -> Path | None:
    folder = cache() / f"pueue-{OLD}" / "bin"
    return folder if usable(folder, 3) else None


def cargo() -> tuple[Path, dict[str, str]] | None:
    """Return a cargo that runs and is new enough, with its environment."""
    homes = [Path.home(), Path(pwd.getpwuid(os.getuid()).pw_dir)]
    on_path = shutil.which("cargo")
    for program in [*([Path(on_path)] if on_path else []), *(home / ".cargo/bin/cargo" for home in homes)]:
        # The build also needs the rustc in the same folder.
        env = {**os.environ, "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
        # rustup's cargo looks for its toolchains below HOME, which need not be the home that it was installed in.
        rustup = {**env, "RUSTUP_HOME": str(program.parent.parent.parent / ".rustup")}
        for attempt in (env, rustup):
            if version_of(program, attempt)[:2] >= RUST:
                return program, attempt
    return None


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another build of pueue to end ...", file=sys.stderr)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build(version: str = VERSION) -> Path | None:
    """Build pueue and return its folder, or None if that fails."""
    root, major = cache() / f"pueue-{version}", int(version.partition(".")[0])
    root.parent.mkdir(parents=True, exist_ok=True)
    with locked(root.parent / "lock"):
        if usable(root / "bin", major):
            return root / "bin"
        found = cargo()
        if not found:
            print(HELP, file=sys.stderr)
            return None
        program, env = found
        print(
            f"No pueue {major} was found. Building pueue {version} with {program} into {root};\n"
            "this is done once and takes about 2.5 minutes on 2 cores.",
            file=sys.stderr,
            flush=True,
        )
        for left_behind in root.parent.glob("build-*"):
            shutil.rmtree(left_behind)
        with tempfile.TemporaryDirectory(prefix="build-", dir=root.parent) as name:
            new = Path(name) / "root"
            command: list[str | Path] = [program, "install", "pueue", "--version", version, "--locked", "--root", new]
            env["CARGO_TARGET_DIR"] = str(Path(name) / "target")
            status = subprocess.run(command, env=env, stdin=subprocess.DEVNULL, stdout=sys.stderr).returncode
            if status or not usable(new / "bin", major):
                print(f"{program} could not build pueue {version} (exit code {status}); see above", file=sys.stderr)
                return None
            if root.exists():
                shutil.rmtree(root)
            new.rename(root)
    return root / "bin"


def main(old: bool) -> int:
    folder = find_old() or build(OLD) if old else find() or build()
    if folder:
        print(folder)
    return 0 if folder else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] == ["old"]))
