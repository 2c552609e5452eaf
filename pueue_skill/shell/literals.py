"""The reader of a Script, and kinds of words, as literal types.

A separate module, imported only for types and by the published schemas: importing typing takes a twentieth of the
hook's time for a command that a rule may flag.
"""

from __future__ import annotations

from typing import Literal

Parser = Literal["bashlex", "tree-sitter"]

CarriedWords = Literal["", "argv", "text", "ssh"]
"""What the words after a carrier's own are; see remote.Carrier."""
