"""Display matrices: every quarter turn and mirror moves pixels to where players show them."""

import math

import numpy as np
import pytest
import torch

from harness.data.reading import rotation, sparse_decode
from harness.data.reading.decode import read_frames
from harness.data.reading.display_matrix import STORED
from harness.data.video import DamagedVideoError
from tests.helpers import video_files


def shown(picture, matrix):
    """Move pixel by pixel, as ISO/IEC 14496-12 says: (x, y) to (a x + c y, b x + d y)."""
    a, b, c, d = matrix
    places = {
        (a * x + c * y, b * x + d * y): picture[y, x]
        for y in range(picture.shape[0])
        for x in range(picture.shape[1])
    }
    left, top = (min(place[axis] for place in places) for axis in (0, 1))
    width, height = (max(place[axis] for place in places) + 1 for axis in (0, 1))
    made = np.empty((height - top, width - left, 3), np.uint8)
    for (x, y), pixel in places.items():
        made[y - top, x - left] = pixel
    return made


@pytest.mark.parametrize("matrix", video_files.QUARTERS.values(), ids=video_files.QUARTERS)
def test_pixels_move_to_where_they_are_shown(matrix):
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    turned = rotation.apply_matrix(torch.from_numpy(picture)[None], matrix)
    assert np.array_equal(turned[0].numpy(), shown(picture, matrix))


@pytest.mark.parametrize("matrix", video_files.QUARTERS.values(), ids=video_files.QUARTERS)
def test_the_matrix_is_read_from_the_file(tmp_path, matrix):
    path = video_files.write(tmp_path / "turned.mp4", video_files.KINDS["GOP 12"], frames=20)
    video_files.turn(path, matrix)
    assert rotation.display_matrix(path) == matrix
    known = sparse_decode.build_index(path)
    frames = read_frames(path, [3, 11])
    turned = rotation.apply_matrix(frames, matrix)
    assert torch.equal(sparse_decode.read_planned(path, [3, 11]), frames)
    assert torch.equal(sparse_decode.read_planned(path, [3, 11], upright=True), turned)
    assert torch.equal(sparse_decode.read_indexed(path, [3, 11], known), frames)
    assert torch.equal(sparse_decode.read_indexed(path, [3, 11], known, upright=True), turned)


def test_a_file_without_a_matrix_is_upright(tmp_path):
    path = video_files.write(tmp_path / "plain.webm", video_files.KINDS["VP9"], frames=5)
    assert rotation.display_matrix(path) == STORED


def test_a_slanted_matrix_is_refused_only_when_it_is_asked_for(tmp_path):
    path = video_files.write(tmp_path / "slanted.mp4", video_files.KINDS["GOP 12"], frames=5)
    half = math.sqrt(0.5)
    video_files.turn(path, (half, half, -half, half))
    assert len(sparse_decode.read_planned(path, [0, 4])) == 2
    with pytest.raises(
        DamagedVideoError, match=r"slanted\.mp4.*not made of quarter turns and mirrors"
    ):
        sparse_decode.read_planned(path, [0, 4], upright=True)
