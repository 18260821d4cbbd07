"""Failures of storage and networks that may pass by themselves."""

import errno

# Servers that fail over, evict this client or replace a file; nothing here says that data are bad.
_ERRNOS = frozenset(
    {
        errno.ECONNABORTED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.EIO,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ENOTCONN,
        errno.EREMOTEIO,
        errno.ESHUTDOWN,
        errno.ESTALE,
        errno.ETIMEDOUT,
    }
)


class TransientError(ValueError):
    """A failure that may pass: the same work is worth another try some time later."""


def is_transient(error: BaseException | None) -> bool:
    """Return whether an error, or one that caused it, is of a kind that may pass."""
    seen = set[int]()
    while error is not None and id(error) not in seen:
        if isinstance(error, TransientError) or getattr(error, "errno", None) in _ERRNOS:
            return True
        seen.add(id(error))
        error = error.__cause__
    return False
