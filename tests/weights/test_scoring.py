"""Given weights scored on desk videos: their record, their key and what is refused."""

import hashlib
from dataclasses import asdict, replace

import pytest
import torch

from harness import data, record
from harness.plan import grid
from harness.training import evaluate
from harness.weights import scoring, scoring_text
from harness.weights.given_file import named_by
from tests.helpers.released_weights import ROW, TABLE, released, tiny_row_trial


@pytest.fixture
def request_of(runtime):
    def made(path, **changes):
        values = {
            "experiment": TABLE,
            "row": ROW,
            "trial": tiny_row_trial(),
            "weights": path,
            "family": None,
            "runtime": runtime,
        }
        return scoring.GivenRequest(**values | changes)

    return made


@pytest.mark.slow
def test_released_weights_are_scored_by_the_views_of_a_row(request_of, tmp_path):
    request = request_of(released(tmp_path))
    counts = []
    scored = scoring.score_given(request, lambda *seen: counts.append(seen))
    assert counts[-1] == (12, 12)
    assert scored.provenance["weights"] == "given weights, not trained here"
    assert asdict(named_by(scored)) == {
        "name": "dsanet_r18.pth",
        "sha256": hashlib.sha256(request.weights.read_bytes()).hexdigest(),
        "family": "dsanet",
        "num_tensors": scored.provenance["file_num_tensors"],
    }
    assert (scored.metrics["videos"], scored.history) == (12, [])
    assert scored.params > 0
    said = scoring.judge_given(request, scored)
    assert said.word == "desk scale"
    assert "one given network" in said.sentence
    assert "seed" not in said.sentence
    shown = scoring_text.text(request, scored, said, path="a.json")
    assert scored.provenance["file_sha256"] in shown
    assert "printed" not in shown.partition("verdict")[0]


@pytest.mark.slow
def test_given_weights_are_never_a_record_of_a_trial(request_of, tmp_path, runtime):
    request = request_of(released(tmp_path))
    scored = scoring.score_given(request)
    assert record.read_all(runtime.results) == []
    assert record.read(runtime.results / "given", scored.key) == scored
    # Not even where its file is copied among the records of trials.
    assert grid.records_of(ROW.trial, [scored], rescale=lambda _: request.trial) == []


@pytest.mark.slow
def test_other_weights_have_another_key_and_the_same_are_scored_once(
    request_of, tmp_path, monkeypatch
):
    first = scoring.score_given(request_of(released(tmp_path)))
    bias = {"cls_head.fc_cls.bias": torch.ones(12)}
    other = scoring.score_given(request_of(released(tmp_path, "other.pth", **bias)))
    assert other.key != first.key
    monkeypatch.setattr(evaluate, "score", None)
    assert scoring.score_given(request_of(released(tmp_path))) == first


@pytest.mark.slow
def test_a_test_split_alone_is_enough(request_of, tmp_path, monkeypatch):
    whole = data.load_passport(tiny_row_trial().data, request_of(tmp_path).runtime.data)
    part = replace(whole, splits={"test": whole.splits["test"]}, listed={"test": 12})
    monkeypatch.setattr(data, "load_passport", lambda *_: part)
    scored = scoring.score_given(request_of(released(tmp_path)))
    assert scored.data["good"] == {"test": 12}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"cls_head.fc_cls.weight": torch.zeros(400, 64)}, "has 400 classes, and desk has 12"),
        ({"backbone.conv1.weight": None}, "the file lacks stem.0.weight"),
        ({"backbone.extra.weight": torch.zeros(1)}, "the network lacks extra.weight"),
    ],
)
def test_weights_of_another_network_are_refused(request_of, tmp_path, changes, said):
    path = released(tmp_path, **changes)
    with pytest.raises(ValueError, match=said) as caught:
        scoring.score_given(request_of(path))
    assert str(path) in str(caught.value)


def test_a_row_of_another_network_is_refused(request_of, tmp_path):
    plain = tiny_row_trial()
    plain = replace(plain, model=replace(plain.model, module=None, blocks={}, module_options={}))
    with pytest.raises(ValueError, match=r"the network lacks .*generator"):
        scoring.score_given(request_of(released(tmp_path), trial=plain))


def test_a_misspelt_family_gets_the_nearest_name(request_of, tmp_path):
    with pytest.raises(ValueError, match="did you mean 'dsanet'"):
        scoring.score_given(request_of(released(tmp_path), family="dsanett"))
