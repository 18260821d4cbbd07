"""Videos that are folders of pictures: read, and judged in a child process."""

import contextlib
import os
import re
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import ExifTags, Image

from harness.data import passport
from harness.data.gate import Limits
from harness.data.prepare import check, summary
from harness.data.prepare.probe_pool import ProbeProcess, ProbeSettings
from harness.data.prepare.sources import DataSource
from harness.data.reading import image_folder
from harness.data.video import DamagedVideoError, RefusedVideoError, Video
from tests.helpers import bad_videos, jpeg_folders, video_files

STRICT = ProbeSettings(seconds=5, memory_mb=300)


def ask(path, *, root=None, **limits):
    worker = ProbeProcess(replace(STRICT, limits=Limits(**limits)))
    try:
        return worker.ask(path, root or path.parent)
    finally:
        worker.close()


@pytest.mark.parametrize(
    ("first", "prefix", "digits"), [(1, "", 5), (0, "img_", 5), (1, "image_2_", 1), (0, "v1.", 6)]
)
def test_pictures_come_in_the_order_of_their_numbers(tmp_path, first, prefix, digits):
    folder = jpeg_folders.write(tmp_path / "v", first=first, prefix=prefix, digits=digits)
    whole = image_folder.read(folder)
    assert (whole.shape, whole.dtype) == ((12, 48, 64, 3), torch.uint8)
    assert jpeg_folders.shown(whole) == list(range(12))
    assert torch.equal(image_folder.read(folder, [0, 2, 11]), whole[[0, 2, 11]])


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_grey_and_cmyk_become_rgb(tmp_path, mode):
    found = image_folder.read(jpeg_folders.write(tmp_path / "v", mode=mode))
    assert found.shape == (12, 48, 64, 3)
    assert jpeg_folders.shown(found) == list(range(12))
    assert ask(tmp_path / "v").verdict == "ok"


@pytest.mark.slow
def test_a_folder_is_probed_like_a_file(tmp_path):
    folder = jpeg_folders.write(tmp_path / "v", count=30)
    facts = ask(folder)
    assert (facts.verdict, facts.reason, facts.frames) == ("ok", "", 30)
    assert (facts.container, facts.codec, facts.turned) == ("frames", "jpeg", False)
    assert (facts.width, facts.height) == (64, 48)
    assert facts.sha256 == passport.content_sha256(folder)
    assert facts.size == sum(each.stat().st_size for each in folder.iterdir())
    assert (facts.time_base, facts.step, facts.stamps) == (None, None, [])


def cut(folder):
    path = folder / "00003.jpg"
    path.write_bytes(path.read_bytes()[:-40])


def resized(folder):
    Image.new("RGB", (32, 48)).save(folder / "00009.jpg")


def turned(folder):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("RGB", (64, 48)).save(folder / "00002.jpg", exif=exif)


def png(folder):
    Image.new("RGB", (64, 48)).save(folder / "00002.jpg", format="PNG")


DAMAGE = {
    "cut": (cut, "'00003.jpg' is not a complete JPEG picture"),
    "gap": (lambda folder: (folder / "00005.jpg").unlink(), "picture number 5 is missing"),
    "late": (lambda folder: (folder / "00001.jpg").unlink(), "picture number 1 is missing"),
    "twice": (lambda folder: cut_name(folder, "1.JPG"), "picture number 1 occurs twice"),
    "prefixes": (
        lambda folder: cut_name(folder, "x_1.jpg"),
        "pictures are of different kinds: '*.jpeg' (12), 'x_*.jpeg' (1); leave those of the video",
    ),
    "formats": (
        lambda folder: Image.new("RGB", (64, 48)).save(folder / "00013.png"),
        "pictures are of different kinds: '*.jpeg' (12), '*.png' (1)",
    ),
    "flow alone": (
        lambda folder: flow_alone(folder),
        "pictures are all optical flow: 'flow_x_*.jpeg' (12), 'flow_y_*.jpeg' (12)",
    ),
    "stranger": (lambda folder: cut_name(folder, "cover.jpg"), "'cover.jpg' is not a numbered"),
    "unread format": (
        lambda folder: cut_name(folder, "00013.TIF"),
        "'00013.TIF' is a .tif picture; convert it to one of .jpg, .jpeg, .png, .webp, .bmp",
    ),
    "resized": (resized, "size"),
    "turned": (turned, "'00002.jpg' has an EXIF rotation"),
    "another format": (png, "'00002.jpg' is not a complete JPEG picture"),
    "empty": (
        lambda folder: (folder / "00002.jpg").write_bytes(b""),
        "'00002.jpg' is not a complete",
    ),
}


