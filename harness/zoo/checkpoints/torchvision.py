"""ImageNet weights of torchvision, inflated into networks of the zoo."""

from pathlib import Path

from torch import Tensor, nn

from harness.zoo.checkpoints.files import read_state_dict
from harness.zoo.checkpoints.rename import BATCH_COUNTER, Rules, rename, reshape_to

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
    """Inflate a 2D residual network of torchvision into `net`, all but the classifier.

    A weight is copied along time and divided by the temporal kernel size, so that a video of one
    repeated picture gives the 2D network's features. Inserted modules keep their initialisation.

    Args:
        net: Changed in place.
        path: State dict with torchvision's tensor names. Hexadecimal digits after the last dash
            of the file name, as in `resnet50-0676ba61.pth`, are checked against its SHA-256.

    Raises:
        ValueError: If the file is missing or altered, or its tensors do not cover the trunk.
    """
    net.load_state_dict(inflate(net, path), strict=False)


def inflate(net: nn.Module, path: Path) -> dict[str, Tensor]:
    """Return the tensors of a 2D residual network in the shapes of `net`; see `load_imagenet`."""
    trained = {
        rename(name, TORCHVISION): tensor
        for name, tensor in read_state_dict(path).items()
        if not name.startswith("fc.")
    }
    trunk = {
        name: tensor
        for name, tensor in net.state_dict().items()
        if not name.startswith("fc.") and ".slots." not in name
    }
    gaps = sorted(n for n in trained.keys() ^ trunk.keys() if not n.endswith(BATCH_COUNTER))
    if gaps:
        raise ValueError(
            f"{path}: {len(gaps)} tensors do not match the trunk, first {gaps[0]}; "
            "pass weights of the same network"
        )
    return {name: reshape_to(trained[name], trunk[name], name) for name in trunk if name in trained}
