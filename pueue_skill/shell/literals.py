"""The reader of a Script, as a literal type.

A module of its own, imported only for types and by the published schemas: importing typing costs a twentieth of the hook's time on a
command that a rule may flag.
"""

from __future__ import annotations

from typing import Literal

Parser = Literal["bashlex", "tree-sitter"]
