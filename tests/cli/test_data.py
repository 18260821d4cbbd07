"""`harness data check` as a user meets it, and what a trial must not reach."""

import shlex

import click
import pytest

from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness import data
from harness.cli.main import app
from harness.data import passport
from harness.data.reading import frame_cache
from harness.data.video import DamagedVideoError
from harness.provenance import code
from harness.specs import DataSpec
from tests.helpers import bad_videos


def harness(*words):
    app.main(["data", "check", *map(str, words)], standalone_mode=False)


def test_no_trial_reaches_the_check():
    reached = set(code.places(desk(EXPERIMENT.rows[3].trial)).values())
    assert not {name for name in reached if name.startswith("harness.data.prepare")}
    assert "harness.data.datasets.lists.files" not in reached
    assert not reached & {
        "harness.data.prepare.video_facts",
        "harness.stats.coverage",
        "harness.cli.data",
    }


@pytest.fixture
def root(tmp_path):
    """A sound video and an empty one."""
    root = tmp_path / "root"
    root.mkdir()
    bad_videos.write(root / "a b.mp4", n=10)
    (root / "empty.mp4").touch()
    return root


@pytest.mark.slow
def test_what_is_bad_sets_the_exit_code_and_stays_out_of_the_passport(root, tmp_path, capsys):
    bad_videos.write(root / "other.mp4", n=12)
    rows = {"test": "a b.mp4,0\nempty.mp4,1\n", "train": "other.mp4,1\n"}
    words = ["mine", "--root", root, "--data", tmp_path / "data"]
    for split, text in rows.items():
        (tmp_path / f"{split}.csv").write_text(text)
        words += ["--list", f"{split}={tmp_path / split}.csv"]
    with pytest.raises(SystemExit) as ended:
        harness(*words)
    said = capsys.readouterr()
    assert ended.value.code == 1
    assert "[3/3" in said.err
    assert "test: 1 of 2 videos are good (50.00 %)" in said.out
    out = tmp_path / "data" / "mine"
    assert "file is empty" in (out / "bad.csv").read_text()
    known = passport.read(out / "passport.json")
    assert [video.id for video in known.splits["test"]] == ["a b.mp4"]
    assert known.listed == {"train": 1, "test": 2}
    assert known.root == root


@pytest.mark.slow
def test_videos_of_ones_own_become_a_data_set_in_one_command(tmp_path, capsys):
    for split, name in (("train", "a"), ("train", "b"), ("test", "c")):
        for label in ("run", "walk"):
            path = tmp_path / "videos" / split / label / f"{name}.mp4"
            path.parent.mkdir(parents=True, exist_ok=True)
            bad_videos.write(path, n=10 + len(list(tmp_path.rglob("*.mp4"))))
    harness("mine", "--root", tmp_path / "videos", "--data", tmp_path / "data")
    assert "every class has all its videos" in capsys.readouterr().out
    spec = DataSpec(name="mine", num_classes=2)
    known = data.load_passport(spec, tmp_path / "data")
    assert known.classes == ("run", "walk")
    assert [len(known.splits[split]) for split in ("train", "test")] == [4, 2]
    known.splits["test"][0].path.write_bytes(b"another")
    with pytest.raises(DamagedVideoError, match="content differs"):
        data.load_passport(spec, tmp_path / "data")
    with pytest.raises(SystemExit):
        harness("mine", "--data", tmp_path / "data")
    assert "test: 1 of 2 videos are good" in capsys.readouterr().out


