"""Drivers that write the same thing to one store at the same moment."""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.report.output import Rows
from harness.tracking import store_uri
from harness.tracking.runs import TableRun, trial_runs
from harness.tracking.store import Store
from tests.helpers.tracking_stores import (
    epochs,
    make_record,
    only_run,
    planned_trial,
    runs,
    table_output,
)

pytestmark = pytest.mark.slow  # each makes stores
OWNERS = {"experiment_tags": "experiment_id", "tags": "run_uuid"}


@pytest.fixture
def rival(tmp_path: Path) -> Iterator[Counter[str]]:
    """Insert each new tag over a second connection just before MLflow does; count them."""
    from sqlalchemy import event
    from sqlalchemy.orm import Session

    inserted: Counter[str] = Counter()

    def insert_first(session: Any, *_: Any) -> None:
        tables = {row.__tablename__ for row in session.new}
        if tables & {"experiments", "runs"}:  # nobody else knows what has no id yet
            return
        for row in session.new:
            if owner := OWNERS.get(row.__tablename__):
                statement = (
                    f"INSERT INTO {row.__tablename__} (key, value, {owner}) VALUES (?, ?, ?)"
                )
                with sqlite3.connect(tmp_path / "mlflow" / "mlflow.db") as connection:
                    connection.execute(statement, (row.key, "rival", getattr(row, owner)))
                inserted[row.__tablename__] += 1

    event.listen(Session, "before_flush", insert_first)
    yield inserted
    event.remove(Session, "before_flush", insert_first)


def test_tags_that_another_driver_sets_first_are_overwritten(
    tmp_path: Path, rival: Counter[str]
) -> None:
    store, planned = Store(store_uri(tmp_path), tmp_path), planned_trial()
    (trial_run,) = trial_runs(planned)
    rows: Rows = [vars(epoch) for epoch in epochs(2)]
    store.log_epochs(trial_run=trial_run, history=rows)
    store.finish_trial(trial_run=trial_run, record=make_record(planned, history=epochs(2)))
    output = table_output(tmp_path)
    table_run = TableRun(name=planned.table, scale="desk", output=output, records=())
    store.log_table(table_run=table_run)

    experiment = store.client.get_experiment_by_name(planned.table)
    written = [
        experiment.tags,
        *(run.data.tags for run in (only_run(tmp_path), *runs(tmp_path, "table"))),
    ]
    assert rival["experiment_tags"] > 3
    assert rival["tags"] > 1
    assert not [tags for tags in written if "rival" in tags.values()]


def test_an_experiment_that_another_driver_restores_first_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (Store(store_uri(tmp_path), tmp_path) for _ in range(2))
    experiment = first.experiment("table_b")
    first.client.delete_experiment(experiment)
    look_up, restored = second.client.get_experiment_by_name, list[str]()

    def look_up_too_early(name: str) -> Any:
        found = look_up(name)
        if not restored:
            restored.append(name)
            first.client.restore_experiment(experiment)
        return found

    monkeypatch.setattr(second.client, "get_experiment_by_name", look_up_too_early)
    assert second.experiment("table_b") == experiment
    assert restored == ["table_b"]
