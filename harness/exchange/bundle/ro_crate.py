"""Metadata of a bundle as an RO-Crate 1.1: what the files are, and what made them.

Source: https://www.researchobject.org/ro-crate/specification/1.1/
"""

import json
import mimetypes
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any
from urllib.parse import quote

FILE = "ro-crate-metadata.json"
_TYPES = {".npz": "application/zip", ".jsonl": "application/jsonl", ".md": "text/markdown"}
_PAPER = "https://arxiv.org/abs/2105.12085"


def metadata(
    sizes: Mapping[str, int], *, finished_ms: int, commits: list[str], license_url: str = ""
) -> bytes:
    """Return `ro-crate-metadata.json`; equal files give equal bytes.

    Args:
        sizes: Path of every other file to its bytes.
        finished_ms: End of the last trial, in milliseconds since 1970: the date of the crate.
        commits: Commits of the harness behind the records.
        license_url: Licence of the results; empty leaves it open.
    """
    date = datetime.fromtimestamp(finished_ms / 1000, UTC).isoformat(timespec="seconds")
    graph = [
        {
            "@id": FILE,
            "@type": "CreativeWork",
            "about": {"@id": "./"},
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
        },
        _root(sizes, date, license_url),
        {
            "@id": "#harness",
            "@type": "SoftwareApplication",
            "name": "dsanet-harness",
            "version": _version(),
            "softwareVersion": ", ".join(commits) or "unknown commit",
        },
        {
            "@id": "#run",
            "@type": "CreateAction",
            "name": "Training and scoring of the trials",
            "endTime": date,
            "instrument": {"@id": "#harness"},
            "result": [{"@id": "./"}],
        },
        {"@id": _PAPER, "@type": "ScholarlyArticle", "name": "DSANet (arXiv 2105.12085)"},
        *(_file(path, size) for path, size in sorted(sizes.items())),
    ]
    body = {"@context": "https://w3id.org/ro/crate/1.1/context", "@graph": graph}
    return f"{json.dumps(body, indent=1, ensure_ascii=False)}\n".encode()


def _root(sizes: Mapping[str, int], date: str, license_url: str) -> dict[str, Any]:
    root = {
        "@id": "./",
        "@type": "Dataset",
        "name": "Results of a reproduction of the tables of DSANet",
        "description": "Records and scores of trials, claims declared before them, passports of "
        "the data, tables, and an artifact appendix. Check them with: harness verify BUNDLE",
        "datePublished": date,
        "about": {"@id": _PAPER},
        "mentions": {"@id": "#run"},
        "hasPart": [{"@id": _address(path)} for path in sorted(sizes)],
    }
    return root | ({"license": {"@id": license_url}} if license_url else {})


def _file(path: str, size: int) -> dict[str, Any]:
    suffix = f".{path.rpartition('.')[2]}"
    kind = _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "text/plain")
    return {
        "@id": _address(path),
        "@type": "File",
        "name": path,
        "encodingFormat": kind,
        "contentSize": str(size),
    }


def _address(path: str) -> str:
    """Return a path as a relative address of the web."""
    return quote(path)


def _version() -> str:
    try:
        return version("dsanet-harness")
    except PackageNotFoundError:
        return "unknown"
