"""The model zoo: backbones, modules and checkpoint families by name.

A name maps to the import path of its class or function, so importing one network never imports
another, and the code hash of a trial covers only the network that the trial uses.
"""

BACKBONES = {
    "resnet18": "harness.zoo.backbones.resnet:resnet18",
    "resnet50": "harness.zoo.backbones.resnet:resnet50",
    "resnet101": "harness.zoo.backbones.resnet:resnet101",
    "resnet152": "harness.zoo.backbones.resnet:resnet152",
    "i3d_resnet18": "harness.zoo.backbones.resnet:i3d_resnet18",
    "i3d_resnet50": "harness.zoo.backbones.resnet:i3d_resnet50",
    "i3d_resnet101": "harness.zoo.backbones.resnet:i3d_resnet101",
    "tsm_resnet18": "harness.zoo.backbones.tsm:tsm_resnet18",
    "tsm_resnet50": "harness.zoo.backbones.tsm:tsm_resnet50",
    "tsm_resnet101": "harness.zoo.backbones.tsm:tsm_resnet101",
    "tanet_resnet50": "harness.zoo.backbones.tanet:tanet_resnet50",
    "tanet_resnet101": "harness.zoo.backbones.tanet:tanet_resnet101",
    "tanet_resnet152": "harness.zoo.backbones.tanet:tanet_resnet152",
    "mvfnet_resnet50": "harness.zoo.backbones.mvfnet:mvfnet_resnet50",
    "mvfnet_resnet101": "harness.zoo.backbones.mvfnet:mvfnet_resnet101",
    "teinet_resnet50": "harness.zoo.backbones.teinet:teinet_resnet50",
    "tea_resnet50": "harness.zoo.backbones.tea:tea_resnet50",
    "i3d_5x7x7_resnet50": "harness.zoo.backbones.i3d:i3d_5x7x7_resnet50",
    "i3d_5x7x7_resnet101": "harness.zoo.backbones.i3d:i3d_5x7x7_resnet101",
    "i3d_inception": "harness.zoo.backbones.i3d_inception:InflatedInception",
    "c2d_resnet50": "harness.zoo.backbones.i3d:c2d_resnet50",
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
    "non_local": "harness.zoo.modules.non_local:NonLocal",
    "cgnl": "harness.zoo.modules.cgnl:CGNL",
}
CHECKPOINTS = {
    "dsanet": "harness.zoo.checkpoints.dsanet:dsanet",
    "v4d": "harness.zoo.checkpoints.v4d:v4d",
    "tsm": "harness.zoo.checkpoints.tsm:tsm",
    "tanet": "harness.zoo.checkpoints.tanet:tanet",
    "mvfnet": "harness.zoo.checkpoints.mvfnet:mvfnet",
    "tea": "harness.zoo.checkpoints.tea:tea",
    "slowonly-pyslowfast": "harness.zoo.checkpoints.pyslowfast:slowonly_pyslowfast",
    "i3d-pyslowfast": "harness.zoo.checkpoints.pyslowfast_i3d:i3d_pyslowfast",
    "c2d-pyslowfast": "harness.zoo.checkpoints.pyslowfast_i3d:c2d_pyslowfast",
    "slowonly-pytorchvideo": "harness.zoo.checkpoints.pytorchvideo:slowonly_pytorchvideo",
    "slowfast-pyslowfast": "harness.zoo.checkpoints.pyslowfast:slowfast_pyslowfast",
    "slowfast-pytorchvideo": "harness.zoo.checkpoints.pytorchvideo:slowfast_pytorchvideo",
    "x3d-pyslowfast": "harness.zoo.checkpoints.pyslowfast:x3d_pyslowfast",
    "x3d-pytorchvideo": "harness.zoo.checkpoints.pytorchvideo:x3d_pytorchvideo",
    "vov3d": "harness.zoo.checkpoints.vov3d:vov3d",
}
