"""Readers of data sets from outside the repository."""

import pytest

from harness import tables
from harness.data import DATASETS
from harness.data.prepare import sources
from harness.tables import own_datasets
from tests.helpers.own_code import write

READER = """
from harness.data.video import Video


def videos(root, split, *, rows=None, also=()):
    names = sorted(path.name for path in (root / split).iterdir())
    return [
        Video(id=f"{split}/{name}", path=root / split / name, labels=(int(name[0]),))
        for name in names
    ]


def class_names(root, *, also=()):
    return ("a", "b")
"""


@pytest.fixture(autouse=True)
def _no_reader_of_another_test():
    yield
    tables.forget()


@pytest.fixture
def reader(tmp_path):
    path = tmp_path / "my_clips.py"
    path.write_text(READER)
    return path


def test_a_file_reads_the_data_set_of_its_name(tmp_path, reader):
    for split in ("train", "test"):
        (tmp_path / "clips" / split).mkdir(parents=True)
        for label in (0, 1):
            (tmp_path / "clips" / split / f"{label}{split}.mp4").touch()
    assert own_datasets.open_reader(str(reader)) == "my_clips"
    found = sources.read_source("my_clips", tmp_path / "clips", tmp_path / "data")
    assert [video.id for video in found.splits["test"]] == ["test/0test.mp4", "test/1test.mp4"]
    assert found.class_names == ("a", "b")
    tables.forget()
    assert "my_clips" not in DATASETS


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("def videos", "def vidoes", "definition of my_clips.py 'videos'; did you mean 'vidoes'?"),
        ("from harness.data.video", "from harness.data.vido", "No module named"),
        ("def class_names", "1 / 0\n\n\ndef class_names", "ZeroDivisionError: division by zero"),
        ("def videos", "def videos(", "SyntaxError"),
    ],
)
def test_a_broken_reader_is_one_sentence(reader, before, after, said):
    reader.write_text(READER.replace(before, after, 1))
    with pytest.raises(ValueError, match="my_clips") as refused:
        own_datasets.open_reader(str(reader))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_an_error_of_a_reader_names_it(reader):
    name = own_datasets.open_reader(str(reader))
    told = pytest.raises(ValueError, match=r"^the reader of my_clips fails: KeyError: 'x'$")
    with told, own_datasets.blamed(name):
        raise KeyError("x")
    with pytest.raises(KeyError), own_datasets.blamed("kinetics400"):
        raise KeyError("x")


def test_an_answer_that_no_passport_can_hold_is_refused_before_a_video_is_read(tmp_path, reader):
    for label in (0, 2):
        (tmp_path / "clips" / "train").mkdir(parents=True, exist_ok=True)
        (tmp_path / "clips" / "train" / f"{label}.mp4").touch()
    (tmp_path / "clips" / "test").mkdir()
    own_datasets.open_reader(str(reader))
    with pytest.raises(ValueError, match=r"'train/2\.mp4': its label 2 is none of the 2 classes"):
        sources.read_source("my_clips", tmp_path / "clips", tmp_path / "data")


@pytest.mark.parametrize("name", ["kinetics400.py", "desk.py", "My-Clips.py"])
def test_a_file_that_cannot_name_a_data_set_is_refused(tmp_path, name):
    (tmp_path / name).write_text(READER)
    with pytest.raises(ValueError, match=r"rename the file|cannot name a data set"):
        own_datasets.open_reader(str(tmp_path / name))


def test_a_table_names_the_data_set_by_the_file(tmp_path, reader):
    path = write(tmp_path)
    data = 'data=replace(I3D_R50.data, name="my_clips.py", num_classes=2)'
    text = path.read_text().replace("trial=I3D_R50)", f"trial=replace(I3D_R50, {data}))")
    path.write_text("from dataclasses import replace\n" + text)
    assert tables.load(str(path)).rows[0].trial.data.name == "my_clips"
