"""The measurements of docs/reading.md, at sizes that take little time."""

import json
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmarks.reading import baselines, cases, run, videos
from benchmarks.reading.command import command
from harness.data.reading.decode import read_frames

SMALL, SHORT, _ = videos.TINY


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Hold one tiny video of each kind."""
    folder = tmp_path_factory.mktemp("bench")
    videos.make(folder, 0, seconds=3, kinds=videos.TINY)
    return folder


@pytest.fixture(scope="module")
def clip(folder):
    setting = run.Setting(folder=folder, clips=1, seconds=3, kinds=videos.TINY)
    return run.prepare(setting, SMALL)[0]


def spin(rounds, _):
    return [torch.ones(100) + 1 for _ in range(rounds)]


def duel(slower, least):
    return cases.Duel(
        what="spinning",
        other="slow",
        theirs=partial(spin, 500 * slower),
        ours="fast",
        mine=partial(spin, 500),
        target=4,
        least=least,
    )


@pytest.mark.slow
def test_a_target_is_missed_only_when_clearly_below():
    assert not run.measure(duel(8, 2), [None], pairs=5)["missed"]
    missed = run.measure(duel(1, 8), [None], pairs=5)
    assert missed["missed"]
    assert "4 (spinning, slow: " in run.complaint([missed])
    assert "asked 8)" in run.complaint([missed])


def test_what_is_not_installed_is_said_and_not_missed():
    row = run.measure(replace(duel(1, 8), needs="no_such_reader"), [None], pairs=2)
    assert row["not_installed"] == "no_such_reader"
    assert not row["missed"]
    assert "not installed" in run._line(row)


def test_every_target_of_reading_is_asked_once_per_peer():
    sparse, dense, real, *large = (
        [each for each in cases.duels(kind, whole_paths=number == 0) if each.target]
        for number, kind in enumerate(videos.KINDS)
    )
    asked = [(each.target, each.least) for each in sparse + dense + real]
    assert sorted(asked) == [
        (2, 1.35),
        (3, 1.5),
        (3, 1.8),
        (4, 1.4),
        (5, 1.35),
        (6, 1.9),
        (6, 2.0),
        (6, 3.0),
        (7, 4.0),
        (8, 1.2),
        (9, 3.5),
        (9, 15.0),
    ]
    assert large == [[], []]


def test_peers_and_ours_read_the_same_frames(clip):
    theirs = [
        baselines.convert_all(clip.path, clip.train),
        baselines.seek_each(clip.path, clip.train),
    ]
    ours = [cases.ours(clip)[0], cases.indexed(clip)[0]]
    whole = read_frames(clip.path)
    assert baselines.decode_all(clip.path) == len(whole) == 90
    for frames in theirs + ours:
        assert torch.equal(frames, whole[clip.train.ravel()])


@pytest.mark.parametrize("reader", ["torchcodec", "decord_sorted", "decord_sampled", "opencv"])
def test_installed_peers_read_nearly_the_same_frames(clip, reader):
    package = {"opencv": "cv2"}.get(reader, reader.partition("_")[0])
    if not run._importable(package):
        pytest.skip(f"{package} is not installed")
    frames = getattr(baselines, reader)(clip.path, clip.train)
    ours = cases.ours(clip)[0]
    assert (frames.float() - ours.float()).abs().mean() < 3


def test_raw_frames_and_copies_show_the_original(clip):
    whole = read_frames(clip.path)[clip.train.ravel()].float()
    raw = baselines.jpegs(clip.forms.jpegs, clip.train).float()
    copied = read_frames(clip.forms.copy)[clip.train.ravel()].float()
    assert 0 < (raw - whole).abs().mean() < 8
    assert 0 < (copied - whole).abs().mean() < 8


def test_a_crop_in_floats_is_the_crop_in_bytes_normalised(clip):
    frames = cases.ours(clip)[0]
    floats = baselines.float_crop(frames, clip.box, 20)
    crop = baselines.byte_crop(frames, clip.box, 20)
    mean, std = (
        255 * torch.tensor(values)[:, None, None] for values in (baselines.MEAN, baselines.STD)
    )
    assert torch.allclose(floats, (crop.float() - mean) / std, atol=1e-5)


def test_views_read_one_by_one_are_the_crops_of_all_frames(clip):
    snippets = clip.test[:2]
    one_by_one = baselines.per_view(clip.path, snippets, short_px=32, crops=3)
    frames = baselines.convert_all(clip.path, snippets)
    at_once = baselines.float_crops(frames, short_px=32, crops=3)
    at_once = at_once.unflatten(0, snippets.shape).transpose(1, 2).flatten(0, 1)
    assert torch.equal(torch.stack(list(one_by_one)), at_once)


def test_drawings_of_one_seed_are_equal_and_move():
    first, second = (list(videos.scene(3, 4, width=64, height=48)) for _ in range(2))
    assert np.array_equal(first, second)
    assert first[0].shape == (48, 64, 3)
    assert not np.array_equal(first[0], first[3])


@pytest.mark.chaos
@pytest.mark.slow
def test_the_command_measures_and_prints(folder):
    words = ["--folder", folder, "--tiny", "--clips", 1, "--seconds", 3, "--pairs", 2, "--json"]
    done = CliRunner().invoke(command, [str(word) for word in words])
    assert done.exit_code == 0
    measured = json.loads(done.stdout)
    assert len(measured["rows"]) == 33
    assert all(row.get("ratio", 1) > 0 for row in measured["rows"])
    headings = {row["what"] for row in measured["rows"]}
    assert len(run.text(measured).splitlines()) == 33 + len(headings) + 5
    assert measured["bytes"]["raw frames"] > measured["bytes"]["copies"]
