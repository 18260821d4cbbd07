"""The page as a file: what stands before the tables, between them, and after them."""

import base64
import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import experiments
from harness.experiment import COSTS
from harness.plan.comparisons import SCALE_WORDS
from harness.record import Record
from harness.report import cells, claims_table
from harness.report.claims import JudgedClaim
from harness.report.page import legend
from harness.report.page.pictures import Album, as_json
from harness.report.page.sections import CHIPS, Section
from harness.utils import escape
from harness.utils.atomic import write_atomic

SUBTITLE = "Wu et al., ACM MM 2021, arXiv 2105.12085"
_RUNS = {"paper": "run at paper scale", "desk": "run at desk scale", "own": "run on own terms"}
GOOD = {
    "exact",
    "exact, other convention",
    "reproduced",
    "supported",
    "true",
    "true as printed",
    "best",
}
_MAX_FAULTS = 20
_MAX_VALUES = 50
_CHANGES = {None: "unknown", False: "no"}
_WITHOUT_RUN = ("not run", "interrupted", "failed", "stale", "not comparable")
BAD = {"different", "lower", "higher", "reversed", "false", "not the same", "failed", "stale"}


def write(
    sections: Sequence[Section],
    records: Sequence[Record],
    *,
    overview: Sequence[bytes] = (),
    faults: Sequence[str] = (),
    results: Path,
) -> Path:
    """Write `index.html`; equal records give equal bytes.

    Args:
        sections: The tables, in the order of the page.
        records: All records of the tables.
        overview: SVG files shown before the tables.
        faults: A sentence on each file that is no record and was set aside.
        results: Folder of the page.
    """
    environment = _environment()
    script = _script(environment)
    album = Album()
    text = environment.get_template("page.html").render(
        title=_title(sections, records),
        subtitle=SUBTITLE if _is_of_paper(sections) else "",
        reading=_reading(records),
        is_desk="desk" in _scales(records),
        facts=_facts(sections, records),
        tally=_tally(sections),
        legend=legend.legend(word for section in sections for word in section.words),
        sections=sections,
        overview=overview,
        faults=[fault.replace(f"{results}/", "") for fault in faults[:_MAX_FAULTS]],
        more_faults=max(len(faults) - _MAX_FAULTS, 0),
        records=len(records),
        provenance=_provenance(records),
        tone=_tone,
        origin=claims_table.origin,
        chips=CHIPS,
        gap=cells.GAP,
        album=album,
        as_json=as_json,
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )
    path = results / "index.html"
    write_atomic(path, f"{text}\n".encode())
    return path


def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("harness.report.page", "."),
        autoescape=True,
        finalize=_visible,
        trim_blocks=True,
        undefined=StrictUndefined,
    )


def _visible(value: object) -> object:
    """Return text with what acts or hides made visible; the template escapes tags itself."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return escape.visible(value)


def _script(environment: Environment) -> str:
    """Return the script that shows a stored picture once it comes into view."""
    loader = environment.loader
    assert loader is not None
    return loader.get_source(environment, "page.js")[0].strip()


def _tone(word: str) -> str:
    """Return the CSS class of a verdict: good, bad, or none for an open one."""
    word = legend.stem(word)
    is_good = word in GOOD or word.startswith("same within")
    return "good" if is_good else "bad" if word in BAD else ""


def _title(sections: Sequence[Section], records: Sequence[Record]) -> str:
    """Return whose tables the page shows, and how it comes by their numbers."""
    cells_of = [row.cells.items() for section in sections for row in section.rows]
    filled = {name for row in cells_of for name, cell in row if cell != cells.GAP}
    parts = ["printed"] if any(name.startswith("printed") for name in filled) else []
    parts += ["counted"] if "GFLOPs" in filled else []
    parts += [words for scale, words in _RUNS.items() if scale in _scales(records)]
    *others, last = parts or ["empty"]
    listed = f"{', '.join(others)}{',' * (len(others) > 1)} and {last}" if others else last
    whose = "DSANet's tables" if _is_of_paper(sections) else "Tables"
    return f"{whose}: {listed}"


def _is_of_paper(sections: Sequence[Section]) -> bool:
    """Return whether every table comes with the harness; others are the user's own."""
    own = set(experiments.names())
    return all(section.name.partition("-")[0] in own for section in sections)


