"""The page of all tables, from the records alone."""

from collections.abc import Sequence
from pathlib import Path

from harness import figures, judge, page, record, reproduce
from harness.page import Chapter
from harness.reproduce import Request
from harness.specs import Scale
from harness.track import Output

ABLATION = "table_"  # these come first, comparisons with other work behind them


def write(requests: Sequence[Request], outputs: Sequence[Output], *, scale: Scale) -> Path:
    """Write the page of some tables, with their trade-off if it was drawn.

    Args:
        requests: One per table, all with the same results folder.
        outputs: What was written for each.
        scale: Of all of them.
    """
    results = requests[0].runtime.results
    pairs = list(zip(requests, outputs, strict=True))
    pairs.sort(key=lambda pair: not pair[0].experiment.name.startswith(ABLATION))
    chapters = [_chapter(request, output.files) for request, output in pairs]
    tradeoff = results / "figures" / f"{scale}-tradeoff.svg"
    overview = [tradeoff.read_bytes()] if tradeoff.is_file() else []
    return page.write(chapters, record.read_all(results), overview=overview, results=results)


def _chapter(request: Request, files: Sequence[Path]) -> Chapter:
    known = reproduce.evidence(request)
    experiment = request.experiment
    records = {row.label: known.of(row) for row in experiment.rows} if experiment.trains else {}
    return page.chapter(
        experiment,
        reproduce.lines(known),
        scale=request.scale,
        records=records,
        claims=judge.claims(known),
        figures=[path.read_bytes() for path in files if path.match("*.svg") and _is_wide(path)],
        curves={label: figures.curves(each) for label, each in records.items() if each},
    )


def _is_wide(path: Path) -> bool:
    """Leave out what is drawn a second time for one column of a paper."""
    return not path.stem.endswith("-column")
