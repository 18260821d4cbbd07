"""Tables that are broken: each is named in a sentence, and the others go on."""

import io
import re
import sys
from dataclasses import replace

import pytest
from rich.console import Console

import experiments
from harness import launch, record, tables, zoo
from harness.cli.main import app
from harness.experiment import BrokenTableError
from harness.runtime import Runtime
from harness.tracking import store_uri
from tests.helpers.collected_tables import request
from tests.helpers.command_line import harness

GOOD = """
from dataclasses import replace
from experiments.recipes import I3D_R50, with_module
from harness.experiment import Experiment, Row
from harness.specs import TrainSpec
TRIAL = with_module(I3D_R50, "{module}", blocks={{"res5": (1,)}})
EXPERIMENT = Experiment(
    name="zz_mine",
    title="Mine",
    caption="",
    rows=(Row(label="plain", trial=I3D_R50), Row(label="mine", trial=TRIAL)),
)
"""
BROKEN = {
    "def f(:\n    pass": "does not load: SyntaxError: invalid syntax (line 1)",
    "import torchvison_": "does not load: ModuleNotFoundError: No module named 'torchvison_'",
    "\nfrom harness.specs import Nope": "does not load: ImportError: cannot import name 'Nope'",
    "x = 1\ny = x / 0": "does not load: ZeroDivisionError: division by zero (line 2)",
    "import sys\nsys.exit(3)": "does not load: SystemExit: 3 (line 2)",
    "raise RuntimeError('two\\nlines')": "does not load: RuntimeError: two lines (line 1)",
    "": "does not load: it has no EXPERIMENT = Experiment(...)",
    "EXPERIMENT = 'table'": "does not load: EXPERIMENT is no Experiment but a str",
    "EXPERIMENT = None": "does not load: EXPERIMENT is no Experiment but a NoneType",
    GOOD.format(module="se").replace('name="zz_mine"', 'name="table_b"'): (
        "holds the experiment 'table_b'; use one name"
    ),
    GOOD.format(module="se").replace("TRIAL = ", "TRAIN = TrainSpec(epochs='9')\nTRIAL = "): (
        "does not load: TypeError: TrainSpec.__init__() missing 2 required keyword-only"
    ),
    GOOD.format(module="se") + "replace(TRIAL.train, schedule='stepp')": (
        "does not load: TrainSpec: schedule='stepp' is not a choice; set one of step, cosine, "
        "one_cycle; did you mean 'step'? (line 13)"
    ),
    GOOD.format(module="see"): "zz_mine/mine: unknown module 'see'; did you mean 'se'?",
}


