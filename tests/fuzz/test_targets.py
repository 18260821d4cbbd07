"""Readers of foreign files, with files that are nearly right; `nox -s fuzz` looks further."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz import targets

SEEDS = targets.seeds()
TOKENS = (
    *(b"", b"\0", b"\n", b"\r", b'"', b"\\", b"\\ud800", b"[", b"]", b"{", b"}", b",", b"-", b"/"),
    *(b"..", b"../", b"0", b"-1", b"1e999", b"NaN", b"Infinity", b"null", b"true", b"9" * 30),
    *(b"[" * 2_000, b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\x1b[2J", b"\xe2\x80\xae"),
)


@st.composite
def mutated(draw, content):
    """Return bytes with a few places cut, doubled, flipped or replaced by a token."""
    data = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(start + draw(st.integers(0, 20)), len(data))
        part = bytes(data[start:end])
        new = draw(st.sampled_from([*TOKENS, part * 2, bytes(byte ^ 0x55 for byte in part)]))
        data[start:end] = new
    return bytes(data)


def drive(target, examples):
    content = st.one_of(mutated(SEEDS[target]), mutated(SEEDS[target]), st.binary(max_size=200))
    limits = settings(max_examples=examples, suppress_health_check=list(HealthCheck), database=None)
    limits(given(content)(target))()


by_name = pytest.mark.parametrize("target", list(SEEDS), ids=lambda target: target.__name__)


@by_name
def test_a_file_that_is_right_is_taken(target):
    target(SEEDS[target])


@by_name
def test_a_file_that_is_nearly_right_is_taken_or_refused_in_a_sentence(target):
    drive(target, 60)


@pytest.mark.chaos
@by_name
def test_thousands_of_files_that_are_nearly_right_are_taken_or_refused(target):
    drive(target, 5_000)
