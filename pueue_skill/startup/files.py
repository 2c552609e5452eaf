"""Files that a reader sees whole: a path and bytes in, the file replaced in one step.

On the hook's path: os alone is imported.
"""

from __future__ import annotations

import os


def write_atomic(path: str | os.PathLike[str], content: bytes, mode: int = 0o600) -> None:
    """Replace or create the file at `path` with `content` and the permissions `mode`.

    A process that reads it meanwhile sees either the old or the new content. Missing folders are created with mode 0700. Raises OSError; then
    the old file is unchanged and no partial file is left.
    """
    partial = f"{os.fspath(path)}.{os.getpid()}"
    os.makedirs(os.path.dirname(partial) or ".", mode=0o700, exist_ok=True)
    try:
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "wb") as file:
            file.write(content)
            os.fchmod(file.fileno(), mode)
        os.replace(partial, path)
    except OSError:
        if os.path.exists(partial):
            os.unlink(partial)
        raise


def unused(path: str | os.PathLike[str]) -> str:
    """Return `path`, or, if a file has that name, the first of `path`-2, `path`-3 and so on that no file has."""
    name = os.fspath(path)
    names = [name]
    while os.path.lexists(names[-1]):
        names.append(f"{name}-{len(names) + 1}")
    return names[-1]


def umask() -> int:
    """Return the umask of this process; setting it is the only way to read it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
