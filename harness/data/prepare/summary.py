"""Totals of a check over a data set, and the passport made from them."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from harness.data.datasets.file_tree import SUFFIXES
from harness.data.passport import Passport
from harness.data.prepare.check import CheckedVideo
from harness.data.prepare.sources import DataSource
from harness.data.prepare.video_facts import PICTURES, USABLE, Facts
from harness.data.video import Timing, Video


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Totals of a data set.

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
        return sum(counts.get(verdict, 0) for verdict in USABLE), self.listed[split]

    @property
    def clean(self) -> bool:
        """Return whether every listed video is good and no split leaks into another."""
        verdicts = {verdict for counts in self.verdicts.values() for verdict in counts}
        return not self.leaks and verdicts <= set(USABLE)


def summarise(checked: Sequence[CheckedVideo], source: DataSource) -> Summary:
    """Count the verdicts, and look for duplicate and unlisted videos."""
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    classes: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    for entry in checked:
        verdicts[entry.split][entry.facts.verdict] += 1
        for label in entry.video.labels:
            good, listed = classes[entry.split].get(label, (0, 0))
            classes[entry.split][label] = (good + (entry.facts.verdict in USABLE), listed + 1)
    equal = _groups((entry.facts.sha256, entry) for entry in checked)
    same_id = _groups((entry.video.id, entry) for entry in checked)
    return Summary(
        verdicts=verdicts,
        classes=classes,
        gaps=_gaps(classes, len(source.class_names)),
        duplicates=[sorted(map(_name, group)) for group in equal],
        leaks=[sorted(map(_name, g)) for g in (*equal, *same_id) if len(_splits(g)) > 1],
        unlisted=_unlisted(checked, source.root),
        listed=source.listed,
        class_names=source.class_names,
        passport=build_passport(checked, source).digest,
    )


def good_videos(
    checked: Iterable[CheckedVideo], fps: Fraction | None = None
) -> dict[str, list[Video]]:
    """Return the videos that may be used, by split.

    Args:
        checked: What was found.
        fps: Rate at which folders of pictures were taken; they do not say.
    """
    splits: dict[str, list[Video]] = {}
    for entry in checked:
        videos = splits.setdefault(entry.split, [])
        facts = entry.facts
        if facts.verdict in USABLE and facts.frames is not None and facts.sha256 is not None:
            known = replace(
                entry.video,
                frames=facts.frames,
                sha256=facts.sha256,
                stamp=entry.stamp,
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


def build_passport(checked: Sequence[CheckedVideo], source: DataSource) -> Passport:
    """Return the passport of the checked videos."""
    return Passport(
        splits=good_videos(checked, source.fps),
        listed=source.listed,
        classes=source.class_names,
        root=source.root,
    )


def _groups(pairs: Iterable[tuple[str | None, CheckedVideo]]) -> list[list[CheckedVideo]]:
    groups: dict[str, list[CheckedVideo]] = defaultdict(list)
    for key, entry in pairs:
        if key is not None:
            groups[key].append(entry)
    return [group for group in groups.values() if len(group) > 1]


def _splits(group: Iterable[CheckedVideo]) -> set[str]:
    return {entry.split for entry in group}


def _name(entry: CheckedVideo) -> str:
    return f"{entry.split}:{entry.video.id}"


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


def _unlisted(checked: Iterable[CheckedVideo], root: Path) -> list[str]:
    named = {entry.video.path for entry in checked}
    found = []
    for folder, inside, files in os.walk(root):
        # A folder of frames is a video; what lies in it are its pictures.
        inside[:] = [name for name in inside if Path(folder, name) not in named]
        for name in files:
            path = Path(folder, name)
            if path.suffix.lower() in SUFFIXES and path not in named:
                found.append(path.relative_to(root).as_posix())
    return sorted(found)
