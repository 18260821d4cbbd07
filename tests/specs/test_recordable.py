"""Whatever a specification takes, a record can hold; the rest is refused before it is trained."""

import json
import sys
from dataclasses import replace

import click
import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from harness import record
from harness.cli.requests import build_requests
from harness.record_form import key_of
from harness.specs import as_dict, from_dict
from harness.utils import json_file
from harness.utils.json_file import schema
from harness.weights import given_file
from tests.helpers.results_folders import row_trial
from tests.test_record import made

TRIAL = row_trial("table_b/DSA at II", scale="paper")
PARTS = {"data": TRIAL.data, "model": TRIAL.model, "train": TRIAL.train}

text = st.text(max_size=5) | st.sampled_from(["\ud800", "x" * 1_001, "a\0", "\n", "x" * 101, " "])
whole = (
    st.integers(1, 200_000)
    | st.integers()
    | st.sampled_from([10**5, 10**5 + 1, 10**6 + 1, 10**400, -(10**400)])
)
numbers = st.floats() | whole | st.booleans()
values = text | numbers | st.lists(numbers, max_size=3).map(tuple) | st.just(tuple(range(1_001)))
options = st.dictionaries(text, values, max_size=3) | st.just({f"a{n}": n for n in range(101)})
FIELDS = {
    "data": {"options": options, "num_classes": whole, "frame_stride": whole, "fps": numbers},
    "model": {
        "module_options": options,
        "backbone_options": options,
        "weights": text | st.text("a/. +@()~", max_size=5).map(lambda name: f"r50{name}.pth"),
    },
    "train": {
        "epochs": whole,
        "batch_videos": whole,
        "milestones": st.lists(numbers, max_size=3).map(tuple),
        "lr": numbers,
        "norm_videos": whole,
    },
}
CASES = [(part, name) for part, fields in FIELDS.items() for name in fields]


@pytest.mark.parametrize(("part", "name"), CASES)
@given(data=st.data())
def test_a_trial_that_is_taken_can_be_recorded(part, name, data):
    value = data.draw(FIELDS[part][name])
    try:
        trial = replace(TRIAL, **{part: replace(PARTS[part], **{name: value})})
    except ValueError:
        event("refused")
        return
    event("taken")
    body = json_file.loads(
        json.dumps(json.loads(record.as_json(made())) | {"trial": as_dict(trial)}).encode()
    )
    schema.check(body, "record")
    assert key_of(as_dict(from_dict(body["trial"])), "p") == key_of(as_dict(trial), "p")


@pytest.mark.parametrize(
    ("part", "name", "value", "said"),
    [
        ("model", "module_options", {"a": "x" * 1_001}, "has 1,001 letters, and may have 1,000"),
        ("model", "module_options", {"a": (0,) * 1_001}, "has 1,001 values, and may have 1,000"),
        ("model", "module_options", {"a": "\ud800"}, "holds half of a surrogate pair"),
        ("model", "module_options", {"a": 10**400}, "must be "),
        ("model", "backbone_options", {"x" * 101: 1}, "has 101 letters, and may have 100"),
        ("data", "options", {f"a{n}": n for n in range(101)}, "has 101 options, and may have 100"),
        ("model", "weights", "r50 (1).pth", "must be a file name of .*; rename the file"),
        ("model", "weights", "../r50.pth", "must be a file name"),
        ("data", "num_classes", 100_001, "must be at most 100000; did you mean 100000?"),
        ("train", "epochs", 100_001, "must be at most 100000"),
    ],
    ids=range(10),
)
def test_what_no_record_can_hold_is_refused_by_its_name(part, name, value, said):
    with pytest.raises(ValueError, match=rf"Spec: {name}.*{said}") as refused:
        replace(PARTS[part], **{name: value})
    assert len(str(refused.value)) < 1_000


def test_weights_may_lie_in_a_folder_and_have_accents():
    for name in ("r50.pth", "k400/r50_v1.0+x@2-b.pth", "résumé 1.safetensors"):
        assert replace(TRIAL.model, weights=name).weights == name


@pytest.mark.parametrize("name", ["x" * 1_001, "\udcff"], ids=["long", "not UTF-8"])
def test_a_campaign_and_a_file_of_weights_have_names_that_a_record_can_hold(tmp_path, name):
    with pytest.raises(click.UsageError, match="--campaign h"):
        build_requests(["table_b"], scale="desk", results=tmp_path, data=tmp_path, campaign=name)
    with pytest.raises(ValueError, match=r"its name h.*; rename it"):
        given_file.load(tmp_path / f"{name}.pth", TRIAL)


def test_the_largest_number_of_an_option_is_that_of_a_float():
    options = {"a": int(sys.float_info.max)}
    assert replace(TRIAL.model, module_options=options).module_options == options
