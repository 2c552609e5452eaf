"""Text from elsewhere, made fit to be shown: any text in, text that no terminal and no reader mistakes for something else out.

Labels, names of groups and folders, commands, and what hosts say are other people's: they may hold escape sequences, line ends that
forge a line of ours, or marks that turn the direction of writing. What is shown of them goes through here; a job's own output does not.
"""

from __future__ import annotations

REPLACED = "\ufffd"


def safe(text: str, but: str = "\n\t") -> str:
    """`text` with REPLACED for each character that a terminal would act on or not show; the characters of `but` stay."""
    if text.isprintable():
        return text
    return "".join([char if char.isprintable() or char in but else REPLACED for char in text])


def line(text: str, longest: int = 0) -> str:
    """`text` as one line: blanks for line ends and tabs, and cut to `longest` characters where that is given."""
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
