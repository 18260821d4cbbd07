"""A record and its scores are one: a rerun that is killed leaves the old pair or the new one."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from harness import record, video_scores
from harness.schedule import results_folder
from tests.test_record import made
from tests.test_video_scores import archive, good, write_pair


class KilledError(BaseException):
    """The death of a process."""


def rerun(results, each):
    """Write the record of a further run of the same trial, with other scores."""
    content = archive(**good() | {"scores": np.ones((3, 2), np.float32)})
    again = replace(each, code={"other": "0"}, scores_sha256=hashlib.sha256(content).hexdigest())
    record.write(results, again, content)
    return again


@pytest.mark.parametrize("writes", [0, 1, 2])
@pytest.mark.parametrize("named", ["by its key", "by its hash"])
def test_a_rerun_killed_between_its_files_leaves_a_pair(tmp_path, monkeypatch, writes, named):
    old = write_pair(tmp_path, archive(**good()), (3, 2))
    if named == "by its key":
        path = record.scores_path(tmp_path, old)
        path.rename(path.with_name(f"{old.key}.npz"))
    calls = []
    write = record.write_atomic

    def write_until_killed(path, content):
        if len(calls) == writes:
            raise KilledError
        calls.append(path)
        write(path, content)

    monkeypatch.setattr(record, "write_atomic", write_until_killed)
    if writes < 2:
        with pytest.raises(KilledError):
            rerun(tmp_path, old)
    else:
        rerun(tmp_path, old)
    for _ in range(2):
        found = record.read(tmp_path, old.key)
        assert (found.code == {"other": "0"}) == (writes == 2)
        assert video_scores.read(tmp_path, found).scores.max() == (writes == 2)
        results_folder.sweep(tmp_path)
    assert len(list((tmp_path / "records").iterdir())) == 2


def test_scores_of_a_record_that_is_set_aside_stay(tmp_path):
    each = write_pair(tmp_path, archive(**good()), (3, 2))
    (tmp_path / "records" / f"{each.key}.json").write_text("{")
    results_folder.sweep(tmp_path)
    assert record.scores_path(tmp_path, each).exists()


def test_scores_of_other_records_stay(tmp_path):
    pairs = [write_pair(tmp_path, archive(**good(3, n)), (3, n)) for n in (2, 4)]
    record.write(tmp_path, made(), b"")
    results_folder.sweep(tmp_path)
    assert all(record.scores_path(tmp_path, each).exists() for each in (*pairs, made()))
