"""Users and passwords in addresses, even with blanks, quotes or slashes in them."""

import re
from collections.abc import Iterator

HIDDEN = "***"
_SCHEME = re.compile(r"(?i)(://|%(?:25)*3A%(?:25)*2F%(?:25)*2F)")
_WORD = re.compile(r"[^\s'\"<>]++")
_ENCODED_AT = re.compile(r"(?i)%(?:25)*40")
_PORT = re.compile(r"[^\s/@:?#]*+:\d{1,5}(?![^\s/?#'\"<>,;)\]}.])")
_HOST = re.compile(r"localhost\b|\[|[^:]*\.")  # other names may be those of users


def hide_userinfo(text: str) -> str:
    """Hide users and passwords in front of hosts, with a scheme or without."""
    lines = map(_hide_after_scheme, text.splitlines(keepends=True))
    return _WORD.sub(_hide_before_at, "".join(lines))


def find_userinfo(text: str) -> Iterator[str]:
    """Yield what stands between a scheme and the sign @ of each address in a text."""
    for line in text.splitlines():
        for piece in _SCHEME.split(line)[2::2]:
            if "@" in piece and _has_userinfo(piece):
                yield piece.rpartition("@")[0]


def _hide_after_scheme(line: str) -> str:
    """Hide what stands between a scheme and the sign @, even if it holds blanks or quotes."""
    pieces = _SCHEME.split(line)
    for index in range(2, len(pieces), 2):
        if _has_userinfo(pieces[index]):
            last = max(pieces[index].rfind("@") + 1, _end_of_encoded_at(pieces[index]))
            pieces[index] = f"{HIDDEN}@{pieces[index][last:]}"
    return "".join(pieces)


def _has_userinfo(piece: str) -> bool:
    """Return whether a user or a password begins a piece of text that follows `://`."""
    word = _WORD.match(piece)
    host = re.split(r"[/?#]", word[0], maxsplit=1)[0] if word else ""
    if "@" in host or _ENCODED_AT.search(host):
        return True
    # A colon that begins no port begins a password with blanks, quotes or slashes.
    has_password = ":" in host and not (_PORT.match(piece) and _HOST.match(host))
    return has_password and ("@" in piece or _end_of_encoded_at(piece) > 0)


def _end_of_encoded_at(piece: str) -> int:
    return max((match.end() for match in _ENCODED_AT.finditer(piece)), default=0)


def _hide_before_at(match: re.Match[str]) -> str:
    """Hide a user and a password in front of a host without a scheme."""
    word = match[0]
    before, at, host = word.rpartition("@")
    if not at:
        return word
    scheme, sign, _ = before.partition("://")
    return f"{scheme}{sign}{HIDDEN}@{host}" if sign else f"{HIDDEN}@{host}"
