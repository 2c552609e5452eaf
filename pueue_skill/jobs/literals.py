"""The status of an action on a job, as a literal type.

A separate module, imported only for types and by the published schemas: importing typing costs a twentieth of the hook's time on a command
that a rule may flag.
"""

from __future__ import annotations

from typing import Literal

ActionStatus = Literal["done", "left", "refused", "changed", "failed", "planned"]
"""The result of an action on a job.

done; left: there was nothing to do; refused; changed: the job changed after it was selected; failed; planned: --dry-run.
"""
