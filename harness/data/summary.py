"""What a check found, in words, tables and files."""

import csv
import io
import json
import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from pandas import DataFrame

from harness.coverage import coverage
from harness.data import passport
from harness.data.check import Checked
from harness.data.passport import Passport
from harness.data.rows import SHOWN
from harness.data.sources import Source
from harness.data.tree import SUFFIXES
from harness.data.videos import Timing, Video
from harness.facts import GOOD, PICTURES, Facts
from harness.files import replace as put

_FORMULA = ("=", "+", "-", "@")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What holds of a data set as a whole.

    Attributes:
        verdicts: Videos by verdict, for each split.
        classes: Videos that are good and that are listed, for each split and label.
        gaps: Labels with a name, or up to the largest one, without a good video in a split.
        duplicates: Groups of ids whose files are equal, split before the id.
        leaks: Those of them that lie in more than one split, and ids listed in more than one.
        unlisted: Files on disk that no list names.
        listed: Videos of each split, as listed or officially more.
        class_names: By label; none where labels have no names.
        passport: Hash of what is good, as it goes into the key of a trial.
    """

    verdicts: Mapping[str, Mapping[str, int]]
    classes: Mapping[str, Mapping[int, tuple[int, int]]]
    gaps: Mapping[str, Sequence[int]]
    duplicates: Sequence[Sequence[str]]
    leaks: Sequence[Sequence[str]]
    unlisted: Sequence[str]
    listed: Mapping[str, int]
    class_names: Sequence[str]
    passport: str

    def present(self, split: str) -> tuple[int, int]:
        """Return the good and the listed videos of a split."""
        counts = self.verdicts.get(split, {})
        return sum(counts.get(verdict, 0) for verdict in GOOD), self.listed[split]

    @property
    def clean(self) -> bool:
        """Say whether every listed video is good and no split leaks into another."""
        verdicts = {verdict for counts in self.verdicts.values() for verdict in counts}
        return not self.leaks and verdicts <= set(GOOD)


def summarise(checked: Sequence[Checked], source: Source) -> Summary:
    """Count what was found, and look for what is there twice or not named at all."""
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    classes: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    for each in checked:
        verdicts[each.split][each.facts.verdict] += 1
        for label in each.video.labels:
            good, listed = classes[each.split].get(label, (0, 0))
            classes[each.split][label] = (good + (each.facts.verdict in GOOD), listed + 1)
    equal = _groups((each.facts.sha256, each) for each in checked)
    same_id = _groups((each.video.id, each) for each in checked)
    return Summary(
        verdicts=verdicts,
        classes=classes,
        gaps=_gaps(classes, len(source.class_names)),
        duplicates=[sorted(map(_name, group)) for group in equal],
        leaks=[sorted(map(_name, g)) for g in (*equal, *same_id) if len(_splits(g)) > 1],
        unlisted=_unlisted(checked, source.root),
        listed=source.listed,
        class_names=source.class_names,
        passport=known(checked, source).digest,
    )


def good_videos(checked: Iterable[Checked], fps: Fraction | None = None) -> dict[str, list[Video]]:
    """Return the videos that may be used, by split.

    Args:
        checked: What was found.
        fps: Rate at which folders of pictures were taken; they do not say.
    """
    splits: dict[str, list[Video]] = {}
    for each in checked:
        videos = splits.setdefault(each.split, [])
        facts = each.facts
        if facts.verdict in GOOD and facts.frames is not None and facts.sha256 is not None:
            known = replace(
                each.video,
                frames=facts.frames,
                sha256=facts.sha256,
                stamp=each.stamp,
                timing=_timing(facts, fps),
                turned=bool(facts.turned),
            )
            videos.append(known)
    return splits


def _timing(facts: Facts, fps: Fraction | None) -> Timing | None:
    """Return when frames are shown, if every one of them says so, or the user does of pictures."""
    if facts.container == PICTURES and fps is not None:
        return Timing(unit=str(1 / fps), step="1")
    if facts.time_base is None:
        return None
    if facts.step is not None:
        return Timing(unit=facts.time_base, step=facts.step)
    stamps = [stamp for stamp in facts.stamps if stamp is not None]
    if not stamps or len(stamps) < len(facts.stamps):
        return None
    return Timing(unit=facts.time_base, stamps=tuple(stamp - stamps[0] for stamp in stamps))


def known(checked: Sequence[Checked], source: Source) -> Passport:
    """Return the passport of what was checked."""
    return Passport(
        splits=good_videos(checked, source.fps),
        listed=source.listed,
        classes=source.class_names,
        root=source.root,
    )


def write(checked: Sequence[Checked], summary: Summary, source: Source, out: Path) -> list[Path]:
    """Write `passport.json` of the good, `bad.csv` of the others, `check.json` and `summary.md`."""
    root = source.root
    out.mkdir(parents=True, exist_ok=True)
    paths = [out / name for name in ("summary.md", "bad.csv", "check.json", "passport.json")]
    whole = {"root": str(root)} | vars(summary) | {"videos": [_row(c, root) for c in checked]}
    put(paths[0], text(summary).encode("utf-8", "backslashreplace"))
    put(paths[1], _bad_csv(checked, root).encode("utf-8", "backslashreplace"))
    put(paths[2], json.dumps(whole, indent=0).encode())
    passport.write(paths[3], known(checked, source))
    return paths


def text(summary: Summary) -> str:
    """Write the summary as a page of Markdown."""
    names = sorted({name for counts in summary.verdicts.values() for name in counts})
    rows = [
        [split, *(counts.get(name, 0) for name in names), sum(counts.values())]
        for split, counts in summary.verdicts.items()
    ]
    parts = ["# Data check", _table(rows, ["split", *names, "listed"])]
    parts.append("\n".join(_coverage(summary, split) for split in summary.listed))
    parts += [_losses(summary, split) for split in summary.classes]
    for split, labels in summary.gaps.items():
        title = f"Classes without any video in {split}, left out of a mean over classes"
        parts.append(_listing(title, [_class(summary, label) for label in labels]))
    parts.append(_listing("In more than one split", [" = ".join(g) for g in summary.leaks]))
    parts.append(_listing("Equal files", [" = ".join(g) for g in summary.duplicates]))
    parts.append(_listing("On disk, in no list", summary.unlisted))
    parts.append(f"Passport {summary.passport}")
    return "\n\n".join(filter(None, parts)) + "\n"


def _table(rows: Sequence[Sequence[object]], columns: Sequence[str]) -> str:
    return str(DataFrame(rows, columns=list(columns)).to_markdown(index=False))


def _coverage(summary: Summary, split: str) -> str:
    """Say what is good of what is listed, and where the lists are short of the official ones."""
    good, official = summary.present(split)
    listed = sum(summary.verdicts.get(split, {}).values())
    short = f" Its list here names {listed:,}; the official one {official:,}."
    return f"- {coverage(split, good, official)}{short if listed < official else ''}"


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
    shown = [(printable(_class(summary, label)), *pair) for label, *pair in lost[:SHOWN]]
    table = _table(shown, ["class", "good", "listed"])
    more = f", the worst {SHOWN} here" if len(lost) > SHOWN else ""
    return f"{split}: {len(lost)} of {len(counts)} classes lost videos{more}.\n\n{table}"


def _listing(title: str, lines: Sequence[str]) -> str:
    if not lines:
        return ""
    rest = [f"- and {len(lines) - SHOWN} more"] if len(lines) > SHOWN else []
    shown = [f"- {printable(line)}" for line in lines[:SHOWN]]
    return "\n".join([f"{title}: {len(lines)}", "", *shown, *rest])


def printable(text: str) -> str:
    """Replace characters that a terminal would obey or cannot write."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _bad_csv(checked: Iterable[Checked], root: Path) -> str:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["split", "id", "label", "path", "verdict", "reason"])
    for each in checked:
        video, facts = each.video, each.facts
        if facts.verdict not in GOOD:
            cells = [each.split, video.id, passport.labels(video), _path(each, root)]
            writer.writerow(map(_cell, [*cells, facts.verdict, facts.reason]))
    return file.getvalue()


