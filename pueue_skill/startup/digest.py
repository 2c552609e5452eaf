"""SHA-256 by CPython's own code if it is there: hashlib loads OpenSSL, which takes as long as all rules together."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256  # from 3.12 on
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:
            from hashlib import sha256


def digest(content: bytes, length: int) -> str:
    """Return the first `length` hexadecimal digits of the SHA-256 of `content`."""
    return sha256(content).hexdigest()[:length]
