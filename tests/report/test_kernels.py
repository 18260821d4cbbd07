"""Single videos: whose answers, whose kernels, and what is said when something is missing."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import experiments
from experiments.table_b import EXPERIMENT
from harness import record, trial, video_scores
from harness.cli import report
from harness.cli.options import open_workspace
from harness.cli.report import records
from harness.cli.report.visualize import visualize
from harness.report.kernels import choose_videos, class_name, collect_examples, find_baseline
from harness.training import checkpoint
from harness.video_scores import VideoScores
from tests.helpers.collected_tables import request
from tests.helpers.tiny_trials import shrunk

PUBLISHED = Path(__file__).parents[2] / "results"
NO_VIDEOS = {"videos": (), "command": "harness run table_b"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory, data_root):
    """Records of DSA, with its weights, and of the average of snippets; and where they are."""
    from harness.runtime import Runtime

    runtime = Runtime(
        results=tmp_path_factory.mktemp("results"), data=data_root, keep_checkpoints=True
    )
    made = [
        trial.run(shrunk(EXPERIMENT.rows[row].trial), runtime, lambda history: None)
        for row in (3, 1)
    ]
    return (*made, runtime)


def test_an_example_shows_what_was_recorded_and_kernels_that_sum_to_one(trained):
    dsa, baseline, runtime = trained
    examples = collect_examples(dsa, baseline, videos=["test/00003"], command="", runtime=runtime)
    answers = video_scores.read(runtime.results, dsa).scores[3]
    (example,) = examples
    assert example.label == "disc shrinks, then disc grows"
    assert example.prediction == class_name("desk", int(answers.argmax()))
    assert example.frames.shape == (4, 4, 16, 16, 3)
    (kernels,) = example.kernels
    assert kernels.module == "res5[1]"
    assert kernels.taps.shape == (64, 3)
    np.testing.assert_allclose(kernels.taps.sum(1), 1, rtol=1e-5)


def test_each_video_has_its_own_kernels(trained):
    dsa, baseline, runtime = trained
    one, other = collect_examples(
        dsa, baseline, videos=["test/00000", "test/00001"], command="", runtime=runtime
    )
    assert np.abs(one.kernels[0].taps - other.kernels[0].taps).max() > 1e-4


def test_the_average_is_the_same_network_without_dsa(trained):
    dsa, baseline, runtime = trained
    assert find_baseline(dsa, runtime.results) == baseline
    with pytest.raises(ValueError, match="name another record with --against"):
        find_baseline(replace(dsa, passport="other"), runtime.results)


def draw(target, results, data):
    workspace = open_workspace("desk", results, data)
    return visualize(target, workspace, videos="", against=None, seed=0)


@pytest.mark.slow
def test_the_command_draws_the_same_picture_twice(trained, tmp_path):
    dsa, _, runtime = trained
    drawn = []
    for place in ("a", "b"):
        shutil.copytree(runtime.results, tmp_path / place)
        drawn.append(draw(dsa.key, tmp_path / place, runtime.data))
    assert [path.name for path in drawn[0]] == [
        f"visualize-{dsa.key}.png",
        f"visualize-{dsa.key}.svg",
    ]
    for first, second in zip(*drawn, strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_lost_weights_come_with_the_command_that_brings_them_back(trained, tmp_path):
    dsa, baseline, runtime = trained
    bare = replace(runtime, results=tmp_path)
    shutil.copytree(runtime.results / "records", tmp_path / "records")
    with pytest.raises(ValueError, match=rf"delete .*{dsa.key}\.json and run: harness run"):
        collect_examples(dsa, baseline, **NO_VIDEOS, runtime=bare)


def test_weights_of_another_training_are_refused(trained, tmp_path):
    dsa, baseline, runtime = trained
    moved = replace(runtime, results=tmp_path)
    shutil.copytree(runtime.results / "records", tmp_path / "records")
    state = checkpoint.load_newest(runtime.work(dsa.key))
    state["net"] = {
        name: value * 2 if name.endswith("weight") else value
        for name, value in state["net"].items()
    }
    checkpoint.save(moved.work(dsa.key), state, epoch=2)
    with pytest.raises(ValueError, match="do not give the recorded scores"):
        collect_examples(dsa, baseline, **NO_VIDEOS, runtime=moved)


def test_mistakes_are_named(trained, tmp_path):
    dsa, baseline, runtime = trained
    with pytest.raises(ValueError, match="unknown test video 'test/99999'"):
        collect_examples(dsa, baseline, videos=["test/99999"], command="", runtime=runtime)
    with pytest.raises(ValueError, match="has no DSA module"):
        collect_examples(baseline, baseline, **NO_VIDEOS, runtime=runtime)
    with pytest.raises(ValueError, match="unknown record"):
        draw("0" * 20, runtime.results, runtime.data)
    with pytest.raises(ValueError, match="is missing"):
        video_scores.read(tmp_path, dsa)


def scored(*answers):
    """Return scores of videos of class 0 that are answered like this."""
    given = np.eye(3, dtype=np.float32)[list(answers)]
    ids = tuple(f"v{place}" for place in range(len(answers)))
    first = np.eye(3, dtype=int)[np.zeros(len(answers), int)]
    return VideoScores(scores=given, targets=first, ids=ids)


def test_telling_videos_are_those_that_dsa_alone_gets_right():
    assert choose_videos(scored(0, 0, 1, 0), scored(0, 1, 1, 2)) == ["v1", "v3"]
    assert choose_videos(scored(0, 1, 1, 1), scored(0, 0, 0, 0)) == ["v0", "v1", "v2"]


def test_the_published_picture_shows_what_its_records_answer():
    """Matplotlib writes every text of an SVG file as a comment."""
    (path,) = PUBLISHED.glob("figures/visualize-*.svg")
    dsa = record.read(PUBLISHED, path.stem.removeprefix("visualize-"))
    dsa_scores, plain_scores = (
        video_scores.read(PUBLISHED, each) for each in (dsa, find_baseline(dsa, PUBLISHED))
    )
    drawn = re.findall("<!-- (.*?) -->", path.read_text(encoding="utf-8"))
    expected = []
    for name in choose_videos(dsa_scores, plain_scores):
        place = dsa_scores.ids.index(name)
        label, ours, average = (
            class_name("desk", int(each[place].argmax()))
            for each in (dsa_scores.targets, dsa_scores.scores, plain_scores.scores)
        )
        expected += [f"{name}: {label}", f"\u2713 DSA: {ours}", f"\u2717 average: {average}"]
    assert [text for text in drawn if re.match("test/|\u2713|\u2717", text)] == expected


def test_a_class_is_said_in_words_where_its_data_set_knows():
    assert class_name("desk", 0) == "disc grows, then square grows"
    assert class_name("kinetics400", 17) == "class 17"


def test_the_command_to_train_again_names_table_seeds_and_folder(trained):
    dsa, _, runtime = trained
    desk_record = replace(dsa, trial={**dsa.trial, "seed": 2})
    assert "--seeds 3" in records.training_command(desk_record, runtime.results, runtime.data)


def test_a_trade_off_of_nothing_says_what_to_run(tmp_path):
    with pytest.raises(ValueError, match="run: harness run table_a table_g table_h"):
        report.tradeoff(
            [request(experiments.load(name), tmp_path) for name in report.TRADEOFF_TABLES]
        )
    assert not list(tmp_path.iterdir())
