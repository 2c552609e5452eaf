"""Untrusted text made safe to display: any text in, text without control characters out.

Labels, group names, folders, commands and host output come from other users: they may contain escape sequences,
newlines that forge an output line, or bidirectional controls. Every such text is displayed through this module; only a
job's own output is not.
"""

from __future__ import annotations

REPLACED = "\ufffd"


def safe(text: str, but: str = "\n\t") -> str:
    """`text` with REPLACED for each control or invisible character, except the characters in `but`."""
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() or char in but else REPLACED for char in text])


def line(text: str, longest: int = 0) -> str:
    """`text` as one line: blanks for newlines and tabs, cut to `longest` characters (0: no limit)."""
    if not text.isprintable():
        text = safe(" ".join(text.split()), "")
    return text if not longest or len(text) <= longest else text[: longest - 1] + "…"


def duration(seconds: float) -> str:
    """Return a duration in its two largest units, cut to whole seconds: `45s`, `4m`, `2h05m`, `3d04h`."""
    minutes, rest = divmod(int(seconds), 60)
    for size, above, unit, below in ((1440, 60, "d", "h"), (60, 1, "h", "m")):
        if minutes >= size:
            whole, part = divmod(minutes, size)
            return f"{whole}{unit}" + (f"{part // above:02}{below}" if part >= above else "")
    if minutes:
        return f"{minutes}m" + (f"{rest:02}s" if rest else "")
    return f"{rest}s"


def byte_size(count: int) -> str:
    """Return a number of bytes with a decimal unit and three digits at most: `512 B`, `1.5 MB`, `120 GB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 100 else f"{value:.1f} {unit}"
