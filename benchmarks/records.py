"""The time of `harness report` over growing numbers of records: it should grow in proportion.

Records are copies of one real form under other seeds and data, without scores, so nothing is
judged by video. Every file is read from the disk, checked, and looked up by every table.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import click

import experiments
from benchmarks.child import in_child, usage_of
from experiments.scales import SCALES
from harness import record
from harness.plan import comparisons
from harness.plan.request import Request
from harness.provenance import code
from harness.record import Record
from harness.report.collect import collect
from harness.runtime import Runtime
from harness.specs import Trial, as_dict

NUMBERS = (100, 1_000, 10_000)
_EPOCHS = 24
_MS = 1_790_000_000_000


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Time and memory of a number of records, in a process of its own.

    Attributes:
        records: Their number.
        read_s: Processor time of reading and checking all of them.
        collect_s: Of finding those of every row of every table.
        peak_mb: Peaks of the memory that each adds, in 10⁶ bytes.
    """

    records: int
    read_s: float
    collect_s: float
    peak_mb: float


@click.command("records")
@click.option("--number", "numbers", multiple=True, type=click.IntRange(min=1), default=NUMBERS)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(numbers: Sequence[int], as_json: bool) -> None:
    """Time reading and collecting records of a results folder, for several numbers of them."""
    measured = [measure(number) for number in numbers]
    if as_json:
        click.echo(json.dumps([asdict(growth) for growth in measured], indent=1))
        return
    click.echo(f"{'records':>9} {'read s':>9} {'collect s':>9} {'MB':>9}  ms per further record")
    for before, growth in zip((None, *measured), measured, strict=False):
        columns = f"{growth.read_s:9.2f} {growth.collect_s:9.2f} {growth.peak_mb:9.0f}"
        click.echo(f"{growth.records:9,} {columns}  {_per_further_record(before, growth)}")


def _per_further_record(before: Growth | None, growth: Growth) -> str:
    """Return the milliseconds of each record beyond those of the measurement before."""
    if before is None or before.records >= growth.records:
        return "-"
    seconds = growth.read_s + growth.collect_s - before.read_s - before.collect_s
    return f"{1_000 * seconds / (growth.records - before.records):.2f}"


def measure(number: int) -> Growth:
    """Measure one number of records in a folder and a process of their own."""
    with tempfile.TemporaryDirectory() as folder:
        in_child(_write, Path(folder), number)
        return in_child(_measured, Path(folder), number)


def _write(results: Path, number: int) -> None:
    folder = results / "records"
    folder.mkdir()
    for made in _records(number):  # not by `record.write`, which waits for the disk
        (folder / f"{made.key}.json").write_bytes(record.as_json(made))


def _measured(results: Path, number: int) -> Growth:
    runtime = Runtime(results=results, data=results / "data")
    records, reading = usage_of(lambda: record.read_all(results))
    assert len(records) == number
    _, collecting = usage_of(lambda: _collect(_requests(runtime), records))
    return Growth(
        records=number,
        read_s=reading.seconds,
        collect_s=collecting.seconds,
        peak_mb=reading.peak_mb + collecting.peak_mb,
    )


def _requests(runtime: Runtime) -> list[Request]:
    tables, rescale = [experiments.load(name) for name in experiments.names()], SCALES["desk"]
    family = comparisons.family(tables, rescale)
    return [
        Request(
            experiment=table,
            scale="desk",
            rescale=rescale,
            seeds=3,
            runtime=runtime,
            family=family,
        )
        for table in tables
    ]


def _collect(requests: Sequence[Request], records: Sequence[Record]) -> None:
    for request in requests:
        collect(request, records)


def _records(number: int) -> Iterator[Record]:
    """Yield records of the trials of the ablations, of several seeds and copies of the data."""
    shrunk = [
        SCALES["desk"](trial)
        for name in experiments.names()
        if (table := experiments.load(name)).trains and not table.is_comparison
        for row in table.rows
        for trial in row.trials
    ]
    trials = list({record.trial_key(trial, ""): trial for trial in shrunk}.values())
    for place in range(number):
        copy, index = divmod(place, len(trials))
        yield _record(replace(trials[index], seed=copy % 10), passport=f"{copy // 10:064x}")


def _record(trial: Trial, *, passport: str) -> Record:
    key = record.trial_key(trial, passport)
    return Record(
        key=key,
        trial=as_dict(trial),
        passport=passport,
        code=code.hashes(trial),
        metrics={"top1": 50.0, "top5": 90.0, "map": 50.0, "videos": 480},
        params=1_000_000,
        gmacs=1.0,
        counting_rule="mac+2bn",
        history=[_epoch(number) for number in range(1, _EPOCHS + 1)],
        scores_sha256="0" * 64,
        provenance={
            "campaign": "benchmark",
            "commit": None,
            "dirty": False,
            "python": "3",
            "libraries": {},
            "processor": "any",
            "cores": 1,
            "device": "cpu",
        },
        seconds=60.0,
        resumed_epochs=[],
    )


def _epoch(number: int) -> dict[str, float | None]:
    return {
        "epoch": number,
        "loss": 1 / number,
        "train_top1": 50.123456789,
        "val_top1": None,
        "lr": 0.05,
        "seconds": 2.0926660200057086,
        "waited_s": 0.21057677601493197,
        "finished_ms": _MS + 1_000 * number,
    }
