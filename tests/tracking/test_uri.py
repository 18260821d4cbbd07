"""The store of MLflow below a results folder of any name, and the command that fills it."""

import shlex

import pytest

from harness import runtime, tracking
from harness.tracking.errors import sync_command
from harness.tracking.uri import artifact_root, connect, store_file


@pytest.fixture(autouse=True)
def no_other_store(monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["it's 50% of été", "r #1 %41;é&x=1", "what? 50%20 off", "a?b=c%"])
def test_the_store_lies_below_its_folder_whatever_its_name(tmp_path, name):
    results = tmp_path / name / "results"
    uri = tracking.store_uri(results)
    client = connect(uri)
    root = artifact_root(results)
    run = client.create_run(client.create_experiment("mine", artifact_location=f"{root}/mine"))
    client.log_text(run.info.run_id, "table", "table.md")
    assert store_file(uri) == results / "mlflow" / "mlflow.db"
    assert store_file(uri).stat().st_size
    assert len([*(results / "mlflow" / "artifacts").rglob("table.md")]) == 1
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert [path.name for path in results.parent.iterdir()] == ["results"]


def test_the_command_that_sends_what_is_missing_names_the_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = tmp_path / "my results (l'été) 100%"
    commands = {
        "sqlite:///x.db": ["harness", "sync"],
        "wandb:my project": ["harness", "sync", "--wandb", "my project"],
        "tensorboard:cur ves": ["harness", "sync", "--tensorboard", "cur ves"],
    }
    for address, words in commands.items():
        assert shlex.split(sync_command(address, runtime.default_results())) == words
        assert shlex.split(sync_command(address, results)) == [*words, "--results", str(results)]
