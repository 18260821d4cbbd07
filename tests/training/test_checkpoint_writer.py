import threading

import pytest
import torch

from harness.training import checkpoint
from harness.training.checkpoint.writer import CheckpointWriter


def names(folder):
    return sorted(path.name.rsplit("-", 1)[0] for path in folder.glob("*.pt"))


def test_a_save_within_an_epoch_holds_the_state_of_its_moment(tmp_path, monkeypatch):
    go_on, write = threading.Event(), checkpoint.save

    def late(*args, **named):
        assert go_on.wait(60)
        return write(*args, **named)

    monkeypatch.setattr(checkpoint, "save", late)
    weights = torch.zeros(3)
    with CheckpointWriter(tmp_path) as writer:
        writer.save_aside({"history": [], "net": {"weights": weights}}, epoch=0, step=5)
        weights += 1  # training goes on
        assert names(tmp_path) == []
        go_on.set()
    state = checkpoint.load_newest(tmp_path)
    assert state["net"]["weights"].tolist() == [0, 0, 0]


def test_the_newest_is_by_epoch_and_then_by_step_and_one_between_epochs_stays(tmp_path):
    for epoch, step in ((1, 0), (1, 3), (1, 20), (1, 100)):
        checkpoint.save(tmp_path, {"history": [], "at": [epoch, step]}, epoch=epoch, step=step)
        assert checkpoint.load_newest(tmp_path)["at"] == [epoch, step]
    assert names(tmp_path) == ["epoch-0001", "epoch-0001.000020", "epoch-0001.000100"]
    checkpoint.save(tmp_path, {"history": [], "at": [2, 0]}, epoch=2)
    assert checkpoint.load_newest(tmp_path)["at"] == [2, 0]
    assert names(tmp_path) == ["epoch-0001.000100", "epoch-0002"]


def test_the_save_after_an_epoch_comes_after_those_within_it(tmp_path, monkeypatch):
    order, write = [], checkpoint.save

    def noted(*args, epoch, step=0):
        path = write(*args, epoch=epoch, step=step)
        order.append((epoch, step))
        return path

    monkeypatch.setattr(checkpoint, "save", noted)
    with CheckpointWriter(tmp_path) as writer:
        for step in (1, 2):
            writer.save_aside({"history": []}, epoch=0, step=step)
        writer.save({"history": []}, epoch=1)
        assert order == [(0, 1), (0, 2), (1, 0)]


@pytest.mark.parametrize("following", ["save", "save_aside"])
def test_a_failure_in_the_thread_is_raised_by_the_next_save(tmp_path, monkeypatch, following):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "save", full)
    with CheckpointWriter(tmp_path) as writer:
        writer.save_aside({"history": []}, epoch=0, step=1)
        named = {"epoch": 1} if following == "save" else {"epoch": 0, "step": 2}
        with pytest.raises(OSError, match="No space left on device"):
            getattr(writer, following)({"history": []}, **named)