def _cell(text: str) -> str:
    """Keep a spreadsheet from taking a name for a formula."""
    text = printable(text)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _row(each: Checked, root: Path) -> dict[str, Any]:
    known = {"id": each.video.id, "path": _path(each, root), "labels": each.video.labels}
    return known | {"split": each.split} | asdict(each.facts)


def _path(each: Checked, root: Path) -> str:
    return Path(os.path.relpath(each.video.path, root)).as_posix()


def _groups(pairs: Iterable[tuple[str | None, Checked]]) -> list[list[Checked]]:
    groups: dict[str, list[Checked]] = defaultdict(list)
    for key, each in pairs:
        if key is not None:
            groups[key].append(each)
    return [group for group in groups.values() if len(group) > 1]


def _splits(group: Iterable[Checked]) -> set[str]:
    return {each.split for each in group}


def _name(each: Checked) -> str:
    return f"{each.split}:{each.video.id}"


def _gaps(
    classes: Mapping[str, Mapping[int, tuple[int, int]]], num_classes: int
) -> dict[str, list[int]]:
    """Return the labels that have no good video in a split: of all, or up to the largest one."""
    largest = max((label for counts in classes.values() for label in counts), default=-1)
    return {
        split: [
            label
            for label in range(max(largest + 1, num_classes))
            if not counts.get(label, (0, 0))[0]
        ]
        for split, counts in classes.items()
    }


def _unlisted(checked: Iterable[Checked], root: Path) -> list[str]:
    named = {each.video.path for each in checked}
    found = []
    for folder, inside, files in os.walk(root):
        # A folder of frames is a video; what lies in it are its pictures.
        inside[:] = [each for each in inside if Path(folder, each) not in named]
        for name in files:
            path = Path(folder, name)
            if path.suffix.lower() in SUFFIXES and path not in named:
                found.append(path.relative_to(root).as_posix())
    return sorted(found)
