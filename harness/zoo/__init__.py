"""The model zoo: backbones, modules and checkpoint families by name.

A name maps to the import path of its class or function, so importing one network never imports
another, and the code hash of a trial covers only the network that the trial uses.
"""

BACKBONES = {
    "resnet18": "harness.zoo.backbones.resnet:resnet18",
    "resnet50": "harness.zoo.backbones.resnet:resnet50",
    "i3d_resnet18": "harness.zoo.backbones.resnet:i3d_resnet18",
    "i3d_resnet50": "harness.zoo.backbones.resnet:i3d_resnet50",
    "tsm_resnet18": "harness.zoo.backbones.tsm:tsm_resnet18",
    "tsm_resnet50": "harness.zoo.backbones.tsm:tsm_resnet50",
    "slowfast_4x16_resnet50": "harness.zoo.backbones.slowfast:slowfast_4x16_resnet50",
    "slowfast_8x8_resnet50": "harness.zoo.backbones.slowfast:slowfast_8x8_resnet50",
    "slowfast_8x8_resnet101": "harness.zoo.backbones.slowfast:slowfast_8x8_resnet101",
    "slowfast_8x8_resnet101_full": "harness.zoo.backbones.slowfast:slowfast_8x8_resnet101_full",
    "x3d_m": "harness.zoo.backbones.x3d:x3d_m",
    "x3d_l": "harness.zoo.backbones.x3d:x3d_l",
    "vov3d_m": "harness.zoo.backbones.vov3d:vov3d_m",
    "vov3d_l": "harness.zoo.backbones.vov3d:vov3d_l",
    "vov3d_m_2020": "harness.zoo.backbones.vov3d:vov3d_m_2020",
}
MODULES = {
    "dsa": "harness.zoo.modules.dsa:DSA",
    "se": "harness.zoo.modules.se:SE",
    "v4d": "harness.zoo.modules.v4d:V4D",
}
CHECKPOINTS = {
    "dsanet": "harness.zoo.checkpoints.dsanet:dsanet",
    "v4d": "harness.zoo.checkpoints.v4d:v4d",
    "tsm": "harness.zoo.checkpoints.tsm:tsm",
    "slowonly-pyslowfast": "harness.zoo.checkpoints.pyslowfast:slowonly_pyslowfast",
    "slowonly-pytorchvideo": "harness.zoo.checkpoints.pytorchvideo:slowonly_pytorchvideo",
    "slowfast-pyslowfast": "harness.zoo.checkpoints.pyslowfast:slowfast_pyslowfast",
    "slowfast-pytorchvideo": "harness.zoo.checkpoints.pytorchvideo:slowfast_pytorchvideo",
    "x3d-pyslowfast": "harness.zoo.checkpoints.pyslowfast:x3d_pyslowfast",
    "x3d-pytorchvideo": "harness.zoo.checkpoints.pytorchvideo:x3d_pytorchvideo",
    "vov3d": "harness.zoo.checkpoints.vov3d:vov3d",
}
