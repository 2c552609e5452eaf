"""argparse without gettext, in which it would look for a translation of each of its texts.

Nobody has such translations, and gettext compiles a pattern when it is imported that takes as long as all other patterns of a short
command. Whoever imports gettext later gets the real one.
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
