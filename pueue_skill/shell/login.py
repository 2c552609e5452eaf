"""A host's login shell, as shell text."""

from __future__ import annotations

LOGIN_SHELL = '"$SHELL"'
"""The login shell, as source for any shell: sshd puts it into the environment."""


KEEP_SHELL = " && true"
"""After the one command of a login shell, of any: it does not give its place to that command, so that its environment can be looked at."""
