"""Fixtures of all tests; jaxtyping shapes are checked while tests run."""

import os

# As in a trial: with a thread per core in every process, tests side by side slow each other down.
# Libraries read it when they are loaded, and the plugin of jaxtyping would load numpy before this.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import gc
import shutil
import threading
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import pytest
import torch
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

with install_import_hook(
    ("harness.data", "harness.zoo", "harness.training.metrics"), "beartype.beartype"
):
    import harness.data.datasets.desk
    import harness.zoo

    for network in walk_packages(harness.zoo.__path__, "harness.zoo."):
        import_module(network.name)

from experiments.table_b import EXPERIMENT
from harness.runtime import Runtime
from harness.specs import Trial
from harness.tracking.worker import StoreProcess, Task
from tests.helpers import tracking_stores
from tests.helpers.tiny_trials import shrunk

# Neither an example nor its making is timed: a busy machine would fail a test that holds.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)  # before -m deselects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run files with many slow tests first: no process waits at the end for a long one in another.

    Chaos is slow too, so `-m "not slow"` leaves out both.
    """
    chaotic = [item for item in items if item.get_closest_marker("chaos")]
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])
    for item in chaotic:
        item.add_marker(pytest.mark.slow)


def pytest_collection_finish() -> None:
    """Keep modules and tests out of every collection of garbage; statsmodels asks for many."""
    gc.collect()
    gc.freeze()


def pytest_unconfigure() -> None:
    """Let the interpreter free everything when it ends, or nanobind complains."""
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _same_random_numbers() -> None:
    """Start every test from one seed: a test that passes today passes tomorrow."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tiny() -> Callable[[Trial], Trial]:
    return shrunk


@pytest.fixture(scope="session")
def tiny_trial() -> Trial:
    """DSA at position II, tiny."""
    return shrunk(EXPERIMENT.rows[3].trial)


@pytest.fixture(scope="session")
def data_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of generated videos that all tests share."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def runtime(tmp_path: Path, data_root: Path) -> Runtime:
    return Runtime(results=tmp_path / "results", data=data_root)


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Create the MLflow schema once; a copy takes a hundredth of the time."""
    path = tmp_path_factory.mktemp("template") / "mlflow.db"
    tracking_stores.client(f"sqlite:///{path}").search_experiments()
    return path


@pytest.fixture
def task_threads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """List the thread of every task that a mirror gives to its store."""
    threads, run_task = [], StoreProcess.run_task

    def run_noted(store: StoreProcess, task: Task) -> None:
        threads.append(threading.current_thread().name)
        run_task(store, task)

    monkeypatch.setattr(StoreProcess, "run_task", run_noted)
    return threads


@pytest.fixture
def results(tmp_path: Path, empty_store: Path) -> Path:
    """Return a results folder with an empty MLflow store."""
    folder = tmp_path / "a folder, 100% new"
    (folder / "mlflow").mkdir(parents=True)
    shutil.copy(empty_store, folder / "mlflow" / "mlflow.db")
    return folder
