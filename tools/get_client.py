"""Prints the path of an agent client or of mise, and installs it from npm into this project's cache folder first if necessary.

    python tools/get_client.py claude|codex|gemini|copilot|opencode|mise

The versions are those with which the hooks were measured. Needs npm for the installation, and the standard library.
"""

from __future__ import annotations

import os
import platform
import shutil
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from get_pueue import cache

CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
SYSTEM = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system(), "linux")
MACHINE = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine(), "x64")

TRIPLE = (
    f"{'x86_64' if MACHINE == 'x64' else 'aarch64'}-{'apple-darwin' if SYSTEM == 'darwin' else 'unknown-linux-musl'}"
)


class Client(NamedTuple):
    """An npm package, and the path of the client's program in node_modules."""

    package: str
    version: str
    program: str


CLIENTS = {
    "claude": Client("@anthropic-ai/claude-code", "2.1.330", f"@anthropic-ai/claude-code-{SYSTEM}-{MACHINE}/claude"),
    "codex": Client("@openai/codex", "0.169.0", f"@openai/codex-{SYSTEM}-{MACHINE}/vendor/{TRIPLE}/bin/codex"),
    "gemini": Client("@google/gemini-cli", "0.61.0", "@google/gemini-cli/bundle/gemini.js"),
    "copilot": Client("@github/copilot", "1.0.102", f"@github/copilot-{SYSTEM}-{MACHINE}/copilot"),
    "opencode": Client("opencode-ai", "1.18.33", f"opencode-{SYSTEM}-{MACHINE}/bin/opencode"),
    # What @jdxcode/mise installs by a script.
    "mise": Client(f"@jdxcode/mise-{SYSTEM}-{MACHINE}", "2026.9.15", f"@jdxcode/mise-{SYSTEM}-{MACHINE}/bin/mise"),
}


def find(name: str) -> Path | None:
    client = CLIENTS[name]
    program = cache() / f"{name}-{client.version}" / "node_modules" / client.program
    return program if program.exists() else None


def install(name: str) -> Path:
    """Install the client completely or not at all. Raises SystemExit with advice."""
    client = CLIENTS[name]
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit(f"{client.package} is installed by npm, which is not on PATH: install Node.js")
    cache().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache()) as partial:
        # A separate package contains the built program, so no script of a package runs.
        words = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", "--prefix", partial]
        # The system's certificates, as git uses: a company's own are among them.
        env = {"NODE_EXTRA_CA_CERTS": ssl.get_default_verify_paths().cafile or CERTIFICATES, **os.environ}
        done = subprocess.run([npm, *words, f"{client.package}@{client.version}"], stdout=sys.stderr, env=env)
        if done.returncode:
            raise SystemExit(f"npm could not install {client.package} {client.version}")
        folder = cache() / f"{name}-{client.version}"
        if not folder.exists():
            os.rename(partial, folder)  # noqa: PTH104
            Path(partial).mkdir()
    found = find(name)
    if found is None:
        raise SystemExit(f"{client.package} {client.version} has no {client.program} for this machine")
    return found


if __name__ == "__main__":
    print(find(sys.argv[1]) or install(sys.argv[1]))
