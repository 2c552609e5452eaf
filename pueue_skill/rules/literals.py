"""The values of a Finding and of a configured program, as literal types.

A separate module, imported only for types and by the published schemas: importing typing takes a twentieth of the
hook's time for a command that a rule may flag.
"""

from __future__ import annotations

from typing import Literal

Confidence = Literal["high", "medium"]
Size = Literal["long", "quick", "server", "wait"]
