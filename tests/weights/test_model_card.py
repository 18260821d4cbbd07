"""The model card beside exported weights is text, whatever the record and the class names hold."""

from dataclasses import replace
from shlex import split

import pytest
from hypothesis import given
from markdown_it import MarkdownIt

from harness.weights import model_card
from tests.test_escapes import acts, every_attack, few, hostile
from tests.test_record import made

GOOD = {"good": {"train": 24}, "listed": {"train": 24}}


def card(text):
    finished = made()
    trial = finished.trial | {"model": finished.trial["model"] | {"weights": text}}
    said = {"processor": text, "commit": text, "initial_weights": text, "dirty": True}
    return model_card.text(
        replace(finished, trial=trial, data=GOOD, provenance=finished.provenance | said),
        rows=(f"table_a/{text}", text),
        use=[f"table_a/{text}", "--on", text],
        classes=(f"{text}1", "z"),
        checked=text,
        files=["model.safetensors"],
        sha256="0" * 64,
    )


@pytest.mark.slow
@every_attack
@few
@given(hostile)
def test_no_text_of_a_card_acts(text):
    page = card(text)
    assert not acts(page)
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(page)
    assert not {"html_block", "code_block", "hr", "blockquote_open", "bullet_list_open"} & {
        token.type for token in tokens
    }
    inline = {child.type for token in tokens for child in token.children or ()}
    assert inline <= {"text", "text_special", "softbreak", "code_inline"}, inline
    assert sum(token.type == "fence" for token in tokens) == 1
    assert sum(token.type == "list_item_open" for token in tokens) == 2
    plain = MarkdownIt("gfm-like", {"linkify": False}).parse(card("plain"))
    assert [token.type for token in tokens] == [token.type for token in plain]


def test_a_row_is_one_word_of_the_commands_of_a_card():
    for name in ("DSA", "DSA + TSM", "it's", "$(id)", "`id`", 'a" ; id "'):
        commands = card(name).partition("```\n")[2].partition("\n```")[0].splitlines()
        words = [f"table_a/{name}", "--on", name, "--weights", "model.safetensors"]
        assert [split(command)[2:7] for command in commands] == [words] * 2
