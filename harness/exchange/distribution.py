"""Files of a data set as Croissant describes them: by themselves, or as members of shards."""

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePath
from typing import Any

from harness.data import gate, passport
from harness.data.passport import Passport
from harness.data.passport.rows import relative_path
from harness.data.video import File, Member
from harness.exchange.bundle import archive

Node = dict[str, Any]
_FILE, _FILES = "cr:FileObject", "cr:FileSet"


def member_names(found: Passport) -> dict[File, str]:
    """Return the path of every packed video in its shard; nothing of videos that are not packed.

    Raises:
        ValueError: If a shard cannot be read, or holds no file where the passport has a video.
    """
    names: dict[File, str] = {}
    for shard, members in _packed(found).items():
        try:
            with gate.open_file(shard) as file:
                starts = dict(archive.list_files(file))
            names |= {member: starts[member.start] for member in members}
        except (OSError, ValueError) as error:
            raise ValueError(f"{shard}: {error}; pack the data set again") from None
        except KeyError as error:
            raise ValueError(
                f"{shard} has no file at byte {error}, unlike its passport; pack the data set again"
            ) from None
    return names


def table(name: str, content: bytes) -> Node:
    """Describe the table of videos, which lies beside the metadata."""
    return {
        "@type": _FILE,
        "@id": name,
        "name": name,
        "description": "Identity, split, labels, length and content of every video.",
        "contentUrl": name,
        "contentSize": f"{len(content)} B",
        "encodingFormat": "text/csv",
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def videos(found: Passport, folder: Path, members: Mapping[File, str]) -> list[Node]:
    """Describe the files of the videos by their suffix, and the shards that hold them.

    Args:
        found: The passport.
        folder: Of the metadata.
        members: From `member_names`.
    """
    if not members:
        listed = [video.path for split in found.splits.values() for video in split]
        return _file_sets(listed, "Videos, in the folder that the passport names as its root.", {})
    shards = [_shard(shard, folder) for shard in sorted(_packed(found))]
    container = {"containedIn": [{"@id": shard["@id"]} for shard in shards]}
    inner = [PurePath(name) for name in members.values()]
    return [*shards, *_file_sets(inner, "Videos, in the shards.", container)]


def _packed(found: Passport) -> dict[Path, list[Member]]:
    """Return the videos of every shard."""
    by_shard: dict[Path, list[Member]] = defaultdict(list)
    for split in found.splits.values():
        for video in split:
            if isinstance(video.file, Member):
                by_shard[video.path].append(video.file)
    return by_shard


def _shard(shard: Path, folder: Path) -> Node:
    where = relative_path(shard, folder)
    return {
        "@type": _FILE,
        "@id": where,
        "name": where,
        "description": "Videos, one file each.",
        "contentUrl": where,
        "contentSize": f"{shard.stat().st_size} B",
        "encodingFormat": "application/x-tar",
        "sha256": passport.file_sha256(shard),
    }


def _file_sets(paths: Sequence[PurePath], description: str, container: Node) -> list[Node]:
    """Describe files by their suffix; a folder of frames has none."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for path in paths:
        spellings[path.suffix.lower()].add(path.suffix)
    return [
        {
            "@type": _FILES,
            "@id": f"videos{suffix or '-of-frames'}",
            "name": f"videos{suffix or '-of-frames'}",
            "description": description,
            **container,
            "encodingFormat": f"video/{suffix[1:]}" if suffix else "image/jpeg",
            # Readers differ in whether `**/` stands for no folder as well.
            "includes": [f"{start}*{end}" for start in ("", "**/") for end in sorted(spelt)],
        }
        for suffix, spelt in sorted(spellings.items())
    ]
