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
    "s3d": "harness.zoo.backbones.s3d:s3d",
    "s3d_g": "harness.zoo.backbones.s3d:s3d_g",
    "inception_v3": "harness.zoo.backbones.inception_v3:inception_v3",
    "r2plus1d_18": "harness.zoo.backbones.torchvision_video:r2plus1d_18",
    "mvit_v2_s": "harness.zoo.backbones.torchvision_video:mvit_v2_s",
    "swin3d_t": "harness.zoo.backbones.torchvision_video:swin3d_t",
    "swin3d_s": "harness.zoo.backbones.torchvision_video:swin3d_s",
    "swin3d_b": "harness.zoo.backbones.torchvision_video:swin3d_b",
    "c3d": "harness.zoo.backbones.c3d:c3d",
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
    "s3d-kylemin": "harness.zoo.checkpoints.s3d:s3d_kylemin",
    "tsn-inception-v3": "harness.zoo.checkpoints.inception_v3:tsn_inception_v3",
    "torchvision-video": "harness.zoo.checkpoints.torchvision_video:torchvision_video",
}
