"""Known secrets: values of the environment by their names, and parts of addresses."""

import base64
import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, quote_plus, unquote

from harness.utils.redaction import names, userinfo
from harness.utils.redaction.paths import home_folder

_MIN_SECRET = 6  # a shorter one is part of too many words; patterns still find it
_ESCAPE = re.compile(r"%[\dA-F]{2}")
_PARAMETER = re.compile(r"[?&;](?P<name>[\w.-]++)=(?P<value>[^\s&;#]++)")


def known_secrets(addresses: tuple[str, ...] = ()) -> list[str]:
    """List what is known to be secret now, in all its spellings, longest first."""
    home = home_folder() or Path("/")
    token = Path(os.environ.get("RAY_AUTH_TOKEN_PATH") or home / ".ray" / "auth_token")
    tokens = ""
    with contextlib.suppress(OSError, ValueError):
        tokens = token.read_text(encoding="utf-8") if token.is_file() else ""
    return _spell(tuple(os.environ.items()), addresses, tokens)


@lru_cache(maxsize=8)
def _spell(
    environment: tuple[tuple[str, str], ...], addresses: tuple[str, ...], tokens: str
) -> list[str]:
    found = set(_parts(tokens))
    for name, value in environment:
        found |= set(_parts(value)) if names.is_secret_variable(name) else set()
        found |= set(_of_address(value)) if "://" in value else set()
    for address in addresses:
        found |= set(_of_address(address))
    spelled = {spelling for secret in found for spelling in _spellings(secret)}
    return sorted(spelled, key=lambda secret: (-len(secret), secret))


def _parts(value: str) -> Iterator[str]:
    """Yield a value, and the lines of one that spans several, such as a private key."""
    for part in {value, value.strip(), *value.splitlines()}:
        if len(part) >= _MIN_SECRET and part not in names.ORDINARY_VALUES:
            yield part


def _of_address(address: str) -> Iterator[str]:
    """Yield the users and passwords of an address, and its secret parameters."""
    for user in userinfo.find_userinfo(address):
        password = user.partition(":")[2] or user
        yield from _parts(user)
        yield from (part for text in (password, unquote(password)) for part in _parts(text))
    for match in _PARAMETER.finditer(address):
        if names.is_secret(match["name"]):
            yield from _parts(match["value"])
            yield from _parts(unquote(match["value"]))


def _spellings(secret: str) -> Iterable[str]:
    """Return a secret as it stands in addresses, JSON, Python's text and a basic header."""
    coded = {quote(secret, safe=""), quote(secret), quote_plus(secret)}
    coded |= {quote(code, safe="") for code in coded}
    coded |= {_ESCAPE.sub(lambda match: match[0].lower(), code) for code in coded}
    quoted = {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
    basic = {base64.b64encode(secret.encode(errors="surrogateescape")).decode()}
    return {secret, repr(secret)[1:-1], *coded, *quoted, *basic}
