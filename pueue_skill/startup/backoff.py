"""How long to wait before the next attempt: a number of attempts in, seconds out. It does not wait itself."""

from __future__ import annotations


def pause_s(attempts: int, first_s: float = 0.5, longest_s: float = 8.0, factor: float = 2.0) -> float:
    """Return the seconds to wait after `attempts` (1 or more) that were in vain: `first_s`, growing by `factor`, at most `longest_s`."""
    # An exponent without bound would overflow after days of attempts.
    return min(longest_s, first_s * factor ** min(attempts - 1, 64))
