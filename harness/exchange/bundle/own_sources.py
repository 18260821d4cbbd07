"""Sources of the user in a bundle: the files of their tables and networks, and what is missing.

They are compared with records by their syntax trees. Nothing here runs or imports them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.exchange.places import freshness
from harness.provenance import code
from harness.record import Record
from harness.specs import from_dict
from harness.tables import own_names
from harness.utils import escape, own_code
from harness.utils.own_code.finder import Source

FOLDER = "own"


@dataclass(frozen=True, kw_only=True)
class OwnSources:
    """The sources of the user behind some records.

    Attributes:
        files: Path in the bundle to its text.
        modules: Path in the bundle to the name of its module.
        missing: A sentence on each network of the records whose source is not among them.
        other: A sentence on each network that is, and has records made by other code.
    """

    files: Mapping[str, bytes]
    modules: Mapping[str, str]
    missing: tuple[str, ...]
    other: tuple[str, ...]


def collect(records: Sequence[Record]) -> OwnSources:
    """Collect every file that the tables of this command named, and what they import."""
    sources = {
        _place(module, source): (module, source)
        for module, source in own_code.export()
        if source.path
    }
    carried = {Path(place).name for place in sources}
    used: Counter[str] = Counter()
    others: Counter[str] = Counter()
    for record in records:
        for name in own_names.own(record.trial["model"]):
            used[name] += 1
            others[name] += freshness(record) != "fresh"
    return OwnSources(
        files={place: source.text.encode() for place, (_, source) in sources.items()},
        modules={place: module for place, (module, _) in sources.items()},
        missing=tuple(
            _missing(name, count)
            for name, count in sorted(used.items())
            if own_names.file_of(name) not in carried
        ),
        other=tuple(
            f"records of {name} that other code made: {others[name]} of {count}"
            for name, count in sorted(used.items())
            if own_names.file_of(name) in carried and others[name]
        ),
    )


def _place(module: str, source: Source) -> str:
    """Return the path of a file in a bundle."""
    folders = module.split(".") if source.package else module.split(".")[:-1]
    return "/".join((FOLDER, *folders, Path(source.path).name))


def _missing(name: str, count: int) -> str:
    if own_names.file_of(name):
        why = "its file is not known; name its table with --experiment FILE"
    else:
        why = "it belongs to an installed package or to another version of the harness"
    return f"the source of {name} (records: {count}) is left out: {why}"


def text(own: OwnSources) -> str:
    """Return the section of the artifact appendix on the sources; empty without any."""
    if not own.files and not own.missing:
        return ""
    lines = [f"- {escape.markdown(place)}" for place in sorted(own.files)]
    lines += [f"- {escape.markdown(sentence)}" for sentence in (*own.missing, *own.other)]
    return "\n## Own source\n\nUnpack it and name the table's file to run it.\n\n" + "".join(
        f"{line}\n" for line in lines
    )


def remarks(
    modules: Mapping[str, str], records: Sequence[Record], folder: Path, *, is_same_version: bool
) -> Iterator[str]:
    """Yield what the sources in an unpacked bundle say of its records.

    Args:
        modules: Path in the bundle to the name of its module.
        records: Of the bundle.
        folder: Where it was unpacked.
        is_same_version: Whether the harness that runs wrote the bundle.
    """
    files = tuple(
        (module, Source(place, text, place.endswith("__init__.py")))
        for place, module in sorted(modules.items())
        for text in [(folder / place).read_text("utf-8", errors="replace")]
    )
    names = {Path(place).name: module for place, module in modules.items()}
    made: Counter[bool] = Counter()
    for record in records:
        own = own_names.own(record.trial["model"])
        if own and all(own_names.file_of(name) in names for name in own):
            made[_is_made_by(record, names, files)] += 1
    if not modules:
        return
    yield f"{FOLDER}/ holds source of the author, which was read and did not run"
    if not is_same_version:
        yield "another version of the harness wrote the bundle: this source was not compared"
    elif made:
        yield f"records of own networks that this source made: {made[True]} of {made.total()}"


def _is_made_by(record: Record, names: Mapping[str, str], files: own_code.Exported) -> bool:
    try:
        trial = from_dict(record.trial)
        return record.is_made_by(code.hashes_of_files(trial, names, files))
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # as hostile text may end
        return False
