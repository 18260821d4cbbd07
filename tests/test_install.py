"""The wheel, installed in a folder of its own: tables are found, and nothing lies in the clone."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import runtime

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize(
    ("current", "home"), [("harness", ROOT), (".", ROOT), ("..", ROOT.parent), ("/", Path("/"))]
)
def test_results_and_data_lie_in_the_clone_within_it_and_else_in_the_current_folder(
    monkeypatch, current, home
):
    for variable in ("HARNESS_RESULTS", "HARNESS_DATA"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.chdir(ROOT / current)
    assert runtime.default_results() == home / "results" / "local"
    assert runtime.default_data() == home / "data"


def test_variables_name_the_folders(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HARNESS_RESULTS", "mine")
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "videos"))
    assert runtime.default_results() == tmp_path / "mine"
    assert runtime.default_data() == tmp_path / "videos"


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """Build the wheel and unpack it, as pip would; return the folder of its packages."""
    uv = shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not at hand to build a wheel")
    folder = tmp_path_factory.mktemp("wheel")
    tree = folder / "tree"
    tree.mkdir()
    for name in ("harness", "experiments", "benchmarks"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tree)
    words = [uv, "build", "--wheel", "--offline", "--out-dir", str(folder), str(tree)]
    built = subprocess.run(words, capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"no build backend without a network: {built.stderr.splitlines()[-1:]}")
    (wheel,) = folder.glob("*.whl")
    shutil.unpack_archive(wheel, folder / "site-packages", format="zip")
    return folder / "site-packages"


@pytest.mark.slow
def test_the_wheel_works_in_any_folder_and_needs_no_clone(installed, tmp_path):
    (tmp_path / "my_table.py").write_text(
        "from dataclasses import replace\n"
        "from experiments.table_b import EXPERIMENT as PRINTED\n"
        "EXPERIMENT = replace(PRINTED, name='my_table', title='Mine', claims=())\n"
    )
    script = (
        "import sys; sys.path.insert(0, sys.argv.pop(1));"
        "from harness.cli.main import main; import harness; print(harness.__file__);"
        "sys.exit(main())"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-P", "-c", script, str(installed), *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    listed = run("list")
    assert listed[0] == str(installed / "harness" / "__init__.py")
    assert [line for line in listed if line.startswith("table_b  ")]
    assert run("--version")[-1].startswith("harness, version ")
    run("new", "module", "my_gate")
    run("report", "./my_table.py")
    assert (tmp_path / "results" / "local" / "tables" / "my_table.md").is_file()
    assert (tmp_path / "my_gate.py").is_file()
