"""argparse without gettext: argparse looks up a translation of each of its texts, and there is none.

Importing gettext compiles a pattern, which takes as long as all other patterns of a short command. Later imports of gettext get the real module.
"""

from __future__ import annotations

import sys
from types import ModuleType


def ngettext(singular: str, plural: str, count: int) -> str:
    return singular if count == 1 else plural


if not {"argparse", "gettext"} & sys.modules.keys():
    stand_in = ModuleType("gettext")
    stand_in.__dict__.update(gettext=str, ngettext=ngettext)
    sys.modules["gettext"] = stand_in
    import argparse as argparse

    del sys.modules["gettext"]
else:
    import argparse as argparse
