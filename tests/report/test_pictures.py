"""Pictures of the page: stored once, without what is not seen."""

import json

from harness.report.page.pictures import Album, as_json, split

GLYPH = '<path id="DejaVuSans-13" d="M 2034 4250 \nQ 1.23456 0 z\n" transform="scale(0.015625)"/>'
SVG = f"""<?xml version="1.0"?>
<!DOCTYPE svg>
<svg width="460.8pt" height="90pt" xmlns="http://www.w3.org/2000/svg">
 <metadata>
  who drew it
 </metadata>
 <g id="text_1">
  <!-- </script> -->
  <g transform="translate(1.23456 2) scale(0.075 -0.075)">
   <defs>
    {GLYPH}
   </defs>
   <use href="#DejaVuSans-13"/>
  </g>
 </g>
</svg>
"""


def test_what_is_not_seen_is_left_out_and_scales_stay_as_they_are():
    text, glyphs = split(SVG)
    assert text == (
        "<svg width='460.8pt' height='90pt' xmlns='http://www.w3.org/2000/svg'>"
        "<g><g transform='translate(1.23 2) scale(0.075 -0.075)'>"
        "<use href='#DejaVuSans-13'/></g></g></svg>"
    )
    assert glyphs == {"DejaVuSans-13": GLYPH.replace("\n", " ").replace("  ", " ")}


def test_outlines_in_place_are_short_and_no_text_is_taken_for_one():
    svg = (
        '<svg width="1pt" height="2pt"><text>~18@2</text><use xlink:href="#DejaVuSans-18"/>'
        '<use xlink:href="#DejaVuSans-4c" transform="translate(63.62 0)"/>'
        '<use xlink:href="#m12" x="1"/></svg>'
    )
    text, _ = split(svg)
    assert text == (
        "<svg width='1pt' height='2pt'><text>&#126;18@2</text>~18@~4c@63.62"
        "<use xlink:href='#m12' x='1'/></svg>"
    )


def test_a_style_is_stored_once_and_no_text_is_taken_for_one():
    album = Album()
    picture = album.add(
        b"""<svg width="1pt" height="2pt"><text style="font: 'a'">^0; 'b'</text>"""
        b"""<g style="fill: red"/><g style="fill: red"/></svg>"""
    )
    assert album.styles == {"style='font: &apos;a&apos;'": 0, "style='fill: red'": 1}
    assert album.texts[picture.key] == (
        "<svg width='1pt' height='2pt'><text ^0;>&#94;0; &apos;b&apos;</text><g ^1;/><g ^1;/></svg>"
    )


def test_a_picture_is_stored_once_with_its_size_in_css_pixels():
    album = Album()
    first, again = album.add(SVG.encode()), album.add(SVG.encode())
    assert first == again
    assert (first.width, first.height) == (614, 120)
    assert len(album.texts) == 1
    assert list(album.glyphs) == ["DejaVuSans-13"]


def test_no_text_ends_the_element_that_stores_it():
    hostile = "</script><script>alert()</script><!-- <SCRIPT>"
    stored = as_json(hostile)
    assert json.loads(stored) == hostile
    assert "<" not in stored
