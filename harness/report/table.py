"""Tables as text, beside the printed numbers: Markdown and LaTeX.

Costs are at paper scale, on own terms those of the network that ran; printed accuracies have their
own columns, and measured accuracies carry the scale of their records.
"""

import re
from collections.abc import Iterator

from harness.cost import parts, rules
from harness.experiment import Experiment
from harness.plan import recipe_sources
from harness.plan.comparisons import SCALE_WORDS
from harness.report import cells, claims_table, tradeoff
from harness.report.judge import JudgedTable
from harness.report.results import TableResult
from harness.utils import escape

COST_NOTE = (
    "GFLOPs: 10⁹ multiply-adds per view, each counted once, plus two per batch-norm output "
    f"(rule `{rules.RULE}`); parameters include the classifier. Both {{}}."
)
INPUT_NOTE = "T × U: frames and snippets of the view that is counted, as it is trained."
STALE_NOTE = "stale: made by other code than this; run the table again."
INTERVAL_NOTE = "±: half of Student's 95 % interval of the mean over seeds."
RANGE_NOTE = "In brackets: the lowest and the highest seed."
SHARED_NOTE = (
    "At desk scale the generated videos take the place of the data set: rows of other tables with "
    "the same network share these records."
)
RUN_HERE = {
    "desk": "desk scale, generated videos, small networks",
    "own": "on terms of your own",
}
_WITHOUT_NOTE = ("desk scale", "not run")
_SCALES = {
    "desk": "at desk scale; it is no estimate of the printed one",
    "own": "on the terms that follow; it is no estimate of the printed one",
    "paper": "here, at the paper's own scale",
}


def name(experiment: Experiment) -> str:
    """Return the name of a table for readers: `Table (a)`, or what a comparison is on."""
    if letter := re.fullmatch("table_([a-z])", experiment.name):
        return f"Table ({letter[1]})"
    return experiment.title.removeprefix("Comparison on ")


def heading(experiment: Experiment) -> str:
    """Return the name of a table with its title, or the title of a comparison alone."""
    short = name(experiment)
    return experiment.title if short in experiment.title else f"{short}: {experiment.title}"


def captions(table: TableResult) -> tuple[str, ...]:
    """Return the paper's setting, and that of what ran here where it is another one."""
    caption = table.experiment.caption
    if not table.is_measured or table.scale not in RUN_HERE:
        return (f"{caption}.",)
    return (f"{table.experiment.document}: {caption}.", f"Run here: {RUN_HERE[table.scale]}.")


def markdown(judged: JudgedTable) -> str:
    """Return the table with its title, caption, claims and notes."""
    frame = cells.frame(judged).map(escape.markdown)
    align = ("left", *("right",) * (frame.shape[1] - 1))
    body = frame.to_markdown(index=False, colalign=align, disable_numparse=True)
    items = "\n".join(f"- {escape.prose(note)}" for note in notes(judged))
    caption = escape.prose(" ".join(captions(judged.table)))
    head = f"# {escape.prose(heading(judged.table.experiment))}\n\n{caption}"
    return f"{head}\n\n{body}\n\n{claims_table.markdown(judged.claims)}{items}\n"


def latex(judged: JudgedTable) -> str:
    """Return a booktabs table, and one of the claims."""
    experiment, frame = judged.table.experiment, cells.frame(judged)
    text = frame.map(escape.latex).to_latex(
        index=False,
        escape=False,
        header=[escape.latex(str(name)) for name in frame],
        column_format="l" + "r" * (frame.shape[1] - 1),
        caption=escape.latex(" ".join((f"{experiment.title}.", *captions(judged.table)))),
        label=f"tab:{experiment.name}",
    )
    return text + claims_table.latex(experiment, judged.claims)


def notes(judged: JudgedTable) -> list[str]:
    """Explain verdicts and columns, name the sources of printed numbers and list the guesses."""
    table, experiment = judged.table, judged.table.experiment
    return [
        *_verdict_notes(judged),
        *(_accuracy_notes(judged) if table.is_measured else ()),
        *_printed_notes(experiment),
        *experiment.notes,
        *recipe_sources.guess_notes(experiment),
        *tradeoff.sentences(experiment),
        *_part_notes(table),
        *([_cost_note(table)] if any(result.cost for result in table.rows) else []),
        *_own_layer_notes(table),
        *([INPUT_NOTE] if "T × U" in cells.frame(judged) else []),
        *([STALE_NOTE] if any(result.stale for result in table.shown) else []),
    ]


def _cost_note(table: TableResult) -> str:
    is_own = table.scale == "own"
    return COST_NOTE.format("of the network that ran" if is_own else "at the paper's own scale")


def _part_notes(table: TableResult) -> Iterator[str]:
    """Name the largest part of networks whose counted cost is not the printed one."""
    for result in table.rows:
        for sentence in parts.sentences(result.row.trials, cells.matches(result)):
            yield f"{result.label}: no convention tried meets the printed cost; {sentence}."


def _own_layer_notes(table: TableResult) -> Iterator[str]:
    for result in table.rows:
        if result.cost and (counted := str(result.cost.own_layers)):
            yield f"{result.label}: its own layers were counted: {counted}."


def _verdict_notes(judged: JudgedTable) -> Iterator[str]:
    for label, verdict in judged.verdicts.items():
        if verdict.word not in _WITHOUT_NOTE:
            yield f"{label}: {verdict.sentence}."


def _printed_notes(experiment: Experiment) -> Iterator[str]:
    for row in experiment.rows:
        if row.source:
            yield f"{row.label}: printed as {row.source}."
        if row.as_written.get("gflops", "").endswith("*"):
            yield f"{row.label}: the slides do not explain the asterisk of the printed total."


def _accuracy_notes(judged: JudgedTable) -> Iterator[str]:
    table = judged.table
    metric = cells.METRIC_NAMES[table.metric]
    yield f"{table.scale} {metric} was measured {_SCALES[table.scale]}."
    if table.scale == "desk" and table.experiment.is_comparison and _is_on_other_data(table):
        yield SHARED_NOTE
    yield from _change_notes(table)
    for labels in table.equal_rows:
        yield f"{' and '.join(labels)}: same trial{SCALE_WORDS[table.scale]}."
    yield RANGE_NOTE if table.scale == "desk" else INTERVAL_NOTE
    for result in table.rows:
        if result.altered:
            yield f"{result.label} runs with {result.altered}."


def _is_on_other_data(table: TableResult) -> bool:
    """Return whether the scale replaces the data of every row that has a trial."""
    pairs = ((result.trial, result.row.trial) for result in table.rows)
    return all(ran.data.name != own.data.name for ran, own in pairs if ran and own)


def _change_notes(table: TableResult) -> Iterator[str]:
    """Name what a user changed, and the rows in which it is changed."""
    rows: dict[str, list[str]] = {}
    for result in table.rows:
        if result.changes:
            rows.setdefault(result.changes, []).append(result.label)
    beside = "the paper" if table.base == "paper" else f"{table.base} scale"
    for changes, labels in rows.items():
        where = "all rows" if len(rows) == 1 else ", ".join(labels)
        yield f"Changed, beside {beside}: {changes} ({where})."
