"""Shell text about a host's login shell."""

from __future__ import annotations

LOGIN_SHELL = '"$SHELL"'
"""The login shell, as source for any shell: sshd puts it into the environment."""


KEEP_SHELL = " && true"
"""Text to append to the only command of a shell, so that the shell does not exec it: its environment stays readable in
/proc."""
