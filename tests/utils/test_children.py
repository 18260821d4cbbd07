"""Child processes run no module of the folder in which a command is given."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness import tracking
from harness.tracking.store import Store
from harness.tracking.worker import StoreProcess
from harness.utils import children

ROOT = Path(__file__).parents[2]
TRAP = "import pathlib; pathlib.Path(__file__).with_name('RAN').touch(); raise SystemExit('trap')\n"
# Not those that Python itself imports before any code of ours: `python -P -m harness` is for them.
NAMES = (
    "uuid", "json", "socket", "pickle", "threading", "subprocess", "signal", "logging", "random",
    "click", "mlflow", "psutil", "uvicorn", "torch", "numpy", "ray", "filelock", "secrets",
)  # fmt: skip
# Every place that starts a process, and how its imports are isolated.
STARTS = {
    "harness/tracking/worker.py": ["subprocess.Popen"],  # children.command and environment
    "harness/tracking/ui/__init__.py": ["subprocess.Popen"],  # children.command and environment
    "harness/schedule/child.py": ["subprocess.run"],  # children.command and environment
    "harness/schedule/ray/gpu_probe.py": ["multiprocessing.get_context"],  # children.isolate
    "harness/data/prepare/probe_pool.py": ["subprocess.Popen"],  # children.command and environment
    "harness/data/prepare/copies/copy.py": [
        "ProcessPoolExecutor",
        "get_context",
    ],  # children.isolate
    "harness/data/start_method.py": [
        "multiprocessing.get_context",
        "multiprocessing.get_context",
    ],  # forks, or a fork server that inherits the isolation of the run
    "harness/schedule/local_ranks.py": [
        "multiprocessing.get_context"
    ],  # inherits the isolation of the run
    "harness/schedule/ray/session.py": ["ray.init"],  # children.isolate, in a folder of Python
    "harness/provenance/machine.py": ["subprocess.run"],  # git, no Python
}
STARTERS = (
    "subprocess.", "os.exec", "os.spawn", "os.posix_spawn", "os.fork", "multiprocessing.Process",
    "multiprocessing.get_context", "get_context", "ProcessPoolExecutor", "elastic_launch",
    "ray.init", "mp.spawn", "start_processes", "multiprocessing.spawn", "asyncio.create_subprocess",
)  # fmt: skip


@pytest.fixture
def theirs(tmp_path):
    """Return a folder of somebody else, full of modules that nobody should run."""
    for name in NAMES:
        (tmp_path / f"{name}.py").write_text(TRAP)
    (tmp_path / "harness.py").write_text("")  # a module of ours is not theirs either
    return tmp_path


def started(words, folder, **changes):
    return subprocess.run(
        words, cwd=folder, env=os.environ | changes, capture_output=True, text=True, check=False
    )


def was_trapped(folder):
    return (folder / "RAN").exists()


def starts(source):
    """Return the calls of a source that start a process."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    return sorted(
        name
        for name in (ast.unparse(call.func) for call in calls)
        if name.startswith(STARTERS) and "(" not in name
    )


@pytest.mark.slow
def test_every_way_to_start_a_child_is_known():
    found = {
        str(path.relative_to(ROOT)): calls
        for path in sorted((ROOT / "harness").glob("**/*.py"))
        if (calls := starts(path.read_text()))
    }
    assert found == STARTS


@pytest.mark.parametrize("place", [place for place in STARTS if "machine" not in place])
def test_a_place_that_starts_python_isolates_it_or_says_why_not(place):
    if place in ("harness/data/start_method.py", "harness/schedule/local_ranks.py"):
        return
    source = (ROOT / place).read_text()
    explicit = "children.command(" in source and "children.environment()" in source
    assert explicit or "children.isolate()" in source
    assert "sys.executable" not in source


@pytest.mark.parametrize("path", ["", ":", ".", f":{ROOT}", f"{ROOT}:", f".:{ROOT}"])
def test_a_child_imports_nothing_from_its_folder_whatever_the_path_says(theirs, path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", path)
    program = f"import {', '.join(NAMES[:8])}, harness; print(harness.__file__)"
    done = subprocess.run(
        children.command("-c", program),
        cwd=theirs,
        env=children.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert not was_trapped(theirs), done.stderr
    assert done.stdout.strip() == str(ROOT / "harness" / "__init__.py")


def test_a_grandchild_is_isolated_too(theirs):
    program = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import uuid'])"
    subprocess.run(
        children.command("-c", program), cwd=theirs, env=children.environment(), check=True
    )
    assert not was_trapped(theirs)


def test_a_spawned_process_is_isolated(theirs):
    program = """
import multiprocessing
from harness.utils import children
children.isolate()
if __name__ == "__main__":
    child = multiprocessing.get_context("spawn").Process(target=print, args=("here",))
    child.start()
    child.join()
"""
    (theirs / "program.txt").write_text(program)
    done = started([sys.executable, "-P", "program.txt"], theirs, PYTHONPATH=str(ROOT))
    assert not was_trapped(theirs), done.stderr
    assert "here" in done.stdout


@pytest.mark.parametrize("path", [str(ROOT), f":{ROOT}"])
def test_the_command_given_in_a_folder_of_somebody_else_runs_none_of_its_modules(theirs, path):
    (theirs / "harness.py").unlink()
    program = "import sys; from harness.cli.main import main; sys.argv[1:] = ['list']; main()"
    for words in (["-m", "harness", "list"], ["-c", program]):
        done = started([sys.executable, *words], theirs, PYTHONPATH=path)
        assert not was_trapped(theirs), done.stderr
        assert "table_b" in done.stdout, done.stderr


@pytest.mark.slow
def test_the_writer_to_mlflow_runs_no_module_of_the_folder(theirs, monkeypatch):
    (theirs / "harness.py").unlink()
    monkeypatch.chdir(theirs)
    store = StoreProcess(tracking.store_uri(theirs / "results"), theirs / "results")
    store.run_task(Store.kill_unfinished)
    store.close()
    assert not was_trapped(theirs)


RAY = """
from harness.schedule.ray import session

def look(folder):
    import os, sys, uuid
    return folder in [os.path.abspath(entry) for entry in sys.path]

with session.connect(None) as nodes:
    import ray
    print(len(nodes), ray.get(ray.remote(look).remote(sys.argv[1])))
"""


@pytest.mark.slow
def test_a_worker_of_ray_runs_no_module_of_the_folder(theirs):
    (theirs / "harness.py").unlink()
    program = f"import sys\n{RAY}"
    words = [sys.executable, "-P", "-c", program, str(theirs)]
    done = started(words, theirs, PYTHONPATH=str(ROOT))
    assert not was_trapped(theirs), done.stderr
    assert done.stdout.strip().endswith("1 False"), done.stdout + done.stderr
