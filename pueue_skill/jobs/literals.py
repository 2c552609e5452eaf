"""The results of actions on jobs, as literal types.

A separate module, imported only for types and by the published schemas: importing typing costs a twentieth of the hook's time on a command
that a rule may flag.
"""

from __future__ import annotations

from typing import Literal

Did = Literal["done", "left", "refused", "changed", "failed", "planned"]
"""The result of an action on a job: done; left, because nothing was to be done; refused; changed, because the job had changed since it
was selected; failed; planned, with --dry-run."""
