"""Names whose values are secret: of variables, of parameters of an address, of fields."""

import re

_WORDS = frozenset({
    "password", "passwd", "passphrase", "passcode", "pwd", "secret", "token", "apikey",
    "credential", "credentials", "authorization", "signature", "oauth", "cookie", "dsn", "jwt",
})  # fmt: skip
_PARTS = (
    "password", "passwd", "passphrase", "secret", "token", "apikey", "accesskey", "privatekey",
    "accountkey", "sharedkey", "secretkey", "masterkey", "authkey", "sshkey", "licensekey",
    "encryptionkey", "signingkey", "subscriptionkey", "storagekey", "clientkey", "signature",
    "credential", "connectionstring", "sessionid",
)  # fmt: skip
_WEAK = frozenset({"pass", "auth", "sig", "sas", "otp"})
_VARIABLE_WORDS = frozenset({"key", "pass", "auth", "sig", "sas", "webhook"})
# Not secret although a part of the name is: counts, and places where a secret lies.
_COUNTED = ("tokens", "numtoken", "maxtoken", "tokenizer", "tokenize")
_PLACES = frozenset({
    "path", "file", "dir", "folder", "sock", "socket", "mode", "type", "name", "url", "uri", "user",
    "enabled",
})  # fmt: skip
_HEADERS = ("authorization", "cookie")
ORDINARY_VALUES = frozenset({"default", "enabled", "disabled", "password", "secret"})
_SPLIT = re.compile(r"[\W_]+|(?<=[a-z0-9])(?=[A-Z])")


def is_secret(name: str, *, weak: bool = True) -> bool:
    """Return whether the name of a parameter or field says that its value is secret.

    Args:
        name: In any spelling: `api_key`, `apikey`, `X-Amz-Signature`, `clientSecret`.
        weak: Count short names too, such as `sig` and `auth`, which are words of prose.
    """
    words = _split(name)
    joined = "".join(words)
    if any(part in joined for part in _COUNTED) or (words and words[-1] in _PLACES - {"user"}):
        return False
    if _WORDS & set(words) or any(part in joined for part in _PARTS):
        return True
    return weak and bool(_WEAK & set(words))


def is_secret_variable(name: str) -> bool:
    """Return whether the name of an environment variable says that its value is secret."""
    words = _split(name)
    if not words or words[-1] in _PLACES or name in ("PWD", "OLDPWD"):
        return False
    return is_secret(name, weak=False) or bool(_VARIABLE_WORDS & set(words))


def is_header(name: str) -> bool:
    """Return whether a value reaches to the end of its line, as in `Authorization: Bearer x`."""
    return "".join(_split(name)).endswith(_HEADERS)


def _split(name: str) -> list[str]:
    return [word.lower() for word in _SPLIT.split(name) if word]
