"""The state of a run in the store: tags, parameters, and the end of each epoch of its curves."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.report.output import Rows
from harness.tracking import runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


@dataclass(kw_only=True)
class RunState:
    """The content of a run, as far as this process knows it.

    Attributes:
        id: Of the run.
        status: As MLflow spells it.
        tags: That the run carries.
        params: Names of its parameters.
        metrics: Names of its metrics.
        epochs: Epoch to the time of its end, in milliseconds.
    """

    id: str
    status: str = "RUNNING"
    tags: dict[str, str] = field(default_factory=dict)
    params: set[str] = field(default_factory=set)
    metrics: set[str] = field(default_factory=set)
    epochs: dict[int, int] = field(default_factory=dict)

    def contradicts(self, history: Rows) -> bool:
        """Return whether the curves are of another training, or have the names of old versions."""
        pairs = ((row["epoch"], row["finished_ms"]) for row in history)
        if any(self.epochs.get(epoch, ended) != ended for epoch, ended in pairs):
            return True
        return bool(self.metrics & runs.RETIRED_METRICS) or not all(
            name.startswith(runs.METRIC_PREFIXES) for name in self.metrics
        )

    def unsent(self, history: Rows) -> Rows:
        """Return the epochs that the curves of the run lack."""
        return [row for row in history if row["epoch"] not in self.epochs]

    def add_epochs(self, history: Rows) -> None:
        """Remember the epochs that were sent."""
        self.epochs |= {row["epoch"]: row["finished_ms"] for row in history}

    def tag_changes(self, tags: Mapping[str, str]) -> dict[str, str]:
        """Return the tags that the run lacks or has with another value."""
        return {name: value for name, value in tags.items() if self.tags.get(name) != value}


def read_state(client: "MlflowClient", run: "Run") -> RunState:
    """Return the state of a run that another process may have written."""
    points = client.get_metric_history(run.info.run_id, runs.CURVES["lr"])
    return RunState(
        id=run.info.run_id,
        status=run.info.status,
        tags=dict(run.data.tags),
        params=set(run.data.params),
        metrics=set(run.data.metrics),
        epochs={point.step: point.timestamp for point in points},
    )
