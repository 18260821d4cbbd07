"""Leaderboards: entries of DSANet and of TAM, quoted, with their ranks when they were copied."""

from harness.experiment import Experiment, Row

ENTRIES = (
    ("DSANet", "Something-something v1 (val)", "Action Recognition", "top1", 51.8, 257),
    ("DSANet", "Kinetics-400 1.0 (val)", "Video Recognition", "top1", 79, 43),
    ("DSANet", "ActivityNet v1.3", "Action Recognition", "map", 90.5, 31),
    ("DSANet", "ActivityNet v1.3 (test)", "Action Recognition", "map", 90.5, 19),
    ("DSANet", "Mini-Kinetics-200 (val)", "Video Classification", "top1", 81.8, 11),
    ("DSANet", "ActivityNet v1.3 (val)", "Untrimmed Video Recognition", "map", 90.5, 5),
    ("DSANet", "ActivityNet", "Action Recognition", "map", 90.5, 5),
    ("TAM", "Something-Something v2 (val)", "Action Recognition", "top1", 66, 535),
    ("TAM", "Kinetics-400", "Action Recognition", "top1", 79.3, 413),
    ("TAM", "Something-Something v2", "Action Recognition", "top1", 66, 341),
    ("TAM", "Something-Something v2 (test)", "Action Recognition", "top1", 66, 333),
    ("TAM", "Something-something v1 (val)", "Action Recognition", "top1", 50.6, 257),
    ("TAM", "Kinetics 400 (test)", "Action Recognition", "top1", 79.3, 245),
    ("TAM", "Something-Something v2 (test val)", "Action Recognition", "top1", 66, 187),
    ("TAM", "Something-Something v2 (test), as 0.66", "Video Classification", "top1", 66, 169),
    ("TAM", "Something-Something V1", "Action Recognition", "top1", 50.6, 162),
    ("TAM", "Kinetics 400 (val)", "Video Action Recognition", "top1", 76.3, 151),
)

EXPERIMENT = Experiment(
    name="leaderboards",
    title="Leaderboard entries of DSANet and of TAM",
    caption="Data set and task as the leaderboard names them, and the rank when it was copied",
    trains=False,
    rows=tuple(
        Row(label=f"{name}, {data}: {task}, rank {rank}", trial=None, published={metric: value})
        for name, data, task, metric, value, rank in ENTRIES
    ),
    notes=(
        "DSANet's entries are its rows elsewhere: 51.8, 81.8 and 90.5 are DSA+I3D R50, and 79 is "
        "the 79.0 of 4 and 8 frames together, two networks. The four entries for ActivityNet are "
        "one number.",
        "TAM's entries name no setting, so what follows is inferred. 76.3 is TANet R50 at 8 frames "
        "on 10 × 3 views as its final version has it; on the slides it is 76.1. 79.3 is TANet R152 "
        "at 16 frames.",
        "50.6 and 66 of TAM are averages of two networks, at 8 and 16 frames: its README has 46.5 "
        "and 47.6 for single ones on Something-Something V1, 62.7 and 64.6 on V2. Five entries are "
        "the one number on V2, once as a fraction.",
    ),
)
