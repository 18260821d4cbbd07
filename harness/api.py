"""The Python interface: results as data frames, and runs from a notebook.

`import harness` offers these functions and loads nothing else before one of them is called.
"""

import sys
from collections.abc import Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from harness.plan.request import Request
    from harness.record import Record
    from harness.report.judge import JudgedTable

Folder = str | PathLike[str]
LEAST_DIGITS = 4  # of a key


def results(results: Folder | None = None, *, experiments: Sequence[str] = ()) -> "pd.DataFrame":
    """Return the trials of a results folder: one line per trial and table row that it serves.

    Args:
        results: The folder; that of `harness run` by default.
        experiments: Files of further tables, as `--experiment` names them.

    Raises:
        ValueError: If it is not a results folder. A damaged record is warned of and left out.
    """
    from harness.exchange.places import all_tables
    from harness.exchange.trial_frame import trials_frame
    from harness.tables import forget, load

    forget()
    for file in experiments:
        load(file)
    return trials_frame(_records(_folder(results)), all_tables())


def scores(key: str, *, results: Folder | None = None) -> "pd.DataFrame":
    """Return the scores of a trial, one line per test video.

    Args:
        key: Of the record, or its first digits: four or more, where they match one record alone.
        results: The folder; that of `harness run` by default.

    Raises:
        ValueError: If no record or several match, or the scores are missing or altered.
    """
    from harness.exchange.result_frames import scores_frame

    folder = _folder(results)
    return scores_frame(folder, _find(key, _records(folder)))


def table(
    name: str, *, results: Folder | None = None, scale: str = "desk", **own: Any
) -> "pd.DataFrame":
    """Return a table as numbers: one line per row, measured beside printed, with its verdict.

    Args:
        name: Of the table, such as `table_b`, or its file, such as `./my_table.py`.
        results: The folder; that of `harness run` by default.
        scale: `desk` or `paper`.
        **own: Options of a run on one's own terms, as `on`, `epochs`, `width`, `batch` and `crop`
            of `harness run`, and the folder `data`.

    Raises:
        ValueError: If the table is unknown. Damaged records are warned of and left out.
    """
    from harness.exchange.result_frames import rows_frame

    return rows_frame(_judged(name, results=results, scale=scale, **own))


def claims(
    name: str, *, results: Folder | None = None, scale: str = "desk", **own: Any
) -> "pd.DataFrame":
    """Return the claims of a table with their verdicts, one line each; arguments as of `table`."""
    from harness.exchange.result_frames import claims_frame

    return claims_frame(_judged(name, results=results, scale=scale, **own))


def run(
    name: str,
    *,
    rows: str | Sequence[str] = (),
    seeds: int | Sequence[int] = 3,
    results: Folder | None = None,
    scale: str = "desk",
    ray: bool = False,
    max_trials: int = 1000,
    **options: Any,
) -> "pd.DataFrame":
    """Run the trials that a table still needs, write it, and return it as `table` does.

    Args:
        name: Of the table, or its file.
        rows: Label of a row, or several; all by default.
        seeds: Trials per row, with seeds 0, 1, ...; or their seeds.
        results: The folder; that of `harness run` by default.
        scale: `desk` or `paper`.
        ray: Run trials on a local Ray cluster; by default in this process, one by one.
        max_trials: Refuse a larger grid.
        **options: As of `harness run`, with underscores: `data`, `device`, `weights`, `epochs`.

    Raises:
        ValueError: If an option is wrong.
        RuntimeError: If trials failed; their reasons follow. Finished ones are kept.
    """
    from rich.console import Console

    from harness import launch
    from harness.schedule.ray.tune import Resources
    from harness.tracking import store_uri
    from harness.utils.escape import counted

    folder = _folder(results, must_exist=False)
    request = _request(name, results=folder, scale=scale, **options)
    labels = (rows,) if isinstance(rows, str) else tuple(rows)
    request = replace(request, rows=labels, seeds=_checked(seeds))
    done = launch.run(
        [request],
        resources=Resources() if ray else None,
        tracking=store_uri(folder),
        console=Console(file=sys.stdout),
        max_trials=max_trials,
    )
    if done.code:
        raise KeyboardInterrupt
    if done.failed:
        reasons = "; ".join(f"{event.planned.name}: {event.failure}" for event in done.failed)
        raise RuntimeError(f"{counted(len(done.failed), 'trial')} failed: {reasons}")
    own = {option: value for option, value in options.items() if option in _own_options()}
    return table(name, results=folder, scale=scale, **own)


def _checked(seeds: int | Sequence[int]) -> int | tuple[int, ...]:
    numbers = range(seeds) if isinstance(seeds, int) else tuple(seeds)
    if not numbers or len(set(numbers)) < len(numbers) or min(numbers) < 0:
        raise ValueError(f"seeds={seeds!r} is neither a positive number nor a list of seeds")
    return seeds if isinstance(seeds, int) else tuple(numbers)


def _own_options() -> tuple[str, ...]:
    from harness.cli.options import SCALE_CHANGES

    return (*SCALE_CHANGES, "data")


def _judged(name: str, *, results: Folder | None, scale: str, **own: Any) -> "JudgedTable":
    from harness.report.build import collect_and_judge

    if unknown := set(own) - set(_own_options()):
        allowed = ", ".join(_own_options())
        raise ValueError(f"unknown options: {', '.join(sorted(unknown))}; allowed: {allowed}")
    return collect_and_judge(_request(name, results=_folder(results), scale=scale, **own))


def _request(name: str, *, results: Path, scale: str, **options: Any) -> "Request":
    """Return the request that the command line would make of these options."""
    from experiments.scales import SCALES
    from harness.cli.requests import build_requests
    from harness.tables import forget
    from harness.utils.lookup import check_name

    named = check_name(scale, list(SCALES), what="scale")
    forget()
    for folder in {"data", "weights"} & set(options):
        options[folder] = Path(options[folder]).resolve()
    try:
        (request,) = build_requests([name], scale=named, results=results, **options)  # type: ignore[arg-type]
    except TypeError as error:
        raise ValueError(f"unknown option: {error}") from error
    return request


def _folder(folder: Folder | None, *, must_exist: bool = True) -> Path:
    from harness.runtime import default_results

    path = default_results() if folder is None else Path(folder).resolve()
    if must_exist and not path.is_dir():
        raise ValueError(f"{path} is no folder; run a table first, or name another results folder")
    return path


def _records(results: Path) -> list["Record"]:
    from harness import record

    if not (results / "records").is_dir():
        raise ValueError(f"{results} is not a results folder: it has no folder named records")
    return record.read_all(results)


def _find(key: str, records: Sequence["Record"]) -> "Record":
    matches = [record for record in records if record.key.startswith(key)]
    if len(key) < LEAST_DIGITS or not matches:
        raise ValueError(f"{key!r} matches no record; harness.results() lists keys")
    if len(matches) > 1:
        raise ValueError(f"{key!r} matches {len(matches)} records; type more digits")
    return matches[0]
