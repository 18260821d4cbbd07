"""Cost of a large data set before the first batch of a trial, for growing numbers of videos.

Passports name empty files, a third of them with listed time stamps if wanted. Every start is a
process of its own, measured by its processor time and by the peak of its memory above what it holds
after its imports. The form without columns and notes, where every process reads rows of JSON and
looks at every file, is measured beside it.
"""

import itertools
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks import made_data, packet_index
from benchmarks.child import in_child, usage_of
from benchmarks.packet_index import IndexReads
from harness import data
from harness.data import passport, sampling
from harness.data.passport import Passport, column_file, content
from harness.specs import DataSpec

NUMBERS = (2_400, 24_000, 240_000)
_CAMPAIGN = "benchmark"
_FPS = 30.0
_BATCH = 96
_TRIALS = 10_000
_SPEC = DataSpec(name=made_data.NAME, num_classes=made_data.CLASSES, fps=_FPS)


@dataclass(frozen=True, kw_only=True)
class Start:
    """One process that gets a data set ready for a trial.

    Attributes:
        seconds: Processor time.
        peak_mb: Peak of its memory beyond its imports, in 10⁶ bytes.
        looks: Files looked at.
        hashed: Files hashed.
    """

    seconds: float
    peak_mb: float
    looks: int
    hashed: int


@dataclass(frozen=True, kw_only=True)
class Scale:
    """Starts with a number of videos.

    Attributes:
        videos: Their number.
        json_mb: Size of the JSON of the passport, in 10⁶ bytes.
        columns_mb: Size of its columns.
        rows: Start of every process, from rows of JSON.
        first: Start of the first process of a campaign on a machine.
        other: Start of any other.
        staged: Start of the first process where all files have other times.
        staged_again: Start of the first process of the next campaign there.
        trials_s: Processor time of the hash of the passport for 10,000 trials in one process.
        packets: A process that reads by the packet index.
    """

    videos: int
    json_mb: float
    columns_mb: float
    rows: Start
    first: Start
    other: Start
    staged: Start
    staged_again: Start
    trials_s: float
    packets: IndexReads


@click.command("scale")
@click.option("--number", "numbers", multiple=True, type=click.IntRange(min=24), default=NUMBERS)
@click.option("--listed", is_flag=True, help="List the time stamps of every third video.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(numbers: Sequence[int], listed: bool, as_json: bool) -> None:
    """Measure the start of a trial over data sets of several numbers of videos."""
    measured = [measure(number, listed=listed) for number in numbers]
    if as_json:
        click.echo(json.dumps([asdict(scale) for scale in measured], indent=1))
        return
    click.echo(
        f"{'videos':>8} {'start':<20}{'s':>8}{'MB':>7}{'looks':>9}{'hashed':>9}  of rows: s, MB"
    )
    for scale in measured:
        for line in _lines(scale):
            click.echo(line)


def _lines(scale: Scale) -> Iterator[str]:
    names = {
        "rows": "every one, by rows",
        "first": "first of a campaign",
        "other": "any other",
        "staged": "first, other times",
        "staged_again": "next campaign there",
    }
    for name, title in names.items():
        start: Start = getattr(scale, name)
        ratios = [
            f"{one / other:.3f}" if other else "-"
            for one, other in (
                (start.seconds, scale.rows.seconds),
                (start.peak_mb, scale.rows.peak_mb),
            )
        ]
        numbers = f"{start.seconds:8.2f}{start.peak_mb:7.0f}{start.looks:9,}{start.hashed:9,}"
        yield f"{scale.videos:8,} {title:<20}{numbers}  {ratios[0]:>10}, {ratios[1]}"
    files = f"JSON {scale.json_mb:.1f} MB, columns {scale.columns_mb:.1f} MB"
    yield f"{'':8} {files}; hash for {_TRIALS:,} trials {scale.trials_s:.2f} s"
    index = scale.packets
    memory = f"{index.private_mb:.0f} MB of its own, {index.mapped_mb:.0f} MB mapped"
    used = f"{_BATCH} entries read, {index.seconds:.3f} s, {memory}"
    yield f"{'':8} packet index {index.file_mb:.1f} MB: {used}"


def measure(number: int, *, listed: bool = False) -> Scale:
    """Measure the starts over one number of videos, in a folder of their own."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        path = root / made_data.NAME / passport.FILE
        in_child(made_data.write, root, number, listed)
        rows, first, other = (in_child(start, root) for start in (_by_rows, _start, _start))
        trials_s = in_child(_hash_for_trials, root)
        in_child(made_data.touch, root)
        staged = in_child(_start, root, "staged")
        columns = column_file.column_path(path)
        return Scale(
            videos=number,
            json_mb=path.stat().st_size / 1e6,
            columns_mb=columns.stat().st_size / 1e6 if columns.exists() else 0.0,
            rows=rows,
            first=first,
            other=other,
            staged=staged,
            staged_again=in_child(_start, root, "staged again"),
            trials_s=trials_s,
            packets=packet_index.measure(root, number, _first_batch(number)),
        )


def _start(root: Path, campaign: str = _CAMPAIGN) -> Start:
    return _measured(lambda: _prepare(data.load_passport(_SPEC, root, campaign=campaign)))


def _by_rows(root: Path) -> Start:
    column_file.find = _no_columns  # in this process alone

    def start() -> None:
        known = passport.read(root / made_data.NAME / passport.FILE)
        for videos in known.splits.values():
            passport.verify(videos)
        _prepare(known)

    return _measured(start)


def _no_columns(path: Path) -> None:
    """Read rows, whatever is beside them."""


def _prepare(known: Passport) -> None:
    """Do with a passport what a trial does before its first batch."""
    assert known.digest
    for videos in known.splits.values():
        sampling.check_rate(videos, _FPS)
    train = known.splits["train"]
    assert [train[index] for index in _first_batch(len(train))]
    assert {video.labels for video in known.splits["test"]}


def _first_batch(number: int) -> list[int]:
    order: list[int] = np.random.default_rng(0).permutation(number)[:_BATCH].tolist()
    return order


def _hash_for_trials(root: Path) -> float:
    known = data.load_passport(_SPEC, root, campaign=_CAMPAIGN)
    start = time.process_time()
    assert len({known.digest for _ in range(_TRIALS)}) == 1
    return time.process_time() - start


def _measured(action: Callable[[], None]) -> Start:
    """Measure an action, and count its looks at videos."""
    # Threads count too, and `+=` is not theirs to share.
    looks, hashes = itertools.count(), itertools.count()
    stat, file_sha256 = os.stat, content.file_sha256

    def counted_stat(path: int | str | os.PathLike[str], **named: bool) -> os.stat_result:
        if str(path).endswith(".mp4"):
            next(looks)
        return stat(path, **named)

    def counted_hash(path: Path) -> str:
        next(hashes)
        return file_sha256(path)

    os.stat, content.file_sha256 = counted_stat, counted_hash  # type: ignore[assignment]
    _, used = usage_of(action)
    return Start(
        seconds=used.seconds,
        peak_mb=used.peak_mb,
        looks=next(looks),
        hashed=next(hashes),
    )
