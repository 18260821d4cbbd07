"""Metadata of a data set as Croissant 1.0, made from its passport.

Source: https://docs.mlcommons.org/croissant/docs/croissant-spec.html
"""

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from harness.data import passport
from harness.data.passport import Passport
from harness.data.passport.rows import relative_path
from harness.data.video import File
from harness.exchange import distribution
from harness.utils.atomic import write_atomic

FILE, VIDEOS_FILE = "croissant.json", "croissant-videos.csv"
_VERSION = "http://mlcommons.org/croissant/1.0"
_VIDEOS = "videos"
Fields = Mapping[str, tuple[str, str]]
_SPLITS = {"train": "TrainingSplit", "test": "TestSplit"}
_FIELDS = {
    "id": ("sc:Text", "Identity of the video, the same on every machine."),
    "split": ("sc:Text", "Split of the video."),
    "path": ("sc:Text", "Path of the file, or of the folder of its frames, from this file."),
    "labels": ("sc:Text", "Classes of the video, from 0, separated by blanks."),
    "sha256": ("sc:Text", "SHA-256 of the bytes of the video."),
    "frames": ("sc:Integer", "Number of frames, counted by decoding."),
}
_PACKED_FIELDS = {
    "path": ("sc:Text", "Path of the shard that holds the video, from this file."),
    "member": ("sc:Text", "Path of the video in its shard."),
}
_CROISSANT_TERMS = (
    *("citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty"),
    *("fileSet", "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField"),
    *("path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
    *("separator", "source", "subField", "transform"),
)


@dataclass(frozen=True, kw_only=True)
class Publication:
    """Facts of a data set that its passport cannot know; empty where nobody has said them.

    Attributes:
        license_url: Address of the licence.
        url: Page of the data set.
        creator: Who made it.
    """

    license_url: str = ""
    url: str = ""
    creator: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """Return the properties that Croissant requires and nobody has said."""
        said = {"license": self.license_url, "url": self.url, "creator": self.creator}
        return tuple(name for name, value in said.items() if not value)


def write(
    name: str, path: Path, publication: Publication, classes: Sequence[str] = ()
) -> list[Path]:
    """Write the metadata of a data set and a table of its videos beside its passport.

    An equal passport gives equal bytes.

    Args:
        name: Of the data set.
        path: Its passport.
        publication: Licence, page and creator.
        classes: Names by label, where the passport has none.

    Raises:
        ValueError: If the passport cannot be read, or a shard is not that of the passport.
    """
    found, rows = passport.read(path), path.with_name(VIDEOS_FILE)
    members = distribution.member_names(found)
    fields = _FIELDS | (_PACKED_FIELDS if members else {})
    content = _videos_csv(found, path.parent, fields, members)
    published = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
    body = {
        "@context": _context(),
        "@type": "sc:Dataset",
        "conformsTo": _VERSION,
        "name": name,
        "description": _description(name, found),
        "datePublished": published,
        "version": "1.0.0",
        **_of_publication(publication),
        "distribution": [
            distribution.table(VIDEOS_FILE, content),
            *distribution.videos(found, path.parent, members),
        ],
        "recordSet": [_splits(found), *_classes(found.classes or tuple(classes)), _videos(fields)],
    }
    write_atomic(rows, content)
    write_atomic(
        path.with_name(FILE), f"{json.dumps(body, indent=1, ensure_ascii=False)}\n".encode()
    )
    return [path.with_name(FILE), rows]


def _videos_csv(
    found: Passport, folder: Path, fields: Fields, members: Mapping[File, str]
) -> bytes:
    """Return a row for every video, with a path from the folder; labels are separated by blanks."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(fields)
    for split, videos in found.splits.items():
        for video in videos:
            where, labels = relative_path(video.path, folder), " ".join(map(str, video.labels))
            row = [video.id, split, where, labels, video.sha256, video.frames]
            writer.writerow([*row, members[video.file]] if members else row)
    return text.getvalue().encode()


def _context() -> dict[str, Any]:
    """Return the context that the specification recommends."""
    return {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        **{term: f"cr:{term}" for term in _CROISSANT_TERMS},
    }


def _description(name: str, found: Passport) -> str:
    counts = ", ".join(
        f"{len(videos):,} of {found.listed[split]:,} listed videos in {split}"
        for split, videos in found.splits.items()
    )
    changed = f" Changed: {found.changed}." if found.changed else ""
    return f"Labelled videos of {name}, every one read to its end: {counts}.{changed}"


def _of_publication(publication: Publication) -> dict[str, Any]:
    said: dict[str, Any] = {"license": publication.license_url, "url": publication.url}
    if publication.creator:
        said["creator"] = {"@type": "sc:Organization", "name": publication.creator}
    return {name: value for name, value in said.items() if value}


def _splits(found: Passport) -> dict[str, Any]:
    return _enumeration(
        "splits",
        "splits/name",
        [("name", "sc:Text"), ("url", "sc:URL")],
        [
            {"splits/name": split, "splits/url": f"cr:{_SPLITS.get(split, 'Split')}"}
            for split in found.splits
        ],
        data_type="cr:Split",
    )


def _classes(names: Sequence[str]) -> list[dict[str, Any]]:
    if not names:
        return []
    rows = [{"classes/label": label, "classes/name": name} for label, name in enumerate(names)]
    fields = [("label", "sc:Integer"), ("name", "sc:Text")]
    return [_enumeration("classes", "classes/label", fields, rows, data_type="sc:Enumeration")]


def _enumeration(
    name: str,
    key: str,
    fields: Sequence[tuple[str, str]],
    data: list[dict[str, Any]],
    *,
    data_type: str,
) -> dict[str, Any]:
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "dataType": data_type,
        "key": {"@id": key},
        "field": [_field(name, field, kind) for field, kind in fields],
        "data": data,
    }


def _videos(table_fields: Fields) -> dict[str, Any]:
    """Describe the table of videos."""
    fields = [
        _field(_VIDEOS, field, kind)
        | {
            "description": description,
            "source": {"fileObject": {"@id": VIDEOS_FILE}, "extract": {"column": field}},
        }
        for field, (kind, description) in table_fields.items()
    ]
    named = dict(zip(table_fields, fields, strict=True))
    named["split"]["references"] = {"field": {"@id": "splits/name"}}
    return {
        "@type": "cr:RecordSet",
        "@id": _VIDEOS,
        "name": _VIDEOS,
        "description": "The videos of all splits.",
        "key": {"@id": f"{_VIDEOS}/id"},
        "field": fields,
    }


def _field(record_set: str, name: str, kind: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/{name}",
        "name": name,
        "dataType": kind,
    }
