"""Official names, and the spellings that copies use."""

import hashlib

import pytest

from harness.data.datasets.class_names import (
    UnknownClassError,
    find_label,
    labels_by_spelling,
    normalise,
    official_names,
)

NAMES = official_names("kinetics400")


def test_the_names_of_kinetics_are_the_official_ones():
    digest = hashlib.sha256("\n".join(NAMES).encode()).hexdigest()
    assert digest == "a8dafb93a1204d4ecfa904f943ce5ee0c62ddeeb1df71aa1f96983fca17d777e"
    assert len(NAMES) == 400
    assert list(NAMES) == sorted(NAMES)


def test_the_names_of_kinetics_are_those_of_published_weights():
    weights = pytest.importorskip("torchvision.models.video").R3D_18_Weights.KINETICS400_V1
    assert list(NAMES) == weights.meta["categories"]


def test_no_two_names_have_one_normal_form():
    assert len({normalise(name) for name in NAMES}) == 400


def spellings(name):
    return {
        name,
        name.replace(" ", "_"),
        name.lower(),
        "".join(c for c in name.replace(" ", "_") if c not in "()'"),
        name.replace("'", "").replace("(", "\\(").replace(")", "\\)"),
        name.replace(" ", "%20").replace("(", "%28").replace("'", "%27"),
        name.replace("'", "&#39;"),
    }


def test_every_name_is_found_as_copies_spell_it():
    labels = labels_by_spelling(NAMES)
    for label, name in enumerate(NAMES):
        assert {find_label(each, labels, NAMES) for each in spellings(name)} == {label}, name


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("abseilling", "'abseilling' is not one of the 400 classes; did you mean 'abseiling'?"),
        ("QQQ", "'QQQ' is not one of the 400 classes"),
        ("", "'' is not one of the 400 classes"),
        ("12", "'12' is not one of the 400 classes"),
    ],
)
def test_an_unknown_name_is_refused_with_a_near_one(name, words):
    with pytest.raises(UnknownClassError) as caught:
        find_label(name, labels_by_spelling(NAMES), NAMES)
    assert str(caught.value) == words
