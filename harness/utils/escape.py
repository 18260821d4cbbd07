"""Text escaped for where it goes: terminal, JSON, Markdown, LaTeX and spreadsheets.

Labels, names and sentences come from files of others too. Nothing in them acts as a command, a
link, a tag or a formula, and nothing is hidden: what cannot be shown is written as its escape.
"""

import json
import re
import unicodedata

MAX_NAME = 300  # characters of a name that are shown
_HIDDEN = {
    "Cc",
    "Cf",
    "Cs",
    "Co",
    "Cn",
    "Zl",
    "Zp",
}  # control, format, surrogate, unassigned, breaks
_PLAIN = re.compile(r"[ -~]*")
_MARKDOWN = re.compile(
    r"""[\\`|]                               # escapes, code, cells
    |\](?=[(\[:])|^\[                        # links, pictures, footnotes, check boxes
    |<|&(?=\#?\w+;)                         # tags, entities
    |(?<=:)/(?=/)|(?<=www)\.                # addresses become links by themselves
    |[*~](?=.*[*~])|(?<=[*~])[*~]           # emphasis needs two
    |(?<![^\W_])_|_(?![^\W_])               # and inside a word `_` is none
    """,
    re.VERBOSE | re.IGNORECASE,
)
_BLOCK = re.compile(r"^(?:[#>=~]|[*+-](?=\s|$|-))")
_NUMBERED = re.compile(r"^(\d+)(?=[.)](?:\s|$))")
_MARKDOWN_ENTITIES = {"<": "&lt;", "&": "&amp;"}
_TEX_SIGNS = {
    "±": r"$\pm$",
    "α": r"$\alpha$",
    "β": r"$\beta$",
    "τ": r"$\tau$",
    "²": "$^2$",
    "⁹": "$^9$",
    "–": "--",
    "×": r"$\times$",
}
_TEX_ESCAPES = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{sign: rf"\{sign}" for sign in "&%$#_{}"},
}
_TEX = str.maketrans(_TEX_ESCAPES | _TEX_SIGNS)
_FORMULA = re.compile(r"[\W_]*?[=+@-]")


def visible(text: str, *, keep: str = "") -> str:
    """Replace every character that acts or hides by its escape, as Python writes it.

    Args:
        text: Any text.
        keep: Characters that stay as they are.
    """
    if _PLAIN.fullmatch(text):
        return text
    return "".join(
        ascii(sign)[1:-1] if _is_hidden(sign) and sign not in keep else sign for sign in text
    )


def _is_hidden(sign: str) -> bool:
    return unicodedata.category(sign) in _HIDDEN


def name(text: str, *, longest: int = MAX_NAME) -> str:
    """Return a name on one line, cut if it is very long."""
    shown = visible(text[: longest + 1])
    return shown if len(text) <= longest else f"{shown[:longest]}... ({len(text):,} characters)"


def one_line(error: BaseException) -> str:
    """Return the text of an error on one line, whatever white space it has."""
    return " ".join(str(error).split())


def terminal(text: str) -> str:
    """Return lines for a terminal, which then shows text and obeys nothing."""
    return visible(text, keep="\n\t")


def json_lines(text: str) -> str:
    """Return JSON for a terminal: the same values, with hidden characters as JSON escapes them."""
    return "".join(
        json.dumps(sign)[1:-1] if _is_hidden(sign) and sign != "\n" else sign for sign in text
    )


def markdown(text: str) -> str:
    """Escape text for a cell of Markdown, or for the inside of a line."""
    return _MARKDOWN.sub(_markdown_sign, visible(text))


def line(text: str) -> str:
    """Escape text for a line of Markdown of its own, or an entry of a list: it begins no block."""
    return _begin_no_block(markdown(text).lstrip())


def _begin_no_block(text: str) -> str:
    return _NUMBERED.sub(r"\1\\", _BLOCK.sub(r"\\\g<0>", text))


def prose(text: str) -> str:
    """Escape a sentence for a line of Markdown, in which `code` may stand between backticks."""
    parts = visible(text).lstrip().split("`")
    if len(parts) % 2 == 0 or "" in parts[1:-1]:
        parts = ["`".join(parts)]
    return _begin_no_block(
        "".join(f"`{part}`" if number % 2 else markdown(part) for number, part in enumerate(parts))
    )


def _markdown_sign(match: re.Match[str]) -> str:
    return _MARKDOWN_ENTITIES.get(match[0]) or f"\\{match[0]}"


def latex(text: str) -> str:
    """Escape text for LaTeX, with commands for the signs that its fonts lack."""
    return visible(text).translate(_TEX)


def spreadsheet(text: str) -> str:
    """Quote text that a spreadsheet would read as a formula, after blanks and in any script."""
    text = visible(text)
    first = unicodedata.normalize("NFKC", text).lstrip()
    return f"'{text}" if _FORMULA.match(first) else text


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, in the plural where it is one: `1 trial`, `1,200 trials`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
