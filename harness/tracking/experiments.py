"""MLflow experiments: one per table, created or restored, without the runs of dead processes."""

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from harness.tracking.errors import retry_on_race
from harness.tracking.uri import store_lock
from harness.utils import process

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


def open_experiment(
    client: "MlflowClient", uri: str, table: str, *, artifact_location: str | None
) -> str:
    """Return the id of a table's experiment, which is created, or restored if it was deleted.

    Args:
        client: Of the store.
        uri: Address of the store.
        table: Name of the table and of its experiment.
        artifact_location: Of a new experiment; None leaves it to the server.
    """
    with store_lock(uri):
        experiment = retry_on_race(lambda: _create_or_restore(client, table, artifact_location))
    _kill_orphans(client, experiment)
    return experiment


def _create_or_restore(client: "MlflowClient", table: str, artifact_location: str | None) -> str:
    experiment = client.get_experiment_by_name(table)
    if experiment is None:
        return client.create_experiment(table, artifact_location=artifact_location)
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


def _kill_orphans(client: "MlflowClient", experiment: str) -> None:
    """End the runs that dead processes of this host left running."""
    query = f"attributes.status = 'RUNNING' and tags.host = '{process.hashed_hostname()}'"
    for run in search(client, experiment, query):
        if not process.is_alive(run.data.tags.get("process", "")):
            client.set_terminated(run.info.run_id, "KILLED")


def search(client: "MlflowClient", experiment: str, query: str) -> list["Run"]:
    """Return the runs of an experiment that match a query."""
    return list(client.search_runs([experiment], query))


def set_tags(client: "MlflowClient", experiment: str, tags: Mapping[str, str]) -> None:
    """Set the tags of an experiment that have a value, although other drivers set them too."""
    for name, value in tags.items():
        if value:
            retry_on_race(partial(client.set_experiment_tag, experiment, name, value))


def finished_runs(client: "MlflowClient", experiment: str) -> list["Run"]:
    """Return the runs of the finished trials of a table."""
    query = "tags.kind = 'trial' and attributes.status = 'FINISHED'"
    return search(client, experiment, query)