@pytest.fixture
def mine(tmp_path, monkeypatch):
    """Return a function that writes a table zz_mine beside those of the paper."""
    folder = tmp_path / "experiments"
    folder.mkdir()
    monkeypatch.setattr(experiments, "__path__", [*experiments.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, "experiments.zz_mine", raising=False)

    def write(text):
        (folder / "zz_mine.py").write_text(text)

    yield write
    sys.modules.pop("experiments.zz_mine", None)


def run(*words):
    app([str(word) for word in words], standalone_mode=False)


@pytest.mark.parametrize(("text", "said"), BROKEN.items(), ids=range(len(BROKEN)))
def test_a_broken_table_is_named_in_one_sentence_and_the_others_load(mine, text, said, capsys):
    mine(text)
    run("list")
    listed, warned = capsys.readouterr()
    assert re.search(r"^table_b +Position of the DSA module", listed, re.MULTILINE)
    assert len(listed.splitlines()) == len(experiments.names()) - 1
    assert said in warned
    assert len(warned.splitlines()) == 1
    with pytest.raises(BrokenTableError) as refused:
        tables.load("zz_mine")
    assert said in str(refused.value)


WRONG_SHAPE = """
from torch import nn


class Halved(nn.Module):
    def __init__(self, channels, *, num_snippets):
        super().__init__()

    def forward(self, x):
        return x[:, : x.shape[1] // 2]
"""


@pytest.fixture
def halved(mine, tmp_path, monkeypatch):
    """Write a table whose second row has a module that loses half of the channels."""
    (tmp_path / "zz_halved.py").write_text(WRONG_SHAPE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(zoo.MODULES, "halved", "zz_halved:Halved")
    monkeypatch.setattr("harness.provenance.code.network_hashes", lambda trial: {})
    monkeypatch.setattr("harness.provenance.code.hashes", lambda trial: {})
    mine(GOOD.format(module="halved"))
    yield
    sys.modules.pop("zz_halved", None)


@pytest.mark.slow
def test_a_module_of_a_wrong_shape_fails_its_own_table_in_a_sentence(halved, tmp_path):
    where = ["--results", tmp_path, "--data", tmp_path]
    for words in (["cost"], ["report", *where], ["plan", "--seeds", 1, *where]):
        with pytest.raises(BrokenTableError, match=r"^zz_mine/mine: \w+Error: \S"):
            run(words[0], "zz_mine", *words[1:])


@pytest.mark.slow
def test_a_module_of_a_wrong_shape_spoils_its_own_table_only(halved, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(experiments, "names", lambda: ["table_i", "zz_mine"])
    run("cost")
    counted, warned = capsys.readouterr()
    assert "table_i" in counted
    assert "zz_mine" not in counted
    assert warned.startswith("left out: zz_mine/mine: ")
    assert len(warned.splitlines()) == 1
    (tmp_path / "tables").mkdir()
    for name in ("table_i", "zz_mine"):
        (tmp_path / "tables" / f"{name}.md").write_text("")
    run("report", "--results", tmp_path, "--data", tmp_path)
    written, warned = capsys.readouterr()
    assert "Table (i)" in written
    assert warned.startswith("left out: zz_mine/mine: ")
    assert len(warned.splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [["list"], ["cost"], ["report"], ["plan", "--seeds", 1], ["doctor"], ["tradeoff"]],
    ids=lambda words: words[0],
)
@pytest.mark.parametrize("text", ["x = 1 / 0", GOOD], ids=["does not load", "wrong shape"])
def test_a_broken_table_among_named_ones_is_named_and_the_others_go_on(
    halved, mine, text, words, tmp_path
):
    if text != GOOD:
        mine(text)
    where = [] if words[0] in ("list", "cost") else ["--results", tmp_path]
    named = ("zz_mine", "table_i") if words[0] != "tradeoff" else ("zz_mine", "table_b")
    done = harness(*words, *named, *where)
    if words[0] == "list" and text == GOOD:  # it counts no network
        assert done.returncode == 0
        return
    if words[0] == "tradeoff":  # nothing is recorded
        assert done.returncode == 2
    else:
        assert any(word in done.stdout for word in ("table_i", "Table (i)", "table_a"))
        assert done.returncode == 1
    assert "zz_mine" in done.stderr
    assert done.stderr.count("left out: ") == 1


@pytest.mark.slow
def test_a_run_leaves_a_broken_table_out_and_ends_with_the_others(halved, tmp_path, data_root):
    runtime = Runtime(results=tmp_path / "results", data=data_root)
    requests = [
        replace(request(tables.load(name), tmp_path), rows=rows, seeds=1, runtime=runtime)
        for name, rows in {"zz_mine": (), "table_b": ("TSN R50 (2D)",)}.items()
    ]
    console = Console(file=io.StringIO())
    outcome = launch.run(
        requests, resources=None, tracking=store_uri(runtime.results), console=console
    )
    (sentence,) = outcome.left_out
    assert sentence.startswith("left out: zz_mine/mine: ")
    assert sentence in console.file.getvalue().replace("\n", " ")
    (written,) = outcome.outputs
    assert "Position of the DSA module" in written.markdown
    assert len(record.read_all(runtime.results)) == 1
    assert not (runtime.results / "declared" / "zz_mine.jsonl").exists()
    with pytest.raises(BrokenTableError, match=r"^zz_mine/mine: "):  # nothing else is left
        launch.run(requests[:1], resources=None, tracking="", console=console)


def test_a_table_is_found_in_whatever_case_and_its_rows_are_listed(capsys):
    run("list", "TABLE_B")
    listed = capsys.readouterr().out.splitlines()
    assert listed[0].startswith("table_b  Position")
    assert listed[1:3] == ["  TSN R50 (2D)", "  TSN+I3D R50"]


def test_a_row_that_is_not_named_is_asked_for_with_the_rows():
    with pytest.raises(ValueError, match=r"write TABLE/ROW with one of: TSN R50 \(2D\); TSN"):
        run("explain", "Table_B")