def flow_alone(folder):
    for path in list(folder.iterdir()):
        (folder / f"flow_y_{path.name}").write_bytes(path.read_bytes())
        path.rename(folder / f"flow_x_{path.name}")


def cut_name(folder, name, source="00001.jpg"):
    (folder / name).write_bytes((folder / source).read_bytes())


@pytest.mark.slow
@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_folder_is_named_by_the_check_and_the_reader(tmp_path, kind):
    damage, words = DAMAGE[kind]
    folder = jpeg_folders.write(tmp_path / "v")
    damage(folder)
    facts = ask(folder)
    assert facts.verdict == "damaged"
    assert words in facts.reason
    with pytest.raises(DamagedVideoError, match="v: ") as caught:
        image_folder.read(folder)
    assert words in str(caught.value)


@pytest.mark.slow
def test_no_cut_of_a_picture_is_taken_for_a_whole_one(tmp_path):
    folder = jpeg_folders.write(tmp_path / "v", count=1)
    path = folder / "00001.jpg"
    whole = path.read_bytes()
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedVideoError):
            image_folder.read(folder)


LOSSLESS = {"png": {}, "webp": {"lossless": True}, "bmp": {}}


@pytest.mark.slow
@pytest.mark.parametrize("form", LOSSLESS)
@pytest.mark.parametrize("upper", [False, True])
def test_pictures_of_other_formats_are_frames(tmp_path, form, upper):
    folder = tmp_path / "v"
    folder.mkdir()
    for index in range(9):
        suffix = form.upper() if upper else form
        picture = Image.fromarray(bad_videos.picture(index, 64, 48))
        picture.save(folder / f"img_{index:05}.{suffix}", format=form, **LOSSLESS[form])
    facts = ask(folder)
    assert (facts.verdict, facts.reason, facts.codec, facts.frames) == ("ok", "", form, 9)
    whole = image_folder.read(folder)
    assert np.array_equal(whole[5], bad_videos.picture(5, 64, 48))


