"""ImageNet weights of torchvision, inflated into networks of the zoo."""

from pathlib import Path

from torch import nn

from harness.zoo.checkpoints.files import read_state_dict
from harness.zoo.checkpoints.rename import BATCH_COUNTER, Rules, reshape_to, rename

TORCHVISION: Rules = {
    r"^conv1\.": "stem.0.",
    r"^bn1\.": "stem.1.",
    r"^layer1\.": "res2.",
    r"^layer2\.": "res3.",
    r"^layer3\.": "res4.",
    r"^layer4\.": "res5.",
    r"\.conv1\.": ".convs.0.0.",
    r"\.conv2\.": ".convs.1.0.",
    r"\.conv3\.": ".convs.2.0.",
    r"\.bn1\.": ".convs.0.1.",
    r"\.bn2\.": ".convs.1.1.",
    r"\.bn3\.": ".convs.2.1.",
    r"\.downsample\.": ".shortcut.",
}


def load_imagenet(net: nn.Module, path: Path) -> None:
    """Inflate a 2D residual network of torchvision into `net`; its classifier stays as it is.

    A weight is copied along time and divided by the temporal kernel, so that a video of one
    repeated picture gives the 2D network's features. Inserted modules keep their own start.

    Args:
        net: Changed in place.
        path: State dict in torchvision's naming. Hexadecimal digits after the last dash of the
            file name, as in `resnet50-0676ba61.pth`, are checked against its SHA-256.

    Raises:
        ValueError: If the file is missing or altered, or its tensors do not cover the trunk.
    """
    found = {
        rename(name, TORCHVISION): tensor
        for name, tensor in read_state_dict(path).items()
        if not name.startswith("fc.")
    }
    wanted = {
        name: tensor
        for name, tensor in net.state_dict().items()
        if not name.startswith("fc.") and ".slots." not in name
    }
    odd = sorted(name for name in found.keys() ^ wanted.keys() if not name.endswith(BATCH_COUNTER))
    if odd:
        raise ValueError(f"{path}: {len(odd)} tensors do not match the trunk, first {odd[0]}")
    inflated = {name: reshape_to(found[name], wanted[name], name) for name in wanted if name in found}
    net.load_state_dict(inflated, strict=False)
