"""What the ranks of a trial read of a checked data set: none repeats the work of another."""

import shutil
from collections import Counter
from dataclasses import replace

import pytest

from harness import data, record
from harness.data import passport
from harness.data.prepare import check, summary, summary_files
from harness.data.prepare.probe_pool import ProbeSettings
from harness.data.prepare.sources import DataSource
from harness.data.video import Video
from tests.helpers import file_counts

SETTINGS = ProbeSettings(seconds=30)
EPOCHS = 2
DRIVER, *RANKS = "driver", "rank 0", "rank 1"
LOADERS = [f"{rank} loader" for rank in RANKS]


@pytest.fixture
def checked(tiny_trial, data_root, tmp_path):
    """Return a folder of data sets with the desk videos of a tiny trial as a checked one."""
    generated = data.load_passport(tiny_trial.data, data_root)
    root, splits = tmp_path / "data" / "mine", {}
    for split, videos in generated.splits.items():
        (root / split).mkdir(parents=True)
        splits[split] = [
            Video(id=v.id, path=root / split / v.path.name, labels=v.labels) for v in videos
        ]
        for source, copy in zip(videos, splits[split], strict=True):
            shutil.copyfile(source.path, copy.path)
    found = check.check_videos(splits, root, root, SETTINGS, progress=lambda *step: None)
    source = DataSource(name="mine", root=root, splits=splits)
    totals = summary.summarise(found, source, out=root)
    summary_files.write(found, totals, source, root)
    check.write_index(root, totals.passport, found, root, SETTINGS)
    return root.parent


@pytest.fixture
def counts(checked, tiny_trial, runtime):
    """Run a whole trial in two ranks, with loader processes and without a cache of frames."""
    spec = replace(tiny_trial, data=replace(tiny_trial.data, name="mine", options={}))
    assert spec.train.epochs == EPOCHS
    shared = replace(
        runtime, data=checked, ranks=2, workers=1, cache_mb=0, campaign="one of its own"
    )
    found = file_counts.run_trial(spec, shared, checked / "mine")
    digest = passport.read(checked / "mine" / passport.FILE).digest
    assert record.read(shared.results, record.trial_key(spec, digest)).metrics["videos"] == 12
    return found


def per_file(counts, who, action):
    """Return how often some processes did something, by file."""
    found = Counter()
    for (process, did, path), number in counts.items():
        if process in who and did == action:
            found[path] += number
    return found


def of_split(counted, split):
    return {path: number for path, number in counted.items() if path.startswith(f"{split}/")}


@pytest.mark.slow
def test_no_process_of_a_trial_repeats_what_another_did_with_the_data(counts, tiny_trial):
    options = tiny_trial.data.options
    train = [f"train/{n:05d}.mp4" for n in range(options["train_videos"])]
    test = [f"test/{n:05d}.mp4" for n in range(options["test_videos"])]
    # One process compares the videos with their passport, and none is hashed.
    looks, opened = (per_file(counts, [DRIVER, *RANKS], did) for did in ("look", "open"))
    assert {path: looks[path] for path in train + test} == dict.fromkeys(train + test, 1)
    assert not [path for path in per_file(counts, RANKS, "look") if path.endswith(".mp4")]
    assert not [path for path in opened if path.endswith(".mp4")]
    # All read the passport once, and ranks its packet index.
    for process in (DRIVER, *RANKS):
        assert per_file(counts, [process], "open")["passport.json"] == 1
    assert [per_file(counts, [rank], "open")["passport.packets"] for rank in RANKS] == [1, 1]
    # Each epoch one loader process reads each training video: a look at its stamp, an opening.
    looks, opened = (per_file(counts, LOADERS, did) for did in ("look", "open"))
    assert opened == looks
    assert of_split(looks, "train") == dict.fromkeys(train, EPOCHS)
    # Each test video has a rank, which scores it after every epoch and at the end; the first ones
    # are tried before.
    ranks = [of_split(per_file(counts, [loader], "open"), "test") for loader in LOADERS]
    assert sorted([*ranks[0], *ranks[1]]) == sorted(test)
    assert {number - EPOCHS - 1 for rank in ranks for number in rank.values()} == {0, 1}
    assert set(opened) == {*train, *test}
