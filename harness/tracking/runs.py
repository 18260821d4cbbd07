"""What a run says: its tags, parameters, metrics and data, under the same names in every table."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.plan.grid import PlannedTrial
from harness.record import Record
from harness.report.output import Rows, TableOutput
from harness.specs import as_dict

if TYPE_CHECKING:
    from mlflow.entities import DatasetInput, Metric

CURVES = {
    "loss": "train/loss",
    "train_top1": "train/top1",
    "val_top1": "val/top1",
    "lr": "train/lr",
}
GROUPS = ("train/", "val/", "test/", "cost/", "time/")
SPLITS = ("train", "test")
TEXT = 5_000  # MLflow cuts a parameter at 6,000 characters
_NOTE = 7_900  # and a tag at 8,000
_DIGEST = 36  # and refuses a longer digest of a data set
_CLAIM = ("claim", "word", "sentence", "estimate", "low", "high", "p", "late")


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What a run stands for: a trial in a row of a table."""

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
class Table:
    """What the run of a table holds."""

    name: str
    scale: str
    output: TableOutput
    records: tuple[Record, ...]

    def tags(self, of: Mapping[str, str]) -> dict[str, str]:
        """Say what this table makes of a trial's run, given the tags that the run has.

        Args:
            of: Tags of a run of this table and scale.
        """
        tags = {"verdict": self.output.verdicts.get(of["row"], "")}
        if of["key"] in {each.key for each in self.records}:
            tags["state"] = "stale" if of["key"] in self.output.stale else "fresh"
        return {name: value for name, value in tags.items() if value and of.get(name) != value}


def subjects(planned: PlannedTrial) -> list[Subject]:
    """Name the runs of a trial: one in each row that it serves."""
    trial = as_dict(planned.trial)
    return [
        Subject(table=planned.table, row=row, key=planned.key, trial=trial) for row in planned.rows
    ]


def flatten(trial: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Return the fields of a trial under dotted names, as text that MLflow takes whole."""
    flat: dict[str, str] = {}
    for name, value in trial.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = str(value)[:TEXT]
    return flat


def curves(history: Rows) -> list["Metric"]:
    """Return the points of the curves; one that is no number is left to `not_finite`."""
    from mlflow.entities import Metric

    return [
        Metric(name, row[source], row["finished_ms"], row["epoch"])
        for row in history
        for source, name in CURVES.items()
        if row[source] is not None and math.isfinite(row[source])
    ]


def not_finite(history: Rows) -> dict[str, str]:
    """Name the values that are no number: MLflow would store infinity as 1.8e308."""
    found: dict[str, list[str]] = {}
    for row in history:
        for source, name in CURVES.items():
            if row[source] is not None and not math.isfinite(row[source]):
                found.setdefault(name, []).append(f"{row[source]} at epoch {row['epoch']}")
    return {f"{name}_not_finite": ", ".join(values) for name, values in found.items()}


def results(record: Record) -> tuple[list["Metric"], dict[str, str]]:
    """Return the last metrics of a trial, and its tags."""
    from mlflow.entities import Metric

    values = {f"test/{name}": value for name, value in record.metrics.items()} | {
        "cost/params_m": record.params / 1e6,
        "cost/gmacs": record.gmacs,
        "time/seconds": record.seconds,
    }
    ended = record.finished_ms
    bad = {name: str(value) for name, value in values.items() if not math.isfinite(value)}
    points = [Metric(name, value, ended, 0) for name, value in values.items() if name not in bad]
    return points, {f"{name}_not_finite": value for name, value in bad.items()} | _origin(record)


def _origin(record: Record) -> dict[str, str]:
    """Say where a number comes from; no host, user or path is among it."""
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


def datasets(record: Record) -> list["DatasetInput"]:
    """Return both splits of the data, as the hash of their passport; no path is among it."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    passport = json.dumps({"passport": record.passport})
    return [
        DatasetInput(
            Dataset(
                name=f"{record.trial['data']['name']}/{split}",
                digest=record.passport[:_DIGEST],
                source_type="passport",
                source=passport,
            ),
            [InputTag("mlflow.data.context", split)],
        )
        for split in SPLITS
    ]


def claims_table(claims: Rows) -> dict[str, Any]:
    """Return claims as MLflow stores a table that its page can show."""
    return {"columns": list(_CLAIM), "data": [[each[name] for name in _CLAIM] for each in claims]}


def started_ms(history: Rows) -> int | None:
    """Return the start of the first epoch, so that a replay dates a run as it was."""
    return history[0]["finished_ms"] - round(1000 * history[0]["seconds"]) if history else None


def note(text: str) -> str:
    """Cut a description at the end of a line, where MLflow would cut it anywhere."""
    return text if len(text) <= _NOTE else text[:_NOTE].rpartition("\n")[0] + "\n\n(cut)"
