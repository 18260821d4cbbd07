"""Small copies of data sets in every supported layout, with real tiny videos."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from tests.helpers.video_files import KINDS, write

HEAD = "label,youtube_id,time_start,time_end,split,is_cc\n"
CLASSES = ("abseiling", "hurling (sport)", "massaging person's head", "petting animal (not cat)")
FOLDERS = ("abseiling", "hurling_sport", "massaging_person's_head", "petting_animal_(not_cat)")
LABELS = (0, 161, 196, 212)
VAL = {"train": "train", "test": "val"}


@cache
def movie() -> bytes:
    """Encode 12 frames of 64 x 48."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.mp4")
        return write(path, KINDS["GOP 4"], frames=12, pictures=picture).read_bytes()


def picture(index):
    return np.full((48, 64, 3), 20 * index, np.uint8)


def put(path, content=b""):
    """Write a file and its parent folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def frames(folder, number=12):
    """Write a folder of images."""
    folder.mkdir(parents=True)
    for index in range(number):
        Image.fromarray(picture(index)).save(folder / f"img_{index + 1:05}.jpg")


def source(split, number):
    """Return a YouTube id; one in three begins with a dash or an underscore."""
    return f"{('-', '_', 'a')[number % 3]}{split[:5]:x<5}_{number:04d}"


def clips(split, each=2):
    """Return class, YouTube id, start and end of some clips."""
    return [
        (label, source(split, number), 3 * number, 3 * number + 10)
        for number, label in enumerate(label for label in CLASSES for _ in range(each))
    ]


def name(clip):
    return f"{clip[1]}_{clip[2]:06d}_{clip[3]:06d}"


def annotations(path, split):
    rows = [f"{c[0]},{c[1]},{c[2]},{c[3]},{VAL[split]},0\n" for c in clips(split)]
    return put(path, HEAD + "".join(rows))


def flat(root):
    """Write Kinetics-400 as its archives unpack: one folder per split, and annotations."""
    for split, folder in VAL.items():
        annotations(root / "annotations" / f"{folder}.csv", split)
        for clip in clips(split):
            put(root / folder / f"{name(clip)}.mp4", movie())
    return root


def class_folders(root, prefix=""):
    """Write Kinetics-400 with a folder per class, whose names differ from the official ones."""
    folders = dict(zip(CLASSES, FOLDERS, strict=True))
    for split, folder in VAL.items():
        for clip in clips(split):
            put(root / f"{prefix}{folder}" / folders[clip[0]] / f"{name(clip)}.mp4", movie())
    return root


def frame_folders(root):
    """Write Kinetics-400 as images, with lists `path frames label`."""
    folders = dict(zip(CLASSES, FOLDERS, strict=True))
    labels = dict(zip(CLASSES, LABELS, strict=True))
    for split, folder in VAL.items():
        rows = []
        for clip in clips(split, each=1):
            path = f"{folders[clip[0]]}/{name(clip)}"
            frames(root / f"rawframes_{folder}" / path)
            rows.append(f"{path} 300 {labels[clip[0]]}\n")
        put(root / f"kinetics400_{folder}_list_rawframes.txt", "".join(rows))
    return root


def mini_lists(root):
    """Write lists of YouTube ids of three of the four classes."""
    for split, folder in VAL.items():
        ids = [clip[1] for clip in clips(split) if clip[0] != "hurling (sport)"]
        put(root / f"{folder}_ytid_list.txt", "\n".join(ids))
    return root
