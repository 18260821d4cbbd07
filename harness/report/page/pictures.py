"""Pictures of the page: distinct, stripped, and stored as inert text until they are seen.

Every figure draws its type as outlines. These are the same in all figures, so they are stored once
and put back by the script of the page, and so are the elements that place them and the styles. Text
is stripped rather than compressed: compressors differ from machine to machine, and equal records
give equal bytes.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_PROLOGUE = re.compile(r"^.*?(?=<svg)", re.DOTALL)
_UNSEEN = re.compile(
    r'<!--.*?-->|<metadata>.*?</metadata>| transform="rotate\(-?0 [^"]*\)"', re.DOTALL
)
_BLANKS = re.compile(r"\s*\n\s*")
_GLYPH = re.compile(r'<path id="(DejaVuSans[^"]*)"[^>]*/>')
_USE = re.compile(
    r"<use xlink:href='#DejaVuSans-([0-9a-f]+)'(?: transform='translate\((-?[\d.]+) 0\)')?/>"
)
_STYLE = re.compile(r"style='[^']*'")
_LIVE = re.compile(r"<(?=[!/]|script)", re.IGNORECASE)
_GROUP_NAME = re.compile(r'(?<=<g) id="[^"]*"')
_EMPTY = re.compile(r"<defs>\s*</defs>")
_BETWEEN = re.compile(r">\s+<")
_LONG_NUMBER = re.compile(r"scale\([^)]*\)|-?\d+\.\d{3,}")
_SIZE = re.compile(r"""<svg[^>]*?\swidth=["']([\d.]+)(pt|)["'][^>]*?\sheight=["']([\d.]+)""")
PX_PER_PT = 4 / 3


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A stored picture: its key, and its size in CSS pixels."""

    key: str
    width: int
    height: int


@dataclass(kw_only=True)
class Album:
    """The distinct pictures of a page, and the outlines of type and the styles that they share.

    Attributes:
        texts: Key of a picture to its SVG text, without outlines of type.
        glyphs: Name of an outline to its SVG element.
        styles: Attribute of a style to its number, `^NUMBER;` in a text.
    """

    texts: dict[str, str] = field(default_factory=dict)
    glyphs: dict[str, str] = field(default_factory=dict)
    styles: dict[str, int] = field(default_factory=dict)

    def add(self, svg: bytes) -> Picture:
        """Store a picture once, however often it is shown."""
        text, glyphs = split(svg.decode())
        self.glyphs |= glyphs
        key = f"picture-{hashlib.sha256(svg).hexdigest()[:10]}"
        self.texts[key] = _STYLE.sub(self._number, text)
        width, height = _size(text)
        return Picture(key=key, width=width, height=height)

    def _number(self, style: re.Match[str]) -> str:
        """Return what stands for a style."""
        return f"^{self.styles.setdefault(style[0], len(self.styles))};"


def split(svg: str) -> tuple[str, Mapping[str, str]]:
    """Strip an SVG file of what is not seen, and take the outlines of type out of it.

    An outline in place, the largest part of most figures, becomes `~NAME@X`.
    """
    text = _BLANKS.sub(" ", _UNSEEN.sub("", _PROLOGUE.sub("", svg, count=1))).strip()
    glyphs = {match[1]: match[0] for match in _GLYPH.finditer(text)}
    text = _GROUP_NAME.sub("", _GLYPH.sub("", text))
    text = _LONG_NUMBER.sub(_round, _BETWEEN.sub("><", _EMPTY.sub("", text)))
    if '"' in text:  # JSON escapes double quotes
        text = text.replace("'", "&apos;").replace('"', "'")
    text = text.replace("~", "&#126;").replace("^", "&#94;")
    return _USE.sub(r"~\1@\2", text), glyphs


def as_json(value: object) -> str:
    """Return JSON that stays text inside a `script` element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return _LIVE.sub(r"\\u003c", text)


def _round(number: re.Match[str]) -> str:
    """Return a length to a hundredth of a point; a scale as it is."""
    text = number[0]
    return text if text.startswith("scale") else f"{float(text):.2f}".rstrip("0").rstrip(".")


def _size(svg: str) -> tuple[int, int]:
    found = _SIZE.search(svg)
    if found is None:
        raise ValueError(f"a picture has no width and height: {svg[:80]!r}; draw it again")
    factor = PX_PER_PT if found[2] else 1
    return round(factor * float(found[1])), round(factor * float(found[3]))