def _reading(records: Sequence[Record]) -> str:
    scales = _scales(records)
    desk = (
        "Accuracies at desk scale come from small networks on generated videos: they test claims, "
        "and are no estimate of a printed number."
    )
    paper = (
        "Nothing on this page was run at the paper's own scale, so no printed accuracy has a "
        "verdict."
    )
    costs = "Parameters and GFLOPs are counted at the paper's own scale."
    sources = (
        "The sources at hand were the paper's abstract, its slides and released code; its running "
        "text was not."
    )
    desk_or_none = [desk] if "desk" in scales else []
    return " ".join([sources, costs, *desk_or_none, *([] if "paper" in scales else [paper])])


def _scales(records: Sequence[Record]) -> set[str]:
    return {str(record.trial["scale"]) for record in records}


def _facts(sections: Sequence[Section], records: Sequence[Record]) -> dict[str, int]:
    claims = _distinct_claims(sections)
    return {"tables": len(sections), "trials": len(records), "claims": len(claims)}


def _distinct_claims(sections: Sequence[Section]) -> list[JudgedClaim]:
    """Return all claims, of those that compare the same trials in several tables the last."""
    claims = [claim for section in sections for claim in section.claims]
    return [*{claim.comparison or id(claim): claim for claim in claims}.values()]


def _tally(sections: Sequence[Section]) -> dict[str, list[tuple[str, int]]]:
    """Count the claims by how they were judged, then by verdict, the commonest first."""
    words: dict[str, Counter[str]] = {
        "counted exactly": Counter(),
        "at the paper's scale": Counter(),
        "at desk scale": Counter(),
        "in own runs": Counter(),
        "without a run": Counter(),
    }
    for claim in _distinct_claims(sections):
        words[_judged_by(claim)][claim.word] += 1
    return {group: counts.most_common() for group, counts in words.items() if counts}


def _judged_by(claim: JudgedClaim) -> str:
    if claim.claim.metric in COSTS:
        return "counted exactly"
    if claim.word in _WITHOUT_RUN:
        return "without a run"
    groups = {SCALE_WORDS["desk"]: "at desk scale", SCALE_WORDS["own"]: "in own runs"}
    suffixes = (suffix for suffix in groups if claim.word.endswith(suffix))
    return groups.get(next(suffixes, ""), "at the paper's scale")


def _provenance(records: Sequence[Record]) -> dict[str, str]:
    """List the distinct values of the records for every part of their provenance."""
    sources = [record.provenance for record in records]
    libraries = [
        f"{name} {version or 'unknown'}"
        for source in sources
        for name, version in source["libraries"].items()
    ]
    times = [record.finished_ms for record in records]
    return {
        "commit": _distinct(str(source["commit"]) for source in sources),
        "uncommitted changes": _distinct(
            _CHANGES.get(source["dirty"], "yes") for source in sources
        ),
        "campaign": _distinct(str(source["campaign"]) for source in sources),
        "trained": _distinct([_day(min(times)), _day(max(times))]) if times else "",
        "python": _distinct(str(source["python"]) for source in sources),
        "libraries": _distinct(libraries),
        "processor": _distinct(
            f"{source['processor']}, {source['cores']} cores" for source in sources
        ),
        "device": _distinct(str(source["device"]) for source in sources),
        "data passport": _distinct(record.passport for record in records),
        "code": _distinct(record.code_hash for record in records),
    }


def _distinct(values: Iterable[str]) -> str:
    distinct = sorted(set(values))
    more = f" and {len(distinct) - _MAX_VALUES} more" if distinct[_MAX_VALUES:] else ""
    return ", ".join(distinct[:_MAX_VALUES]) + more


def _day(milliseconds: int) -> str:
    return datetime.fromtimestamp(milliseconds / 1000, tz=UTC).strftime("%Y-%m-%d")
