"""Content of runs: tags, parameters, metrics and data, under the same names in every table."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from harness.plan.grid import PlannedTrial
from harness.record import Record
from harness.report.output import Rows, TableOutput
from harness.specs import as_dict

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput

CURVES = {
    "loss": "train/loss",
    "train_top1": "train/top1",
    "val_top1": "val/top1",
    "lr": "train/lr",
}
METRIC_PREFIXES = ("train/", "val/", "test/", "cost/", "time/")
RETIRED_METRICS = {"cost/gmacs", "cost/params_m"}  # their charts round both to 0.01 at desk scale
SPLITS = ("train", "test")
_MAX_TEXT = 5_000  # MLflow cuts a parameter at 6,000 characters
_MAX_DIGEST = 36  # and refuses a longer digest of a data set
_CLAIM_COLUMNS = ("claim", "word", "sentence", "estimate", "low", "high", "p", "late", "origin")


@dataclass(frozen=True, kw_only=True)
class TrialRun:
    """Identity of a run: a trial in a row of a table."""

    table: str
    row: str
    key: str
    trial: Mapping[str, Any]

    @property
    def id(self) -> tuple[str, str, str]:
        return self.table, self.row, self.key

    @property
    def name(self) -> str:
        return f"{self.row}, seed {self.trial['seed']}"

    @property
    def tags(self) -> dict[str, str]:
        model = self.trial["model"]
        return {
            "kind": "trial",
            "table": self.table,
            "row": self.row,
            "key": self.key,
            "module": model["module"] or "none",
            "backbone": model["backbone"],
            "scale": str(self.trial["scale"]),
            "seed": str(self.trial["seed"]),
        }


@dataclass(frozen=True, kw_only=True)
class TableRun:
    """Content of the run of a table."""

    name: str
    scale: str
    output: TableOutput
    records: tuple[Record, ...]

    def trial_tags(self, current: Mapping[str, str]) -> dict[str, str]:
        """Return the tags of a trial's run that this table changes.

        Args:
            current: Tags of a run of this table and scale.
        """
        row, key = current["row"], current["key"]
        tags = {"verdict": self.output.verdicts.get(row, "")}
        if key in {record.key for record in self.records}:
            tags["state"] = "stale" if key in self.output.stale else "fresh"
        return {name: value for name, value in tags.items() if value and current.get(name) != value}


def artifact_path(results: Path, path: Path) -> Path:
    """Return the place of a file that may be sent: a file below the results folder, links resolved.

    Raises:
        ValueError: If it leads elsewhere, or is no file.
    """
    place = path.resolve()
    if not place.is_relative_to(results.resolve()) or not place.is_file():
        raise ValueError(f"{path} is no file below {results}, so it is not sent; remove the link")
    return place


def trial_runs(planned: PlannedTrial) -> list[TrialRun]:
    """List the runs of a trial: one in each row that it serves."""
    trial = as_dict(planned.trial)
    return [
        TrialRun(table=planned.table, row=row, key=planned.key, trial=trial) for row in planned.rows
    ]


def flatten(trial: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the fields of a trial under dotted names, as text short enough for MLflow."""
    flat: dict[str, str] = {}
    for name, value in trial.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = str(value)[:_MAX_TEXT]
    return flat


def truncate_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Cut the values of tags to the length that MLflow takes."""
    return {name: value[:_MAX_TEXT] for name, value in tags.items()}


class Point(NamedTuple):
    """A finite value of a metric: its time in milliseconds, and its epoch, 0 for a whole trial."""

    name: str
    value: float
    ms: int
    step: int


def curve_points(history: Rows) -> list[Point]:
    """Return the finite points of the curves; `nonfinite_tags` has the others."""
    return [
        Point(name, row[source], row["finished_ms"], row["epoch"])
        for row in history
        for source, name in CURVES.items()
        if row[source] is not None and math.isfinite(row[source])
    ]


def nonfinite_tags(history: Rows) -> dict[str, str]:
    """Return infinities and NaNs as tags: MLflow would store infinity as 1.8e308."""
    points: dict[str, list[str]] = {}
    for row in history:
        for source, name in CURVES.items():
            if row[source] is not None and not math.isfinite(row[source]):
                points.setdefault(name, []).append(f"{row[source]} at epoch {row['epoch']}")
    return {f"{name}_not_finite": ", ".join(values) for name, values in points.items()}


def record_points(
    record: Record, shares: Mapping[str, float]
) -> tuple[list[Point], dict[str, str]]:
    """Return the final metrics of a trial, and its tags.

    Args:
        record: Of the trial.
        shares: Percentage right in each aspect of its answers; empty but for desk videos.
    """
    measured = dict(record.metrics) | {f"right_{name}": value for name, value in shares.items()}
    values = {f"test/{name}": value for name, value in measured.items()} | {
        "cost/params_k": record.params / 1e3,
        "cost/mmacs": record.gmacs * 1e3,
        "time/seconds": record.seconds,
    }
    ended = record.finished_ms
    nonfinite = {
        f"{name}_not_finite": str(value)
        for name, value in values.items()
        if not math.isfinite(value)
    }
    points = [
        Point(name, value, ended, 0) for name, value in values.items() if math.isfinite(value)
    ]
    return points, nonfinite | _provenance_tags(record)


def _provenance_tags(record: Record) -> dict[str, str]:
    """Return the origin of a number as tags, without host, user or path."""
    dirty = "-dirty" if record.provenance.get("dirty") else ""
    tags = {
        "commit": f"{record.provenance.get('commit') or 'unknown'}{dirty}",
        "campaign": str(record.provenance.get("campaign") or ""),
        "code": record.code_hash,
        "passport": record.passport,
        "counting_rule": record.counting_rule,
        "resumed_epochs": ", ".join(map(str, record.resumed_epochs)),
    }
    return {name: value for name, value in tags.items() if value}


def dataset_inputs(record: Record) -> list["DatasetInput"]:
    """Return both splits of the data as the hash of their passport, without a path."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    passport = json.dumps({"passport": record.passport})
    return [
        DatasetInput(
            Dataset(
                name=f"{record.trial['data']['name']}/{split}",
                digest=record.passport[:_MAX_DIGEST],
                source_type="passport",
                source=passport,
            ),
            [InputTag("mlflow.data.context", split)],
        )
        for split in SPLITS
    ]


def claims_table(claims: Rows) -> dict[str, Any]:
    """Return claims in the form in which MLflow shows a table on its page."""
    rows = [[claim[column] for column in _CLAIM_COLUMNS] for claim in claims]
    return {"columns": list(_CLAIM_COLUMNS), "data": rows}


def start_ms(history: Rows) -> int | None:
    """Return the start of the first epoch, so that a replayed run keeps its date."""
    return history[0]["finished_ms"] - round(1000 * history[0]["seconds"]) if history else None