@pytest.mark.slow
def test_links_to_another_disk_are_allowed_by_name_and_remembered(tmp_path, capsys):
    root, disk = tmp_path / "root", tmp_path / "disk 2"
    for number, folder in enumerate((root / "val" / "run", disk / "run")):
        folder.mkdir(parents=True)
        bad_videos.write(folder / "1.mp4", n=10 + number)
    (root / "train").symlink_to(disk)
    (root / "notes").mkdir()
    (root / "notes" / "read\nme.txt").touch()
    words = ["mine", "--root", root, "--data", tmp_path / "data"]
    with pytest.raises(ValueError, match=r"'train' leads out of the root by a link, to .*/disk 2"):
        harness(*words)
    harness(*words, "--also", disk)
    for again in (words, ["mine", "--data", tmp_path / "data"]):
        harness(*again)
        known = passport.read(tmp_path / "data" / "mine" / "passport.json")
        assert [len(known.splits[split]) for split in ("train", "test")] == [1, 1]
        assert known.also == (disk,)
    assert known.unused == {
        "lists and other text": {"count": 1, "examples": ["notes/read\nme.txt"]}
    }
    said = capsys.readouterr().out
    assert "Links may also lead into: 1" in said
    assert "- 1 lists and other text, such as notes/read\\\\nme.txt" in said  # Markdown shows one
    assert "Folders without a listed video, left out: 1\n\n- notes\n" in said


def test_a_data_set_that_is_not_here_is_said_in_one_line(tmp_path):
    with pytest.raises(
        ValueError, match=r"kinetics400 has no passport: .* is missing; run"
    ) as caught:
        data.load_passport(DataSpec(name="kinetics400", num_classes=400), tmp_path)
    said = str(caught.value)
    assert str(tmp_path / "kinetics400" / "passport.json") in said
    assert "harness data check kinetics400 --root FOLDER" in said
    assert "\n" not in said


def test_a_printed_command_can_be_pasted(tmp_path):
    root = tmp_path / "it's 100% new"
    with pytest.raises(ValueError, match="has no passport") as caught:
        data.load_passport(DataSpec(name="kinetics400", num_classes=400), root)
    command = str(caught.value).split("`")[1]
    assert shlex.split(command)[-2:] == ["--data", str(root)]


NAMES = ("a b", "what?", "100%d", "#1", "it's", 'say "so"', "a,b;c", "12:30", "-rf", "*", "$x")


@pytest.mark.slow
def test_names_of_any_kind_are_checked_and_can_be_trained_on(tmp_path):
    root = tmp_path / "it's 100% #1?"
    for number, name in enumerate(2 * NAMES):
        (root / name).mkdir(parents=True, exist_ok=True)
        bad_videos.write(root / name / f"{name} {number}.mp4", n=8 + number)
    harness("mine", "--root", root, "--data", tmp_path / "data", "--processes", 2)
    known = data.load_passport(DataSpec(name="mine", num_classes=len(NAMES)), tmp_path / "data")
    assert known.classes == tuple(sorted(NAMES))
    for videos in known.splits.values():
        assert len(videos) == len(NAMES)
        for video in videos:
            assert len(frame_cache.read(video)) == video.frames


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["mine", "--list", "none.txt", "--root", "{}"], "say which split, train or test"),
        (["mine", "--list", "test=none.txt", "--root", "{}"], "the file does not exist"),
        (["kinetics40", "--root", "{}"], "unknown data set 'kinetics40'; did you mean"),
        (["Mine", "--root", "{}"], "a name has only a-z"),
        (["desk", "--data", "{}"], "has no passport of 'desk'"),
        (["desk", "--root", "{}"], "desk is made by the harness"),
        (["mine", "--root", "{}", "--fps", "1/0"], "'1/0' is not a frame rate"),
        (["mine", "--data", "{}"], "say where the videos of mine are, by --root"),
        (["mine", "--root", "{}"], "contains no"),
        (
            ["mine", "--root", "{}", "--list", "train={}/l", "--list", "test={}/l"],
            "a leak: 'a b.mp4'",
        ),
    ],
)
def test_a_mistake_gets_one_sentence(root, words, message):
    (root / "l").write_text("a b.mp4 0\n")
    with pytest.raises((click.UsageError, ValueError)) as caught:
        harness(*(word.format(root) for word in words))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
