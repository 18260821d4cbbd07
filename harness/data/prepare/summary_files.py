"""Files of a check: a page, the passport, a table of what is bad, and all that was learned."""

import csv
import io
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from pandas import DataFrame

from harness.data import passport
from harness.data.datasets.lists.text_rows import MAX_SHOWN
from harness.data.prepare.check import CheckedVideo
from harness.data.prepare.sources import DataSource
from harness.data.prepare.summary import Summary, build_passport
from harness.data.prepare.video_facts import USABLE
from harness.stats.coverage import coverage_sentences
from harness.utils import escape
from harness.utils.atomic import write_atomic
from harness.utils.files import make_folder


def write(
    checked: Sequence[CheckedVideo], summary: Summary, source: DataSource, out: Path
) -> list[Path]:
    """Write `passport.json` of the good, `bad.csv` of the others, `check.json` and `summary.md`."""
    root = source.root
    make_folder(out)
    paths = [out / name for name in ("summary.md", "bad.csv", "check.json", "passport.json")]
    whole = {"root": str(root)} | vars(summary) | {"videos": [_row(c, root) for c in checked]}
    write_atomic(paths[0], to_markdown(summary).encode())
    write_atomic(paths[1], _bad_csv(checked, root).encode())
    write_atomic(paths[2], json.dumps(whole, indent=0).encode())
    passport.write(paths[3], replace(build_passport(checked, source), unused=summary.unused))
    return paths


def to_markdown(summary: Summary) -> str:
    """Write the summary as a page of Markdown."""
    names = sorted({name for counts in summary.verdicts.values() for name in counts})
    rows = [
        [split, *(counts.get(name, 0) for name in names), sum(counts.values())]
        for split, counts in summary.verdicts.items()
    ]
    parts = ["# Data check", _table(rows, ["split", *names, "listed"])]
    parts.append("\n".join(_coverage(summary, split) for split in summary.listed))
    parts += _unread_lists(summary)
    parts += [_losses(summary, split) for split in summary.classes]
    for split, labels in summary.gaps.items():
        title = f"Classes without any video in {split}, left out of a mean over classes"
        parts.append(_listing(title, [_class(summary, label) for label in labels]))
    parts.append(_listing("In more than one split", [" = ".join(g) for g in summary.leaks]))
    parts.append(_listing("Equal files", [" = ".join(g) for g in summary.duplicates]))
    parts.append(
        _listing("In the folder of another class than their label", summary.contradictions)
    )
    parts.append(_listing("On disk, in no list", summary.unlisted))
    parts.append(_listing("Folders without a listed video, left out", summary.empty_folders))
    parts.append(_listing("Not used, by kind", [_group(*item) for item in summary.unused.items()]))
    parts.append(_listing("Links may also lead into", summary.also))
    parts.append(f"Passport {summary.passport}")
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(rows: Sequence[Sequence[object]], columns: Sequence[str]) -> str:
    frame = DataFrame(rows, columns=list(columns))
    shown = frame.map(lambda cell: escape.markdown(cell) if isinstance(cell, str) else cell)
    return str(shown.to_markdown(index=False, disable_numparse=[0]))


def _coverage(summary: Summary, split: str) -> str:
    """Return the share of good videos, and where the lists are shorter than the official ones."""
    good, official = summary.present(split)
    listed = sum(summary.verdicts.get(split, {}).values())
    short = f" Its list here names {listed:,}; the official one {official:,}."
    return f"- {coverage_sentences(split, good, official)}{short if listed < official else ''}"


def _unread_lists(summary: Summary) -> list[str]:
    """Return the lists that were not read, and how to go by them."""
    if not summary.unread_lists:
        return []
    lists = _listing("Lists that were not read, as classes are folders", summary.unread_lists)
    if summary.list_command:
        command = escape.visible(summary.list_command)
        return [lists, "To go by them instead:", f"    {command}"]
    return [lists, "To go by lists, pass one for each split: `--list train=FILE --list test=FILE`."]


def _group(name: str, group: Mapping[str, Any]) -> str:
    """Describe a group of unused files."""
    examples = ", ".join(group["examples"][:2])
    return f"{group['count']:,} {name}, such as {examples}"


def _class(summary: Summary, label: int) -> str:
    """Name a class as far as its name is known."""
    names = summary.class_names
    return f"{label} {names[label]}" if label < len(names) else str(label)


def _losses(summary: Summary, split: str) -> str:
    """Show the classes that lost the most."""
    counts = summary.classes[split]
    lost = [(label, *pair) for label, pair in counts.items() if pair[0] < pair[1]]
    if not lost:
        return f"{split}: every class has all its videos."
    lost.sort(key=lambda row: (row[1] / row[2], row[0]))
    shown = [(_class(summary, label), *pair) for label, *pair in lost[:MAX_SHOWN]]
    table = _table(shown, ["class", "good", "listed"])
    more = f", the worst {MAX_SHOWN} here" if len(lost) > MAX_SHOWN else ""
    return f"{split}: {len(lost)} of {len(counts)} classes lost videos{more}.\n\n{table}"


def _listing(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    rest = [f"- and {len(lines) - MAX_SHOWN} more"] if len(lines) > MAX_SHOWN else []
    shown = [f"- {escape.line(line)}" for line in lines[:MAX_SHOWN]]
    return "\n".join([f"{title}: {len(lines)}", "", *shown, *rest])


def _bad_csv(checked: Iterable[CheckedVideo], root: Path) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["split", "id", "label", "path", "verdict", "reason"])
    for entry in checked:
        video, facts = entry.video, entry.facts
        if facts.verdict not in USABLE:
            cells = [entry.split, video.id, passport.format_labels(video), _path(entry, root)]
            writer.writerow(map(escape.spreadsheet, [*cells, facts.verdict, facts.reason]))
    return file.getvalue()


def _row(each: CheckedVideo, root: Path) -> dict[str, Any]:
    known = {"id": each.video.id, "path": _path(each, root), "labels": each.video.labels}
    facts = asdict(each.facts)
    del facts["packets"]
    return known | {"split": each.split} | facts


def _path(each: CheckedVideo, root: Path) -> str:
    return Path(os.path.relpath(each.video.path, root)).as_posix()
