"""The words that values of the pipe are made of, as types. Imported for types alone, and by what makes schemas of them:
typing's import is a twentieth of what the hook takes for a command that a rule may flag.
"""

from __future__ import annotations

from typing import Literal

Parser = Literal["bashlex", "tree-sitter"]
Confidence = Literal["high", "medium"]
Verdict = Literal["queue", "leave"]
Status = Literal["queued", "stashed", "running", "paused", "done"]
Result = Literal["success", "failed", "killed", "dependency", "spawn", "unknown"]
Shell = Literal["bash", "login", "nested"]
"""What runs a job's text: bash; the login shell of its host, as ssh has it; bash, where the text starts that login shell itself."""
Size = Literal["long", "quick"]
Kind = Literal["before", "after", "failed", "prompt", "start", "stop"]
"""What a client's event is."""
Did = Literal["done", "left", "refused", "changed", "failed", "planned"]
"""What became of a job that a verb was given: done; left, for nothing was to be done; refused; changed, for it was no longer what it
was when it was chosen; failed; planned, where it was only asked."""
StuckKind = Literal["group", "limit", "dependency", "stashed", "paused", "cycle"]
"""Why a job does not run: its group is paused, its slots are taken, what it comes after has failed, it is put aside, or paused itself; or
it waits for jobs that cannot run before it ends."""
NoticeKind = Literal["failures", "groups", "batches"]
"""What people are told of: jobs that failed, groups that have run empty, batches that have ended."""
