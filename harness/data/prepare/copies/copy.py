"""Training copies of the videos of a data set; `reencode` defines a copy.

A folder of copies has the relative paths of the sources, a journal with a row per finished video,
and a list of all copies: the hash of each source, the hash of its copy or the error, and the
settings. A run that was stopped resumes from the journal.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import av

from harness.data import gate, passport
from harness.data.prepare.copies.copy_journal import Copy, open_journal, packed_entries, write_list
from harness.data.prepare.copies.reencode import EncodeSettings, reencode
from harness.data.prepare.packet_notes import read_entry
from harness.data.reading import packet_file
from harness.data.video import DamagedVideoError, RefusedVideoError, Video
from harness.utils import atomic, children, files, lock
from harness.utils.process import exit_with_parent

Progress = Callable[[str, int, int], None]


def copy_videos(
    videos: Iterable[Video],
    root: Path,
    folder: Path,
    *,
    settings: EncodeSettings | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> list[Copy]:
    """Copy videos to the same relative paths in another folder; resume a run that was stopped.

    Args:
        videos: The sources, all under `root`.
        root: Base folder of their paths.
        folder: Folder of the copies, the journal and, at the end, the list of copies.
        settings: Encoder settings.
        processes: Encoding processes, one thread each; 1 encodes in this process.
        progress: Called with the step, the amount done, and the total.

    Returns:
        One entry per video, in order; the entry of a damaged source has its error.

    Raises:
        ValueError: If the folder holds the sources or copies with other settings, or if
            another process writes to it.
    """
    settings = settings or EncodeSettings()
    sources = list(videos)
    if folder.resolve() == root.resolve():
        raise ValueError(f"{folder} holds the sources; copies need another folder")
    with (
        lock.hold(folder, what="copying videos"),
        open_journal(folder, settings) as (done, add_copy),
    ):
        pending = [video for video in sources if not _is_done(video, done, root, folder)]
        copy_video = partial(_copy_video, root=root, folder=folder, settings=settings)
        with _map(copy_video, pending, processes) as results:
            for number, copy in enumerate(results, start=len(sources) - len(pending) + 1):
                add_copy(copy)
                done[copy.id] = replace(copy, packets=None)
                if progress:
                    progress("copies", number, len(sources))
        copies = [done[video.id] for video in sources]
        write_list(folder, copies, settings)
    return copies


def copy_data_set(
    source: Path,
    folder: Path,
    *,
    settings: EncodeSettings | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> list[Copy]:
    """Copy a data set with its passport, and write the passport of the copy.

    Args:
        source: Folder of the data set and its passport.
        folder: Folder of the copy.
        settings: Encoder settings.
        processes: Encoding processes, one thread each.
        progress: Called with the step, the amount done, and the total.

    Returns:
        One entry per video of the source.

    Raises:
        ValueError: As `copy_videos`, or if the source has no passport or has folders of pictures.
    """
    source_passport = _read_passport(source)
    root = source_passport.root or source
    copies = copy_videos(
        itertools.chain.from_iterable(source_passport.splits.values()),
        root,
        folder,
        settings=settings,
        processes=processes,
        progress=progress,
    )
    splits = {
        split: copies_as_videos(videos, copies, root, folder)
        for split, videos in source_passport.splits.items()
    }
    changed = (settings or EncodeSettings()).sentence()
    copy_passport = replace(source_passport, splits=splits, root=folder, changed=changed, also=())
    passport.write(folder / passport.FILE, copy_passport)
    entries = packed_entries(folder, copies)
    packet_file.write(folder / passport.FILE, copy_passport.digest, entries)
    return copies


def _read_passport(source: Path) -> passport.Passport:
    """Return the passport of a data set of files.

    Raises:
        ValueError: If there is none, or it has folders of pictures.
    """
    if not (source / passport.FILE).is_file():
        raise ValueError(f"{source} has no {passport.FILE}, the list of videos to copy")
    found = passport.read(source / passport.FILE)
    videos = [*itertools.chain.from_iterable(found.splits.values())]
    if any(video.span is not None for video in videos):
        raise ValueError(f"{source} is packed into shards; copy the data set that was packed")
    folders = [video.id for video in videos if video.path.is_dir()]
    if folders:
        raise ValueError(
            f"{len(folders)} videos of {source} are folders of pictures, such as {folders[0]}; "
            "only files are copied, and pictures need no copy to be read fast"
        )
    return found


def copies_as_videos(
    videos: Iterable[Video], copies: Iterable[Copy], root: Path, folder: Path
) -> list[Video]:
    """Return the copies as videos; videos without a copy are left out."""
    copies_by_id = {copy.id: copy for copy in copies if not copy.damage}
    return [
        replace(
            video,
            path=_target(video, root, folder),
            sha256=copies_by_id[video.id].sha256,
            stamp=passport.file_stamp(_target(video, root, folder)),
            turned=False,
            within=gate.real_folders(folder),
        )
        for video in videos
        if video.id in copies_by_id
    ]


def _is_done(video: Video, done: dict[str, Copy], root: Path, folder: Path) -> bool:
    """Return whether a complete copy of this source exists; damaged sources are tried again."""
    copy, target = done.get(video.id), _target(video, root, folder)
    if copy is None or copy.damage or copy.source_sha256 != video.sha256:
        return False
    try:
        is_of_size = gate.check_regular(target).st_size == copy.bytes
        return is_of_size and passport.file_sha256(target) == copy.sha256
    except (OSError, RefusedVideoError):
        return False


def _target(video: Video, root: Path, folder: Path) -> Path:
    if not video.path.is_relative_to(root):
        raise ValueError(f"{video.path} is not in {root}, the base folder of the copied paths")
    return folder / video.path.relative_to(root)


def _copy_video(video: Video, *, root: Path, folder: Path, settings: EncodeSettings) -> Copy:
    """Copy one video; return the error of a damaged source."""
    target = _target(video, root, folder)
    part = target.with_name(f"{target.name}.part")
    files.make_folder(target.parent)
    try:
        passport.verify([video])
        reencode(video.path, part, settings, frames=video.frames)
    except DamagedVideoError as error:
        part.unlink(missing_ok=True)
        return Copy(id=video.id, source_sha256=video.sha256, damage=str(error))
    except av.FFmpegError as error:
        raise ValueError(f"{part} cannot be written: {error}") from error
    atomic.replace_synced(part, target)
    return Copy(
        id=video.id,
        source_sha256=video.sha256,
        sha256=passport.file_sha256(target),
        bytes=target.stat().st_size,
        packets=read_entry(target),
    )


@contextlib.contextmanager
def _map(
    copy_video: Callable[[Video], Copy], pending: list[Video], processes: int
) -> Iterator[Iterator[Copy]]:
    """Yield an iterator of copies; processes are spawned, so that they inherit no decoder."""
    if processes == 1:
        yield map(copy_video, pending)
        return
    children.isolate()
    with ProcessPoolExecutor(
        processes, mp_context=get_context("spawn"), initializer=exit_with_parent
    ) as pool:
        futures = [pool.submit(copy_video, video) for video in pending]
        try:
            yield (future.result() for future in as_completed(futures))
        except BrokenProcessPool as error:
            raise ValueError(
                "a copying process was killed, perhaps for lack of memory; "
                "run the command again to resume"
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
