"""The benchmark of large data sets runs, and counts what processes do."""

import json

import pytest
from click.testing import CliRunner

from benchmarks import made_data, packet_index, scale
from harness.data import passport
from harness.data.passport import column_file

VIDEOS = 48


@pytest.mark.slow
@pytest.mark.parametrize("options", [[], ["--listed"]], ids=str)
def test_starts_are_measured(options):
    done = CliRunner().invoke(scale.command, ["--number", str(VIDEOS), "--json", *options])
    assert done.exit_code == 0, done.output
    (found,) = json.loads(done.stdout)
    counts = {
        name: (found[name]["looks"], found[name]["hashed"])
        for name in ("rows", "first", "other", "staged", "staged_again")
    }
    assert counts == {
        "rows": (VIDEOS, 0),
        "first": (VIDEOS, 0),
        "other": (0, 0),
        "staged": (2 * VIDEOS, VIDEOS),
        "staged_again": (VIDEOS, 0),
    }
    assert all(number >= 0 for number in found["packets"].values())
    assert found["packets"]["file_mb"] > 0


def test_starts_are_shown_with_their_share_of_rows():
    start = scale.Start(seconds=2.0, peak_mb=40.0, looks=24, hashed=0)
    other = scale.Start(seconds=0.5, peak_mb=4.0, looks=0, hashed=0)
    shown = scale.Scale(
        videos=24,
        json_mb=1.0,
        columns_mb=0.5,
        rows=start,
        first=start,
        other=other,
        staged=start,
        staged_again=start,
        trials_s=0.0,
        packets=packet_index.IndexReads(
            file_mb=300.0, seconds=0.25, private_mb=8.0, mapped_mb=90.0
        ),
    )
    lines = [*scale._lines(shown)]
    assert lines[2].split()[-2:] == ["0.250,", "0.100"]
    assert "JSON 1.0 MB, columns 0.5 MB" in lines[-2]
    assert "packet index 300.0 MB: 96 entries read, 0.250 s, 8 MB of its own, 90" in lines[-1]


@pytest.mark.parametrize("listed", [False, True])
def test_made_passports_have_columns_at_any_number(tmp_path, monkeypatch, listed):
    monkeypatch.setattr(column_file, "MIN_VIDEOS", 1)
    made_data.write(tmp_path, VIDEOS, listed)
    path = tmp_path / made_data.NAME / passport.FILE
    found = passport.read(path)
    assert type(found.splits["train"]) is not list
    assert {split: len(videos) for split, videos in found.splits.items()} == found.listed
    scale._prepare(found)


def test_a_made_index_has_a_table_of_about_a_kilobyte_for_every_video(tmp_path):
    (tmp_path / made_data.NAME).mkdir()
    size_mb = packet_index.write(tmp_path, VIDEOS)
    assert 0.8e-3 < size_mb / VIDEOS < 2e-3
    packet_index.read(tmp_path, range(VIDEOS))
    with pytest.raises(AssertionError):
        packet_index.read(tmp_path, [VIDEOS])
