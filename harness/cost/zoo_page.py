"""The page of the zoo: every system of the tables, what it costs, and whose code it follows."""

from collections.abc import Iterable, Iterator

from harness.cost.rows import row_cost
from harness.experiment import Experiment, Row
from harness.specs import ModelSpec
from harness.zoo import BACKBONES, MODULES

HEAD = """\
# The zoo

Every network of the comparisons; `harness zoo > docs/zoo.md` writes this page. Parameters include
the classes of the data set. 10⁹ multiply-adds (GMACs) are of one training view, without batch norm
(`mac`) and with it (`mac+2bn`). *Printed* is what a source prints of them; *verdict* says whether
the count meets it, under which other convention, or how far it is off, in the order of *printed*.
`harness cost TABLE --check` counts every network a second time ([planning](planning.md)).

*Licence* is that of the original code. The networks here are written from descriptions of it.
TEINet has none: the places of its module were inferred from its printed parameters and cost.
"""
COLUMNS = (
    "System",
    "Network",
    "Parameters",
    "GMACs, `mac`",
    "GMACs, `mac+2bn`",
    "Printed",
    "Verdict",
    "File",
    "Licence",
)
# Of the original code, by the file of a network or module in the zoo.
LICENCES = {
    "resnet": "Apache-2.0 (PySlowFast)",
    "i3d": "CC-BY-NC (video-nonlocal-net)",
    "i3d_inception": "Apache-2.0 (kinetics-i3d)",
    "tsm": "MIT",
    "tanet": "Apache-2.0",
    "mvfnet": "Apache-2.0",
    "teinet": "no original code",
    "tea": "none given",
    "slowfast": "Apache-2.0",
    "x3d": "Apache-2.0",
    "vov3d": "CC-BY-NC",
    "bn_inception": "BSD-2-Clause (tsn-pytorch)",
    "inception_v3": "BSD-3-Clause (torchvision)",
    "trn": "BSD-2-Clause",
    "eco": "BSD-2-Clause",
    "s3d": "BSD-3-Clause (torchvision)",
    "torchvision_video": "BSD-3-Clause (torchvision)",
    "c3d": "not at hand",
    "dsa": "MIT",
    "static_mix": "ours",
    "se": "not at hand",
    "v4d": "CC-BY-NC",
    "non_local": "CC-BY-NC (video-nonlocal-net)",
    "cgnl": "MIT",
}


def page(tables: Iterable[Experiment]) -> str:
    """Return the page: a section per table that compares the networks of several works."""
    return "\n".join([HEAD, *(_section(table) for table in tables if table.is_comparison)])


def _section(table: Experiment) -> str:
    lines = [COLUMNS, ("---",) * len(COLUMNS), *(_cells(row) for row in table.rows)]
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    return f"## {table.title}: `{table.name}`\n\n{rows}\n"


def _cells(row: Row) -> tuple[str, ...]:
    cost = row_cost(row)
    if cost is None:
        return (row.label, "not built; quoted", *("",) * (len(COLUMNS) - 2))
    models = list({_network(trial.model): trial.model for trial in row.trials}.items())
    files = list(dict.fromkeys(file for _, model in models for file in _files(model)))
    return (
        row.label + (" (reference)" if row.reference else ""),
        ", ".join(f"`{name}`" for name, _ in models)
        + (f", {len(row.trials)} networks" if row.ensemble else ""),
        f"{cost.params:,}",
        f"{cost.gmacs_by_rule['mac']:.3f}",
        f"{cost.gmacs_by_rule['mac+2bn']:.3f}",
        "; ".join(f"{name} {match.printed:.10g}" for name, match in cost.matches.items()) or "–",
        "; ".join(
            match.word + (f" ({match.convention})" if match.convention else "")
            for match in cost.matches.values()
        )
        or "–",
        ", ".join(f"`{file}`" for file in files),
        ", ".join(dict.fromkeys(_licence(file) for file in files)),
    )


def _network(model: ModelSpec) -> str:
    return model.backbone + (f" + {model.module}" if model.module else "")


def _files(model: ModelSpec) -> Iterator[str]:
    """Yield the files of a network and its module: those of the zoo, or the user's own."""
    names = [(BACKBONES, model.backbone)] + ([(MODULES, model.module)] if model.module else [])
    for registry, name in names:
        place = registry.get(name, name).partition(":")[0]
        yield place.replace(".", "/") + ".py" if name in registry else place


def _licence(file: str) -> str:
    return LICENCES.get(file.rpartition("/")[2].removesuffix(".py"), "your own")
