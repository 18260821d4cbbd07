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
    "bn_inception": "harness.zoo.backbones.bn_inception:bn_inception",
    "trn_bn_inception": "harness.zoo.backbones.trn:trn_bn_inception",
    "trn_resnet50": "harness.zoo.backbones.trn:trn_resnet50",
    "eco_lite": "harness.zoo.backbones.eco:eco_lite",
    "eco_full": "harness.zoo.backbones.eco:eco_full",
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
    "tsn-bninception": "harness.zoo.checkpoints.bn_inception:tsn_bninception",
    "trn": "harness.zoo.checkpoints.trn:trn",
    "eco": "harness.zoo.checkpoints.eco:eco",
}
