"""Weights of a finished trial written for others, and read back by our own commands."""

import json
import shutil
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from harness import data, trial
from harness.cli.main import app
from harness.data.passport import classes_sha256
from harness.report.kernels import load_kept
from harness.runtime import Runtime
from harness.specs import as_dict
from harness.weights import export, given_file, scoring
from tests.helpers.released_weights import ROW, TABLE, tiny_row_trial

CLASSES = tuple(f"class | {index}" for index in range(12))


@pytest.fixture(scope="module")
def finished(tmp_path_factory, data_root):
    """Train the tiny row for one epoch and keep its weights."""
    runtime = Runtime(
        results=tmp_path_factory.mktemp("results"), data=data_root, keep_checkpoints=True
    )
    tiny = tiny_row_trial()
    tiny = replace(tiny, train=replace(tiny.train, epochs=1))
    return trial.run(tiny, runtime, lambda _: None), tiny, runtime


@pytest.fixture
def request_for(finished, tmp_path):
    record, _, runtime = finished
    values = {
        "finished": record,
        "net": load_kept(record, command="", runtime=runtime),
        "rows": ("table_a/DSA", "table_b/same"),
        "classes": CLASSES,
        "form": "safetensors",
        "out": tmp_path / "out",
        "runtime": runtime,
    }
    return lambda **changes: export.ExportRequest(**values | changes)


@pytest.mark.slow
def test_exported_weights_give_the_recorded_scores_when_evaluated(finished, request_for, tmp_path):
    record, tiny, runtime = finished
    weights, card = export.export(request_for())
    scored = scoring.score_given(
        scoring.GivenRequest(
            experiment=TABLE,
            row=ROW,
            trial=tiny,
            weights=weights,
            family=None,
            runtime=replace(runtime, results=tmp_path),
        )
    )
    assert scored.metrics == record.metrics
    assert scored.key != record.key
    assert scored.provenance["file_family"] == "harness"
    said = card.read_text()
    for part in (
        "# table_a/DSA",
        "The same trial as table_b/same.",
        record.key,
        record.code_hash,
        record.passport,
        f"SHA-256 {scored.provenance['file_sha256']}",
        "Its accuracy is no estimate of a printed one.",
        f"| top1 | {record.metrics['top1']:.2f} % |",
        "| train videos | 24 of 24 listed |",
        "gave the recorded scores of 4 test videos",
        "11. class \\| 11",
        "| initial weights | none, trained from scratch |",
    ):
        assert part in said
    for part in ("model", "data", "train", "evaluation"):
        for name, value in as_dict(tiny)[part].items():
            assert f"| {name}" in said or isinstance(value, dict)


def test_a_file_says_which_network_and_classes_it_is_of(finished, request_for, tmp_path):
    _, tiny, _ = finished
    weights, _ = export.export(request_for())
    with safe_open(weights, "pt") as file:
        assert json.loads(file.metadata()["harness"])["model"]["module"] == "dsa"
    changed = replace(tiny.model, module_options={**tiny.model.module_options, "beta": 1.0})
    with pytest.raises(ValueError, match=r"is of a network with module_options=.*'beta': 0.125"):
        given_file.load(weights, replace(tiny, model=changed))
    described = given_file.describe(tiny.model, classes_sha256(CLASSES))
    save_file(load_file(weights), tmp_path / "named.safetensors", metadata=described)
    given_file.load(tmp_path / "named.safetensors", tiny, classes=CLASSES)
    with pytest.raises(ValueError, match="was trained on other classes"):
        given_file.load(tmp_path / "named.safetensors", tiny, classes=CLASSES[::-1])


@pytest.mark.parametrize("text", ["", "[]", "[" * 100_000, '{"model": 7}', '{"model": NaN}'])
def test_a_damaged_description_is_named(finished, tmp_path, text):
    _, tiny, _ = finished
    path = tmp_path / "odd.safetensors"
    save_file({"bias": torch.zeros(1)}, path, metadata={given_file.METADATA: text})
    with pytest.raises(ValueError, match=r"odd.safetensors has a damaged 'harness' in its meta"):
        given_file.load(path, tiny)


def test_other_weights_than_those_of_the_record_are_not_exported(request_for):
    request = request_for()
    with torch.no_grad():
        request.net.fc.bias.fill_(9.0)
    with pytest.raises(ValueError, match="do not give its recorded scores"):
        export.export(request)
    assert not request.out.exists()


def test_videos_that_are_gone_are_told_in_the_card(request_for, finished, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "load_test_videos", _refuse)
    _, card = export.export(request_for())
    assert "not compared with the recorded scores" in card.read_text()
    assert "no videos in …/videos" in card.read_text()


def _refuse(*_):
    raise ValueError("no videos in /home/somebody/videos")


@pytest.mark.slow
def test_a_program_of_torch_export_gives_the_same_scores_for_any_number_of_clips(
    request_for, tmp_path
):
    request = request_for(form="torch-export")
    *_, program = export.export(request)
    net = torch.export.load(program).module()
    clips = torch.rand(3, 4, 3, 4, 16, 16)
    with torch.inference_mode():
        assert torch.allclose(net(clips), request.net(clips), atol=1e-5)


def test_onnx_without_its_packages_says_what_to_install(request_for, monkeypatch):
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"needs onnx and onnxscript.*--format torch-export"):
        export.export(request_for(form="onnx"))


def test_weights_that_were_not_kept_say_how_to_keep_them(finished, tmp_path):
    record, _, runtime = finished
    shutil.copytree(runtime.results / "records", tmp_path / "records")
    with pytest.raises(ValueError, match=r"delete .*\.json and run: harness run x"):
        load_kept(record, command="harness run x", runtime=replace(runtime, results=tmp_path))


@pytest.mark.slow
def test_the_commands_take_the_first_digits_of_a_key(finished, tmp_path, capsys):
    record, tiny, runtime = finished
    folders = ["--results", str(runtime.results), "--data", str(runtime.data)]
    app(["export", record.key[:6], *folders, "--out", str(tmp_path)], standalone_mode=False)
    assert capsys.readouterr().out.split() == [
        str(tmp_path / name) for name in ("model.safetensors", "README.md")
    ]
    assert "0. disc grows, then square grows" in (tmp_path / "README.md").read_text()
    video = data.load_passport(tiny.data, runtime.data).splits["test"][0].path
    said = []
    for weights in ([], ["--weights", str(tmp_path / "model.safetensors")]):
        words = ["predict", record.key, str(video), *folders, *weights, "--json"]
        app(words, standalone_mode=False)
        said.append(json.loads(capsys.readouterr().out))
    assert said[0] == said[1]
    with pytest.raises(ValueError, match="unknown record"):
        app(["export", "0" * 20, *folders], standalone_mode=False)
