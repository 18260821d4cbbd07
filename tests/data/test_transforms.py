import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torchvision.transforms.v2 import functional as reference

from harness.data import transforms
from harness.specs import DataSpec, EvalSpec

SPEC = DataSpec(name="any", num_classes=2, crop_px=20)


def frames(height=30, width=44, count=3):
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, height, width, 3), dtype=torch.uint8, generator=generator)


def crops_of(pictures, views):
    return transforms.cut_crops(transforms.short_side(pictures, views), views)


def test_a_crop_equals_torchvisions_resized_crop():
    box = transforms.random_box(30, 44, SPEC, np.random.default_rng(3))
    ours = transforms.train_crop(frames(), replace(SPEC, flip=False), np.random.default_rng(3))
    pictures = frames().permute(0, 3, 1, 2)
    theirs = reference.resized_crop(pictures, *box, [20, 20], antialias=True)
    # Without wide vectors torchvision goes through floats, which rounds a byte to its neighbour.
    most = 1 if torch.backends.cpu.get_cpu_capability() == "DEFAULT" else 0
    assert (ours.int() - theirs.permute(0, 2, 3, 1).int()).abs().max() <= most


def test_boxes_cover_the_asked_area_and_aspect():
    spec = replace(SPEC, crop_area=(0.3, 0.6), crop_aspect=(0.8, 1.25))
    boxes = [transforms.random_box(200, 300, spec, np.random.default_rng(i)) for i in range(500)]
    areas = [h * w / 60_000 for _, _, h, w in boxes]
    aspects = [w / h for _, _, h, w in boxes]
    assert 0.29 < min(areas) < 0.32
    assert 0.58 < max(areas) < 0.61
    assert 0.79 < min(aspects) < max(aspects) < 1.27
    assert all(t >= 0 and x >= 0 and t + h <= 200 and x + w <= 300 for t, x, h, w in boxes)


def test_an_impossible_aspect_falls_back_to_the_largest_centred_box():
    spec = replace(SPEC, crop_area=(1.0, 1.0), crop_aspect=(1.0, 1.0))
    assert transforms.random_box(30, 44, spec, np.random.default_rng(0)) == (0, 7, 30, 30)


def test_half_of_the_videos_are_mirrored_as_a_whole():
    spec = replace(SPEC, crop_area=(1.0, 1.0), crop_aspect=(1.0, 1.0), crop_px=30)
    plain = frames(30, 30)
    crops = [transforms.train_crop(plain, spec, np.random.default_rng(i)) for i in range(400)]
    mirrored = [torch.equal(crop, plain.flip(2)) for crop in crops]
    assert all(torch.equal(crop, plain.flip(2)) or torch.equal(crop, plain) for crop in crops)
    assert abs(np.mean(mirrored) - 0.5) < 4 * 0.5 / math.sqrt(400)


@pytest.mark.parametrize(("height", "width"), [(40, 60), (60, 40)])
def test_three_crops_lie_along_the_long_side(height, width):
    views = EvalSpec(num_crops=3, crop_px=32, short_side_px=32)
    crops = crops_of(frames(height, width), views)
    assert crops.shape == (3, 3, 32, 32, 3)
    resized = transforms.resize(frames(height, width), 32 * height // 40, 32 * width // 40)
    along = 1 if height > width else 2
    assert torch.equal(crops[0], resized.narrow(along, 0, 32))
    assert torch.equal(crops[1], resized.narrow(along, 8, 32))
    assert torch.equal(crops[2], resized.narrow(along, 16, 32))


def test_one_crop_is_the_middle_one_of_three():
    one = crops_of(frames(), EvalSpec(num_crops=1, crop_px=24, short_side_px=26))
    three = crops_of(frames(), EvalSpec(num_crops=3, crop_px=24, short_side_px=26))
    assert torch.equal(one[0], three[1])


def test_normalised_bytes_have_imagenets_mean_at_zero():
    mean = torch.tensor(transforms.MEAN) * 255
    clips = mean.round().to(torch.uint8).expand(1, 2, 4, 5, 5, 3)
    normal = transforms.normalise(clips)
    assert normal.shape == (1, 2, 3, 4, 5, 5)
    assert normal.abs().max() < 0.5 / 255 / min(transforms.STD) + 1e-6
