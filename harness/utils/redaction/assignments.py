"""Values of names that say that they are secret: `password=x`, `"token": "x"`, `--api-key x`."""

import re

from harness.utils.redaction import names
from harness.utils.redaction.userinfo import HIDDEN

_TOKENS = re.compile(
    r"(?i:\bbearer)\s++[^\s'\",;]++"
    r"|\b(?:Basic|Negotiate|Digest)\s++(?=[^\s'\",;]{0,400}[A-Z0-9=])[^\s'\",;]{6,}+"
    r"|\b(?:hf_|gh[oprsu]_|github_pat_|glpat-|xox[abprs]-|sk-|dapi|npg_|pypi-)[\w-]{16,}+"
    r"|\b(?:AKIA|ASIA)[0-9A-Z]{12,}+"
    r"|\beyJ[\w-]{8,}+(?:\.[\w-]*+){0,2}"
    r"|-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----[^-]*+(?:-----END [A-Z ]{0,40}PRIVATE KEY-----)?"
)
_ASSIGNMENT = re.compile(
    r"(?:(?<![\w.-])(?P<dashes>--?)|(?i:%(?:25)*[\da-f]{2})|(?<![\w%.-]))(?P<name>\w[\w.-]*+)"
    r"(?P<quote>\\?[\"'])?+"
    r"(?P<sign>\s{0,8}(?:=>|:=|[=:,>])\s{0,8}|(?i:%(?:25)*3[ad](?:%(?:25)*20|\+)?)|\s)"
)
_QUOTED = re.compile(
    r"(?P<open>\\?[\"'])(?P<value>(?:(?!(?P=open))(?:\\.|.)|(?P=open){2})*+)(?P=open)?"
)
_BRACKETS = re.compile(r"[(\[{][^)\]}\n]*+[)\]}]?")
_BARE = re.compile(r"[^\s&<]++")
_UNTIL_NEXT = re.compile(r"[^;&\n]{1,200}?(?=\s{0,8};\s{0,8}[\w ]{1,40}=)")
_LINE = re.compile(r"[^\n\"']++")
_CLOSING = "'\")]}>,;."


def hide_assigned(text: str) -> str:
    """Hide tokens that show by their form, and the values of secret names."""
    return _hide_values(_TOKENS.sub(HIDDEN, text))


def _hide_values(text: str) -> str:
    """Hide the values of names that say that they are secret."""
    pieces, start = [], 0
    for match in _ASSIGNMENT.finditer(text):
        if match.start() < start or not _names_secret(match):
            continue
        begin, end = _span_of_value(text, match)
        if end > begin:
            pieces += [text[start:begin], HIDDEN]
            start = end
    return "".join([*pieces, text[start:]])


def _names_secret(match: re.Match[str]) -> bool:
    name, sign = match["name"], match["sign"].strip()
    if not sign:  # a blank assigns to an option only: --password abc
        return bool(match["dashes"]) and names.is_secret(name)
    if sign == ">":  # <password>abc</password>
        before = match.string[match.start() - 1 : match.start()]
        return before == "<" and names.is_secret(name)
    if sign == ",":  # ('password', 'abc')
        return bool(match["quote"]) and names.is_secret(name)
    is_prose = sign == ":" and not match["quote"]
    return names.is_secret(name, weak=not is_prose)


def _span_of_value(text: str, match: re.Match[str]) -> tuple[int, int]:
    """Return where the value of an assignment begins and ends."""
    start = match.end()
    if quoted := _QUOTED.match(text, start):
        return quoted.span("value")
    if names.is_header(match["name"]) and (line := _LINE.match(text, start)):
        return line.span()
    if found := _BRACKETS.match(text, start) or _UNTIL_NEXT.match(text, start):
        return found.span()
    bare = _BARE.match(text, start)
    return start, start + len(bare[0].rstrip(_CLOSING)) if bare else start
