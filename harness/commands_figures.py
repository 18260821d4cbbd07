"""Commands that draw single figures: desk trade-off, and videos with the kernels of DSA."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import experiments
from experiments.scales import SCALES
from harness import files
from harness.names import check
from harness.record import Record
from harness.runtime import Runtime
from harness.specs import Scale

if TYPE_CHECKING:
    from harness.request import Request

DEFAULT = ("table_a", "table_g", "table_h")


def tradeoff(requests: Sequence["Request"]) -> list[Path]:
    """Draw measured accuracy against cost, the rows of several tables in one figure.

    Raises:
        ValueError: If nothing was measured.
    """
    from harness import figures
    from harness import tradeoff as chart
    from harness.collect import collect
    from harness.data import desk

    results, scale = requests[0].runtime.results, requests[0].scale
    tables = [collect(request) for request in requests if request.experiment.trains]
    groups = chart.measured([row for table in tables for row in table.rows])
    if not groups:
        names = " ".join(request.experiment.name for request in requests)
        raise ValueError(f"{results} has no records of these tables; run: harness run {names}")
    ceilings = desk.CEILINGS if scale == "desk" else {}
    return figures.measured(groups, scale=scale, ceilings=ceilings, results=results)


def redraw(requests: Sequence["Request"], *, keep: bool) -> tuple[list[Path], list[Path]]:
    """Draw the figures of some tables again, and the trade-off if it was drawn before.

    Args:
        requests: The tables.
        keep: Put back what was there.

    Returns:
        All figures, and those that differ from what was there.
    """
    from harness import reproduce
    from harness.collect import collect

    before = {
        path: path.read_bytes()
        for folder in {request.runtime.results / "figures" for request in requests}
        for path in folder.glob("*.*")
    }
    drawn = [path for request in requests for path in reproduce.draw(collect(request))]
    for request in requests[:1]:
        if (request.runtime.results / "figures" / f"{request.scale}-tradeoff.svg").is_file():
            drawn += tradeoff([replace(request, experiment=experiments.load(n)) for n in DEFAULT])
    moved = [path for path in drawn if before.get(path) != path.read_bytes()]
    for path in moved if keep else ():
        files.replace(path, before[path]) if path in before else path.unlink()
    return drawn, moved


def visualize(key: str, videos: str, against: str | None, results: Path, data: Path) -> list[Path]:
    """Draw test videos, what DSA and an average of snippets say, and the kernels of DSA."""
    from harness import figures
    from harness import visualize as look

    dynamic = _record(results, key)
    average = _record(results, against) if against else look.average_of(dynamic, results)
    found = look.scenes(
        dynamic,
        average,
        videos=[name.strip() for name in videos.split(",") if name.strip()],
        command=_training(dynamic, results),
        runtime=Runtime(results=results, data=data),
    )
    return figures.scenes(found, name=f"visualize-{key}", results=results)


def _record(results: Path, key: str) -> Record:
    """Read the record of a key, or say which keys there are."""
    from harness import record

    known = [path.stem for path in (results / "records").glob("*.json")]
    found = record.read(results, check(key, known, what="record"))
    assert found is not None
    return found


def _training(dynamic: Record, results: Path) -> str:
    """Return the command that trains a record again and keeps its weights."""
    from harness.plan import records_of

    scale: Scale = dynamic.trial["scale"]
    names = [
        name
        for name in experiments.names()
        if any(
            records_of(row, [dynamic], scale=SCALES[scale]) for row in experiments.load(name).rows
        )
    ]
    seeds = dynamic.trial["seed"] + 1
    table = names[-1] if names else "TABLE"
    words = f"run {table} --scale {scale} --seeds {seeds} --results {quote(str(results))}"
    return f"harness {words} --keep-checkpoints"