@pytest.mark.slow
@pytest.mark.parametrize("form", LOSSLESS)
def test_no_cut_or_change_of_another_format_escapes_as_another_error(tmp_path, form):
    path = tmp_path / f"00001.{form}"
    Image.fromarray(bad_videos.picture(1, 64, 48)).save(path, format=form, **LOSSLESS[form])
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    for length in range(0, len(whole) - 20, max(1, len(whole) // 60)):
        path.write_bytes(whole[:length].tobytes())
        with pytest.raises(DamagedVideoError):
            image_folder.read(tmp_path)
    rng = np.random.default_rng(0)
    for _ in range(300):
        changed = whole.copy()
        changed[rng.integers(min(len(whole), 200), size=3)] = rng.integers(0, 256, 3)
        path.write_bytes(changed.tobytes())
        with contextlib.suppress(DamagedVideoError):
            image_folder.read(tmp_path)


def see_through(mode):
    picture = Image.new("RGBA", (64, 48), (200, 0, 0, 255))
    picture.putpixel((3, 3), (0, 0, 0, 0))
    return picture.convert(mode)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("picture", "words"),
    [
        (lambda: see_through("RGBA"), "transparent pixels"),
        (lambda: see_through("LA"), "transparent pixels"),
        (lambda: Image.new("I;16", (64, 48)), "pixels of kind 'I;16'; convert it to 8 bits"),
    ],
)
def test_pictures_that_programs_show_differently_are_refused(tmp_path, picture, words):
    folder = tmp_path / "v"
    folder.mkdir()
    for number in range(1, 9):
        picture().save(folder / f"{number}.png")
    assert (ask(folder).verdict, words in ask(folder).reason) == ("damaged", True)
    with pytest.raises(DamagedVideoError, match=r"'1\.png'") as caught:
        image_folder.read(folder)
    assert words in str(caught.value)


@pytest.mark.parametrize("mode", ["RGBA", "P", "1", "LA"])
def test_opaque_pictures_of_any_kind_become_rgb(tmp_path, mode):
    for number in range(8):
        Image.new("RGB", (64, 48), (255, 255, 255)).convert(mode).save(tmp_path / f"{number}.png")
    assert image_folder.read(tmp_path).unique().tolist() == [255]


def test_an_animation_is_not_a_frame(tmp_path):
    frames = [Image.new("RGB", (64, 48), (shade, 0, 0)) for shade in (0, 200)]
    frames[0].save(tmp_path / "1.webp", save_all=True, append_images=frames[1:])
    with pytest.raises(DamagedVideoError, match="is animated"):
        image_folder.read(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "flow", [("flow_x_", "flow_y_"), ("flow_",), ("x_", "y_"), ("Flow_U_", "flow_v_"), ("u", "v")]
)
def test_flow_and_other_files_beside_the_frames_are_passed_over(tmp_path, flow):
    folder = jpeg_folders.write(tmp_path / "v", prefix="img_")
    alone = ask(folder)
    for prefix in flow:
        for number in range(11):
            cut_name(folder, f"{prefix}{number:05}.jpg", source="img_00001.jpg")
    for name in ("Thumbs.db", ".DS_Store", "._img_00001.jpg", "n_frames.txt", "audio.wav"):
        (folder / name).write_bytes(b"x")
    (folder / "@eaDir").mkdir()
    facts = ask(folder)
    assert (facts.verdict, facts.frames, facts.sha256) == ("ok", 12, alone.sha256)
    assert jpeg_folders.shown(image_folder.read(folder)) == list(range(12))
    (folder / "Thumbs.db").unlink()
    assert passport.content_sha256(folder) == alone.sha256


@pytest.mark.slow
def test_a_prefix_that_begins_like_flow_is_not_flow(tmp_path):
    folder = jpeg_folders.write(tmp_path / "v", prefix="img_")
    for number in range(12):
        cut_name(folder, f"flower_{number:05}.jpg", source="img_00001.jpg")
    assert "of different kinds: 'flower_*.jpeg' (12), 'img_*.jpeg' (12)" in ask(folder).reason


@pytest.mark.slow
def test_no_mutation_of_a_picture_escapes_as_another_error(tmp_path):
    """A changed bit may decode without a word; only the hash shows that."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 1
    path = tmp_path / "00001.jpg"
    Image.new("RGB", (64, 48)).save(path, exif=exif)
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    rng = np.random.default_rng(0)
    ends = set()
    for _ in range(1500):
        changed = whole.copy()
        changed[rng.integers(len(whole), size=3)] = rng.integers(0, 256, 3)
        path.write_bytes(changed.tobytes())
        try:
            image_folder.read(tmp_path)
            ends.add("read")
        except DamagedVideoError:
            ends.add("refused")
    assert ends == {"read", "refused"}


def test_a_frame_beyond_the_end_means_damage(tmp_path):
    with pytest.raises(DamagedVideoError, match="folder has 12 pictures, fewer than requested"):
        image_folder.read(jpeg_folders.write(tmp_path / "v"), [3, 12])
    with pytest.raises(DamagedVideoError, match="gone"):
        image_folder.read(tmp_path / "gone")


def test_only_wanted_pictures_are_opened(tmp_path):
    folder = jpeg_folders.write(tmp_path / "v")
    cut(folder)
    assert jpeg_folders.shown(image_folder.read(folder, [0, 1, 3])) == [0, 1, 3]


@pytest.mark.slow
def test_limits_hold_for_folders(tmp_path):
    folder = jpeg_folders.write(tmp_path / "v", count=30)
    for limits, verdict, words in (
        ({"max_pixels": 64 * 48 - 1}, "refused", "64x48, over 3071 pixels"),
        ({"max_frames": 29}, "refused", "more than 29 files"),
        ({"min_side_px": 49}, "refused", "under 49 pixels"),
        ({"max_aspect": 1}, "refused", "an aspect ratio over 1"),
        ({"min_frames": 31}, "too short", "30 frames, fewer than 31"),
    ):
        facts = ask(folder, **limits)
        assert (facts.verdict, words in facts.reason) == (verdict, True), facts.reason


def bomb(folder):
    """Claim 65,000 x 65,000 pixels in a header of a few bytes."""
    path = folder / "00001.jpg"
    data = bytearray(path.read_bytes())
    start = data.index(b"\xff\xc0")
    data[start + 5 : start + 9] = (65000).to_bytes(2) * 2
    path.write_bytes(data)


@pytest.mark.slow
def test_a_header_that_claims_a_huge_picture_is_refused_before_it_is_decoded(tmp_path):
    folder = jpeg_folders.write(tmp_path / "v")
    bomb(folder)
    facts = ask(folder)
    assert (facts.verdict, "65000x65000" in facts.reason) == ("refused", True)
    with pytest.raises(DamagedVideoError, match="over 9000000 pixels"):
        image_folder.read(folder)


@pytest.mark.slow
def test_links_inside_the_root_are_followed_and_others_refused(tmp_path):
    root = tmp_path / "root"
    folder = jpeg_folders.write(root / "v")
    elsewhere = jpeg_folders.write(tmp_path / "elsewhere")
    inside = root / "other"
    (folder / "00001.jpg").rename(root / "kept.jpg")
    (folder / "00001.jpg").symlink_to(root / "kept.jpg")
    inside.symlink_to(folder)
    assert ask(folder, root=root).verdict == ask(inside, root=root).verdict == "ok"
    (root / "out").symlink_to(elsewhere)
    (folder / "00002.jpg").unlink()
    (folder / "00002.jpg").symlink_to(elsewhere / "00002.jpg")
    for name in ("v", "out"):
        facts = ask(root / name, root=root)
        assert (facts.verdict, "outside" in facts.reason) == ("refused", True)


@pytest.mark.slow
def test_a_thing_that_is_no_file_is_refused(tmp_path):
    folder = jpeg_folders.write(tmp_path / "v")
    os.mkfifo(folder / "00013.jpg")
    assert ask(folder).reason == "'00013.jpg' is not a regular file"
    (tmp_path / "empty").mkdir()
    assert ask(tmp_path / "empty").reason == "folder holds no picture"


@pytest.mark.slow
def test_a_checked_folder_gets_a_passport_that_holds(tmp_path):
    folder = jpeg_folders.write(tmp_path / "v")
    mirrored = video_files.write(tmp_path / "m.mp4", video_files.KINDS["GOP 12"], frames=10)
    video_files.turn(mirrored, video_files.QUARTERS["mirrored upside down"])
    listed = [Video(id=path.name, path=path, labels=(0,)) for path in (folder, mirrored)]
    source = DataSource(name="made", root=tmp_path, splits={"train": listed})
    out = tmp_path / "out"
    checked = check.check_videos(source.splits, tmp_path, out, STRICT, progress=lambda *_: None)
    good = summary.build_passport(checked, source).splits["train"]
    assert [(video.frames, video.turned) for video in good] == [(12, False), (10, True)]
    assert good[0].timing is None
    passport.verify(good)
    cut(folder)
    os.utime(folder, ns=(0, 0))
    with pytest.raises(DamagedVideoError, match="content differs"):
        passport.verify(good)


@pytest.mark.slow
@pytest.mark.parametrize("size", [(3001, 3000), (7, 64), (800, 90)])
def test_a_trial_refuses_pictures_of_the_size_that_a_check_refuses(tmp_path, size):
    (tmp_path / "v").mkdir()
    Image.new("RGB", size).save(tmp_path / "v" / "1.png")
    reason = ask(tmp_path / "v", min_frames=1).reason
    assert "picture size is " in reason
    with pytest.raises(RefusedVideoError, match=re.escape(reason)):
        image_folder.read(tmp_path / "v")
