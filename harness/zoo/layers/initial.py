"""Initial weights of networks that are put together from layers of torch and torchvision."""

from torch import nn


def he_normal(net: nn.Module) -> None:
    """Draw the weights of every convolution and linear layer as He et al. 2015 do.

    Args:
        net: Changed in place; biases and norms stay.
    """
    for layer in net.modules():
        if isinstance(layer, (nn.Conv2d, nn.Conv3d, nn.Linear)):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
