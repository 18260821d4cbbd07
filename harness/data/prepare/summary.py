"""Totals of a check over a data set, and the passport made from them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from harness.data.passport import Passport
from harness.data.prepare import unused
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
        unused: Number and examples of the files below the root that are not used, by group.
        empty_folders: The outermost folders without a listed video.
        contradictions: Videos in the folder of another class than their label, in words.
        unread_lists: Lists that were not read, in words.
        list_command: Command that reads them; empty if it is not known.
        also: Folders besides the root that links may lead into.
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
    unused: Mapping[str, Mapping[str, object]]
    empty_folders: Sequence[str]
    contradictions: Sequence[str]
    unread_lists: Sequence[str]
    list_command: str
    also: Sequence[str]
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


def summarise(
    checked: Sequence[CheckedVideo], source: DataSource, *, out: Path | None = None
) -> Summary:
    """Count the verdicts, and look for duplicate videos and unused files.

    Args:
        checked: What was found.
        source: The data set.
        out: Folder that the check writes to; what is in it counts as no part of the data set.
    """
    verdicts: dict[str, Counter[str]] = defaultdict(Counter)
    classes: dict[str, dict[int, tuple[int, int]]] = defaultdict(dict)
    for entry in checked:
        verdicts[entry.split][entry.facts.verdict] += 1
        for label in entry.video.labels:
            good, listed = classes[entry.split].get(label, (0, 0))
            classes[entry.split][label] = (good + (entry.facts.verdict in USABLE), listed + 1)
    paths = {str(entry.video.path): entry.facts.verdict in USABLE for entry in checked}
    used = {str(path.absolute()): True for path in source.lists} | paths
    rest = unused.find(used, source.root, also=source.also, skip=out)
    equal = _groups((entry.facts.sha256, entry) for entry in checked)
    same_id = _groups((entry.video.id, entry) for entry in checked)
    return Summary(
        verdicts=verdicts,
        classes=classes,
        gaps=_gaps(classes, len(source.class_names)),
        duplicates=[sorted(map(_name, group)) for group in equal],
        leaks=[sorted(map(_name, g)) for g in (*equal, *same_id) if len(_splits(g)) > 1],
        unlisted=sorted(rest.groups.get(unused.UNLISTED, ())),
        unused=rest.counts(),
        empty_folders=sorted(rest.folders),
        contradictions=source.contradictions,
        unread_lists=source.unread.lists,
        list_command=source.unread.command,
        also=[str(folder) for folder in source.also],
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
        also=source.also,
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
