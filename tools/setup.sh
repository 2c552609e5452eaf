#!/bin/sh
# setup.sh ARG...: creates .venv with a pinned uv, then runs `uv ARG...`. Downloads no Python.
set -eu
cd "$(dirname "$0")/.."
uv=0.13.9

if ! .venv/bin/python -c '' 2>/dev/null || [ "$(.venv/bin/uv --version 2>/dev/null | cut -d' ' -f2)" != "$uv" ]; then
    python=
    for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
        # Debian's python3 has venv without ensurepip until python3-venv is installed.
        if "$candidate" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            python=$candidate
            break
        fi
    done
    if [ -z "$python" ]; then
        echo "pueue-skill needs Python 3.11 or newer with its venv and ensurepip modules; no python3 on PATH has them." >&2
        echo "On Debian and Ubuntu: apt-get install python3-venv    On macOS: brew install python" >&2
        exit 1
    fi
    echo "Setting up .venv with $("$python" --version)" >&2
    "$python" -m venv --clear .venv
    .venv/bin/python -m pip install --quiet --disable-pip-version-check "uv==$uv"
fi

export UV_PYTHON="$PWD/.venv/bin/python" UV_PROJECT_ENVIRONMENT="$PWD/.venv" UV_PYTHON_DOWNLOADS=never
# Use the system's certificates, as git does: they include a company's own.
export UV_SYSTEM_CERTS=1
exec .venv/bin/uv "$@"
