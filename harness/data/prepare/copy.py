"""Copy the videos of a data set for fast training; `reencode` says what a copy is.

A folder of copies has the relative paths of the sources, a journal with a line per finished video,
and a passport: every source's hash, its copy's hash or the reason why there is none, and the
settings. A run that was stopped goes on from the journal.
"""

import contextlib
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, replace
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import av

from harness.data import passport
from harness.data.prepare.reencode import Settings, reencode
from harness.data.video import DamagedVideoError, Video
from harness.utils import atomic, lock

Progress = Callable[[str, int, int], None]
JOURNAL, PASSPORT = "copies.jsonl", "copies.json"


@dataclass(frozen=True, kw_only=True)
class Copy:
    """What became of one video.

    Attributes:
        id: Of the video.
        source_sha256: Of the source, as its passport says.
        sha256: Of the copy; empty if there is none.
        bytes: Of the copy.
        damage: Why there is no copy; empty if there is one.
    """

    id: str
    source_sha256: str
    sha256: str = ""
    bytes: int = 0
    damage: str = ""


def make(
    videos: Iterable[Video],
    root: Path,
    folder: Path,
    *,
    settings: Settings | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> list[Copy]:
    """Copy videos to the same relative paths in another folder; go on where a run was stopped.

    Args:
        videos: The sources, all under `root`.
        root: Folder that their paths are relative to.
        folder: Where to; also holds the journal and, at the end, the passport of the copies.
        settings: How to encode.
        processes: Encoding processes, one thread each; 1 encodes in this process.
        progress: Called with what is done, how much of it, and the total.

    Returns:
        One entry per video, in their order; damaged sources are named there and not copied.

    Raises:
        ValueError: If the folder holds the sources, copies made with other settings, or another
            process at work.
    """
    settings = settings or Settings()
    listed = list(videos)
    if folder.resolve() == root.resolve():
        raise ValueError(f"{folder} holds the sources; copies need a folder of their own")
    with lock.hold(folder, what="copying videos"), _journal(folder, settings) as (done, write):
        todo = [video for video in listed if not _is_done(video, done, root, folder)]
        one = partial(_copy_or_reason, root=root, folder=folder, settings=settings)
        with _mapped(one, todo, processes) as results:
            for number, copy in enumerate(results, start=len(listed) - len(todo) + 1):
                write(copy)
                done[copy.id] = copy
                if progress:
                    progress("copies", number, len(listed))
        made = [done[video.id] for video in listed]
        atomic.write_atomic(folder / PASSPORT, _passport(made, settings))
    return made


def data_set(
    source: Path,
    folder: Path,
    *,
    settings: Settings | None = None,
    processes: int = 1,
    progress: Progress | None = None,
) -> list[Copy]:
    """Copy a data set whose passport lies beside its videos, and write the copy's own passport.

    Args:
        source: Folder of the data set.
        folder: Where to.
        settings: How to encode.
        processes: Encoding processes, one thread each.
        progress: Called with what is done, how much of it, and the total.

    Returns:
        One entry per video of the source.

    Raises:
        ValueError: As `make`, or if the source has no passport or has folders of pictures.
    """
    if not (source / passport.FILE).is_file():
        raise ValueError(f"{source} has no {passport.FILE}, which lists the videos to copy")
    known = passport.read(source / passport.FILE)
    root = known.root or source
    folders = [each.id for videos in known.splits.values() for each in videos if each.path.is_dir()]
    if folders:
        raise ValueError(
            f"{len(folders)} videos of {source} are folders of pictures, as {folders[0]} is; those "
            "are read fast as they are, and only files are copied"
        )
    made = make(
        itertools.chain.from_iterable(known.splits.values()),
        root,
        folder,
        settings=settings,
        processes=processes,
        progress=progress,
    )
    splits = {split: copied(videos, made, root, folder) for split, videos in known.splits.items()}
    changed = (settings or Settings()).sentence()
    copies = replace(known, splits=splits, root=folder, changed=changed)
    passport.write(folder / passport.FILE, copies)
    return made


def copied(
    videos: Iterable[Video], copies: Iterable[Copy], root: Path, folder: Path
) -> list[Video]:
    """Return the copies as videos, without those that have none."""
    found = {copy.id: copy for copy in copies if not copy.damage}
    return [
        replace(
            video,
            path=_target(video, root, folder),
            sha256=found[video.id].sha256,
            stamp=passport.stamp(_target(video, root, folder)),
            turned=False,
        )
        for video in videos
        if video.id in found
    ]


def _is_done(video: Video, done: dict[str, Copy], root: Path, folder: Path) -> bool:
    """Say whether a copy of this very source is there whole; damaged sources are tried again."""
    copy, target = done.get(video.id), _target(video, root, folder)
    if copy is None or copy.damage or copy.source_sha256 != video.sha256:
        return False
    return target.is_file() and target.stat().st_size == copy.bytes


def _target(video: Video, root: Path, folder: Path) -> Path:
    if not video.path.is_relative_to(root):
        raise ValueError(f"{video.path} is not in {root}; a copy keeps its path relative to that")
    return folder / video.path.relative_to(root)


def _copy_or_reason(video: Video, *, root: Path, folder: Path, settings: Settings) -> Copy:
    """Make one copy; a damaged source gives the reason instead."""
    target = _target(video, root, folder)
    part = target.with_name(f"{target.name}.part")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        passport.verify([video])
        reencode(video.path, part, settings, frames=video.frames)
    except DamagedVideoError as error:
        part.unlink(missing_ok=True)
        return Copy(id=video.id, source_sha256=video.sha256, damage=str(error))
    except av.FFmpegError as error:
        raise ValueError(f"{part} cannot be written: {error}") from error
    part.replace(target)
    return Copy(
        id=video.id,
        source_sha256=video.sha256,
        sha256=passport.file_sha256(target),
        bytes=target.stat().st_size,
    )


@contextlib.contextmanager
def _mapped(
    one: Callable[[Video], Copy], todo: list[Video], processes: int
) -> Iterator[Iterator[Copy]]:
    """Yield results as they come; processes are spawned, so that they inherit no decoder."""
    if processes == 1:
        yield map(one, todo)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(one, video) for video in todo]
        try:
            yield (future.result() for future in as_completed(futures))
        except BrokenProcessPool as error:
            raise ValueError(
                "a copying process was killed, perhaps for memory; the same command goes on"
            ) from error
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextlib.contextmanager
def _journal(
    folder: Path, settings: Settings
) -> Iterator[tuple[dict[str, Copy], Callable[[Copy], None]]]:
    """Yield what earlier runs did, and a function that adds to it.

    Raises:
        ValueError: If those runs encoded otherwise.
    """
    path, head = folder / JOURNAL, _head(settings)
    lines = _whole_lines(path)
    if lines and lines[0] != head:
        raise ValueError(f"{folder} holds copies made otherwise ({lines[0]}); name another folder")
    done = {line["id"]: Copy(**line) for line in lines[1:]}
    kept = [head, *(asdict(copy) for copy in done.values())]
    atomic.write_atomic(path, "".join(json.dumps(line) + "\n" for line in kept).encode())
    with path.open("a", encoding="utf-8", buffering=1) as file:
        yield done, lambda copy: print(json.dumps(asdict(copy)), file=file)


def _head(settings: Settings) -> dict[str, Any]:
    options = asdict(settings) | {"options": settings.options()}
    return {"settings": options, "av": av.__version__, "ffmpeg": av.ffmpeg_version_info}


def _whole_lines(path: Path) -> list[dict[str, Any]]:
    """Read a journal without its last line, if that was cut when a run was killed."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines()]


def _passport(copies: list[Copy], settings: Settings) -> bytes:
    body = _head(settings) | {"copies": [asdict(copy) for copy in copies]}
    return json.dumps(body, indent=0).encode()
