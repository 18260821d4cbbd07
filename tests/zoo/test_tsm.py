import json
from pathlib import Path

import pytest
import torch
from einops import rearrange

from harness import zoo
from harness.specs import DataSpec, ModelSpec
from harness.zoo.checkpoints import inner_name
from harness.zoo.tsm import TemporalShift
from tests import filled

GOLDEN = Path(__file__).parents[1] / "golden" / "tsm_r50_8f.json"


def test_channels_move_one_frame_each_way_and_zeros_fill_in():
    x = torch.arange(1.0, 4.0).expand(1, 16, 3)[..., None, None]
    y = TemporalShift(16)(x)[0, :, :, 0, 0]
    assert y[:2].tolist() == [[2, 3, 0]] * 2
    assert y[2:4].tolist() == [[0, 1, 2]] * 2
    assert torch.equal(y[4:], x[0, 4:, :, 0, 0])


def test_frames_stay_inside_their_snippet():
    x = torch.randn(4, 8, 3, 2, 2)
    module = TemporalShift(8)
    assert torch.equal(module(x)[1:2], module(x[1:2]))


def test_channels_too_few_to_share_are_refused():
    with pytest.raises(ValueError, match="eighths of the channels; 7"):
        TemporalShift(7)


def test_logits_equal_the_released_code():
    golden = json.loads(GOLDEN.read_text())
    data = DataSpec(name="any", num_classes=12, num_snippets=1, num_frames=8)
    net = zoo.build(ModelSpec(backbone="tsm_resnet50"), data).eval()
    official = filled.state_dict(golden["state_dict"], golden["gain"])
    net.load_state_dict(dict(ours(name, tensor) for name, tensor in official.items()))
    assert sum(parameter.numel() for parameter in net.parameters()) == golden["num_parameters"]
    clip = filled.clip(golden["input"]["case_seed"], golden["input"]["shape"])
    with torch.inference_mode():
        logits = net(rearrange(clip, "n t c h w -> n 1 c t h w"))
    error = (logits - torch.tensor(golden["logits"])).abs().max()
    assert error <= 1e-4 * golden["checks"]["logits_std"]


def ours(name, tensor):
    """Translate the original's name and shape of a tensor."""
    if name.startswith("new_fc."):
        return name.replace("new_fc", "fc"), tensor
    name = inner_name(name.removeprefix("base_model.").replace(".net.", "."))
    return name, tensor.unsqueeze(2) if tensor.ndim == 4 else tensor
