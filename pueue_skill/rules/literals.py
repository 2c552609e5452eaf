"""The words of a Finding and of a configured program, as literal types.

A module of its own, imported only for types and by the published schemas: importing typing costs a twentieth of the hook's time on a
command that a rule may flag.
"""

from __future__ import annotations

from typing import Literal

Confidence = Literal["high", "medium"]
Size = Literal["long", "quick"]
