"""Tables and networks from outside the repository: found, named, hashed, refused in a sentence."""

import multiprocessing
import shlex
import shutil
import sys
from importlib.metadata import EntryPoint

import pytest

from experiments.scales import desk
from harness import tables
from harness.cli.main import app
from harness.cost.count import count
from harness.experiment import BrokenTableError
from harness.plan.workspace import find_table_row
from harness.provenance import code
from harness.record import trial_key
from harness.runtime import Runtime
from harness.schedule.attempt import run_attempt
from harness.tables import offers, own_names
from harness.utils import own_code
from harness.zoo import MODULES
from tests.helpers.command_line import harness
from tests.helpers.own_code import GATE, TABLE, write


@pytest.fixture(autouse=True)
def _no_table_of_another_test():
    yield
    tables.forget()


def gate_of(path):
    return desk(tables.load(str(path)).rows[1].trial)


def test_a_file_is_a_table_under_its_own_name(tmp_path, capsys):
    path = write(tmp_path)
    app(["list", str(path)], standalone_mode=False)
    listed = capsys.readouterr().out.splitlines()
    assert listed == ["my_table  Gated shift (2 rows)", "  plain", "  gate"]
    tables.load(str(path))
    assert tables.load("MY_TABLE").name == "my_table"
    assert "my_table" in tables.names()
    experiment, row = find_table_row(f"{path}/gate")
    assert (experiment.name, row.label) == ("my_table", "gate")
    tables.forget()
    assert "my_table" not in tables.names()
    assert "my_gate.py:Gate" not in MODULES


NORMED = (
    GATE.replace(
        "        self.shifted =",
        "        self.norm, self.scale = nn.GroupNorm(1, channels), Scale(channels)\n"
        "        self.shifted =",
    ).replace("return self.mix(", "return self.scale(self.norm(x)) + self.mix(")
    + """

class Scale(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels, 1, 1, 1))

    def forward(self, x):
        return x * self.weight

    def macs(self, output):
        return 0
"""
)


SEEN = "Gate as torch.utils.flop_counter sees it run, element-wise products not counted"
SCALED = GATE.replace(
    "        self.shifted =",
    "        self.scale = nn.Parameter(torch.ones(channels, 1, 1, 1))\n        self.shifted =",
).replace("return self.mix(", "return self.scale * self.mix(")


@pytest.mark.slow
def test_a_scale_beside_a_convolution_counts_its_parameters_alone(tmp_path):
    plain, scaled = (
        count(tables.load(str(write(tmp_path / name, gate=gate))).rows[1].trial)
        for name, gate in {"plain": GATE, "scaled": SCALED}.items()
        if not tables.forget()
    )
    assert scaled.macs == plain.macs
    assert scaled.params == plain.params + 512


@pytest.mark.slow
@pytest.mark.parametrize(
    ("gate", "how"),
    [
        (GATE, SEEN),
        (
            NORMED,
            f"{SEEN}; Scale by its own macs(); GroupNorm by its parameters alone",
        ),
    ],
    ids=["seen", "declared and free"],
)
def test_the_cost_of_own_layers_says_how_it_was_counted(tmp_path, gate, how, capsys):
    path = write(tmp_path, gate=gate)
    app(["cost", str(path)], standalone_mode=False)
    plain, own = capsys.readouterr().out.splitlines()
    assert "counted:" not in plain
    assert own.endswith(f"  counted: {how}")
    app(["report", str(path), "--results", str(tmp_path / "results")], standalone_mode=False)
    written = capsys.readouterr().out.replace("\\", "")
    assert f"gate: its own layers were counted: {how}." in written


def test_its_claims_and_ours_are_corrected_apart(tmp_path):
    mine, ours = tables.load(str(write(tmp_path))), tables.load("table_b")
    everything = (mine, ours, tables.load("table_c"))
    assert tables.family_of(mine, everything) == (mine,)
    assert tables.family_of(ours, everything) == everything[1:]


@pytest.mark.slow
@pytest.mark.parametrize(
    "written", ["my_gate.py:Gate", "sub/../my_gate.py:Gate", "{}/my_gate.py:Gate"]
)
def test_neither_key_nor_code_depends_on_the_folder(tmp_path, written):
    (tmp_path / "one" / "sub").mkdir(parents=True)
    first = gate_of(write(tmp_path / "one", module=written.format(tmp_path / "one")))
    codes = code.hashes(first)
    assert {"Gate", "SHARE", "SCALE", "run", "ResNet"} <= set(codes)
    tables.forget()
    second = gate_of(write(tmp_path / "two" / "deeper"))
    assert second.model.module == "my_gate.py:Gate"
    assert trial_key(first, "p") == trial_key(second, "p")
    assert codes == code.hashes(second)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "before", "after", "changed"),
    [
        ("my_gate.py", "SHARE = 1 / 4", "SHARE = 1 / 8", "SHARE"),
        ("my_layers.py", "SCALE = 1.0", "SCALE = 2.0", "SCALE"),
        ("my_gate.py", "dims=1", "dims=2", "Gate"),
    ],
)
def test_a_change_of_own_code_changes_the_hash_of_its_definition(
    tmp_path, file, before, after, changed
):
    path = write(tmp_path)
    old = code.hashes(gate_of(path))
    text = (tmp_path / file).read_text()
    (tmp_path / file).write_text(text.replace(before, after) + "\n# a remark\n")
    new = code.hashes(gate_of(path))
    assert {name for name in old if old[name] != new.get(name)} == {changed}
    assert code.places(gate_of(path))[changed] == file.removesuffix(".py")


@pytest.mark.slow
def test_what_was_read_is_what_runs_and_what_is_hashed(tmp_path):
    trial = gate_of(write(tmp_path))
    codes = code.hashes(trial)
    shutil.rmtree(tmp_path)
    assert code.hashes(trial) == codes
    sent = own_code.export()
    tables.forget()
    own_names.enable(trial, sent)  # as in another process, perhaps on another node
    assert code.hashes(trial) == codes
    assert own_names.has_own(trial)


def test_nothing_else_of_the_folder_can_be_imported_and_pythons_own_modules_are_meant(tmp_path):
    path = write(tmp_path)
    planted = "raise SystemExit('planted code ran')"
    for name in ("orjson", "uuid", "torch_extra", "numpy_typing"):
        (tmp_path / f"{name}.py").write_text(planted)
    path.write_text(path.read_text() + "\nimport uuid\n")
    (tmp_path / "__pycache__").mkdir()
    assert gate_of(path).model.module == "my_gate.py:Gate"
    assert str(tmp_path) not in sys.path
    assert set(own_code.sources()) == {"my_table", "my_gate", "my_layers"}


REFUSED = {
    "my_gte.py:Gate": "my_gte.py is not a file",
    "my_gate.py:Gatee": "unknown definition of my_gate.py 'Gatee'; did you mean 'Gate'?",
    "no_such_package.gates:Gate": "no_such_package.gates has no Python source here",
    "torch.nn:Identity": "belongs to a library; import it in a file of your own",
    "harness.zoo.modules.se:SE": "belongs to a library",
    "see": "unknown module 'see'; did you mean 'se'?",
    "sub folder/my gate.py:Gate": "cannot stand in a record",
}


@pytest.mark.parametrize(("module", "said"), REFUSED.items())
def test_a_name_that_leads_nowhere_is_one_sentence(tmp_path, module, said):
    path = write(tmp_path, module=module)
    with pytest.raises(BrokenTableError, match=r"^my_table/gate: ") as refused:
        tables.load(str(path))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)
    assert tables.load("table_b").name == "table_b"


def test_a_name_that_is_too_long_for_a_record_is_refused(tmp_path):
    long = f"{'a' * 193}.py:Gate"
    path = write(tmp_path, module=long)
    gate = (tmp_path / "my_gate.py").read_text()
    (tmp_path / long.removesuffix(":Gate")).write_text(gate)
    with pytest.raises(BrokenTableError, match="has 201 letters, and a record may have 200"):
        tables.load(str(path))
    shorter = long.removeprefix("a")
    (tmp_path / shorter.removesuffix(":Gate")).write_text(gate)
    path.write_text(path.read_text().replace(long, shorter))
    assert gate_of(path).model.module == shorter


BROKEN = {
    "class Gate: pass": "my_table.py does not load: it has no EXPERIMENT = Experiment(...)",
    "def f(:": "my_table.py does not load: SyntaxError: invalid syntax (line 1)",
    "x = 1\nimport torchvison_": (
        "my_table.py does not load: ModuleNotFoundError: No module named 'torchvison_' (line 2)"
    ),
    "EXPERIMENT = 3": "my_table.py does not load: EXPERIMENT is no Experiment but a int",
    TABLE.format(module="se").replace("my_table", "table_b"): (
        "my_table.py holds the experiment 'table_b', which is the name of a table of the harness"
    ),
    "from my_table_parts import X": "No module named 'my_table_parts'",
}


@pytest.mark.parametrize(("text", "said"), BROKEN.items(), ids=range(len(BROKEN)))
def test_a_broken_file_is_one_sentence(tmp_path, text, said):
    path = tmp_path / "my_table.py"
    path.write_text(text)
    with pytest.raises(BrokenTableError) as refused:
        tables.load(str(path))
    assert said in str(refused.value)


@pytest.mark.parametrize("name", ["nothing.py", "./nothing", "no/where.py"])
def test_a_file_that_is_missing_is_one_sentence(tmp_path, monkeypatch, name):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BrokenTableError, match=r"is not a file; name one that ends in \.py"):
        tables.load(name)


def test_a_table_in_this_folder_is_suggested(tmp_path, monkeypatch):
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"for the file in this folder write \./my_table\.py"):
        tables.load("my_table")


def test_two_files_or_tables_of_one_name_are_refused(tmp_path):
    tables.load(str(write(tmp_path / "one")))
    with pytest.raises(BrokenTableError, match="have the same name; rename one of them"):
        tables.load(str(write(tmp_path / "two")))
    other = tmp_path / "one" / "another_table.py"
    other.write_text(TABLE.format(module="se"))
    with pytest.raises(BrokenTableError, match=r"the name of a table of .*my_table\.py"):
        tables.load(str(other))


@pytest.mark.parametrize("name", ["random", "torch", "experiments"])
def test_a_file_that_would_hide_a_module_is_refused(tmp_path, name):
    write(tmp_path)
    (tmp_path / f"{name}.py").write_text(GATE)
    path = write(tmp_path, module=f"{name}.py:Gate")
    with pytest.raises(BrokenTableError, match=f"would hide the module {name}"):
        tables.load(str(path))


def test_a_file_of_experiments_is_the_table_of_that_name():
    import experiments

    assert tables.load(f"{experiments.__path__[0]}/table_b.py") == tables.load("table_b")


@pytest.mark.slow
def test_a_package_beside_the_file_is_followed(tmp_path):
    gate = GATE.replace("from my_layers import", "from my_lab.layers import")
    path = write(tmp_path, gate=gate)
    (tmp_path / "my_lab").mkdir()
    (tmp_path / "my_lab" / "layers.py").write_text("from .numbers import SCALE\n")
    (tmp_path / "my_lab" / "numbers.py").write_text("SCALE = 3.0\n")
    assert code.places(gate_of(path))["SCALE"] == "my_lab.numbers"
    from harness.utils.lookup import load_named

    assert load_named(MODULES, "my_gate.py:Gate", what="module").__name__ == "Gate"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Put a package on the path, as if it were installed."""
    folder = tmp_path / "site" / "zz_gates"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('imported')")
    (folder / "shift.py").write_text(GATE.replace("my_layers", "zz_gates.layers"))
    (folder / "layers.py").write_text("SCALE = 1.0\n")
    monkeypatch.syspath_prepend(folder.parent)


@pytest.mark.slow
def test_a_module_of_a_package_is_named_and_hashed_without_importing_it(tmp_path, package):
    trial = gate_of(write(tmp_path, module="zz_gates.shift:Gate"))
    assert trial.model.module == "zz_gates.shift:Gate"
    assert code.places(trial)["SCALE"] == "zz_gates.layers"


@pytest.mark.slow
def test_an_entry_point_gives_a_package_a_short_name(tmp_path, package, monkeypatch):
    found = {
        "dsanet_harness.modules": [
            EntryPoint("gated", "zz_gates.shift:Gate", "dsanet_harness.modules"),
            EntryPoint("se", "zz_gates.shift:Gate", "dsanet_harness.modules"),
        ]
    }
    monkeypatch.setattr(offers, "entry_points", lambda group: found.get(group, []))
    offers.installed.cache_clear()
    path = write(tmp_path, module="gated")
    assert code.places(gate_of(path))["Gate"] == "zz_gates.shift"
    warned = []
    tables.load_all(warned.append)
    expected = (
        "left out: entry point se of dsanet_harness.modules: the harness has this name itself"
    )
    assert warned == [expected]


@pytest.mark.parametrize(
    ("gate", "said"),
    [
        ("x.flatten(0, 1)", "returns ("),
        ("x[:, :1]", "my_gate.py:Gate returns ("),
        ("x[:, :, :1]", "a module keeps the shape"),
        ("(x,)", "my_gate.py:Gate returns tuple for ("),
        ("undefined", "my_gate.py:Gate does not run: NameError: name 'undefined' is not defined"),
    ],
)
def test_a_module_of_a_wrong_shape_fails_its_trial_in_a_sentence(tmp_path, gate, said):
    start, _, _ = GATE.partition("        y = x.unflatten")
    trial = gate_of(write(tmp_path, gate=f"{start}        return {gate}\n"))
    failure = attempt(trial, tmp_path)
    assert said in failure
    assert "\n" not in failure


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (", *, num_snippets, share=SHARE", "", "unknown option of my_gate.py:Gate 'num_snippets'"),
        ("import torch\n", "import torch\nimport torchvison_\n", "No module named 'torchvison_'"),
    ],
)
def test_a_module_that_cannot_be_made_fails_its_trial_in_a_sentence(tmp_path, before, after, said):
    gate = GATE.replace(before, after).replace("* share", "* SHARE")
    assert said in attempt(gate_of(write(tmp_path, gate=gate)), tmp_path)


@pytest.mark.slow
def test_another_process_runs_the_code_that_the_driver_read(tmp_path):
    trial = gate_of(write(tmp_path))
    codes, planned = code.hashes(trial), Planned(trial)
    runtime = Runtime(results=tmp_path, data=tmp_path, own_code=own_code.export())
    for name in ("my_gate", "my_layers", "my_table"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the file as it is now ran')")
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        failure = pool.apply(run_attempt, (_say_what_runs, planned, runtime, print))
    assert failure.endswith(str(sorted(codes.items())))


def _say_what_runs(trial, *_):
    raise ValueError(str(sorted(code.hashes(trial).items())))


def attempt(trial, folder):
    """Return why a trial fails, of which nothing may be trained."""
    planned = Planned(trial)
    runtime = Runtime(results=folder, data=folder, own_code=own_code.export())
    return run_attempt(_ran, planned, runtime, lambda *_: None)


def _ran(*_):
    raise ValueError("it ran")


class Planned:
    key = "0" * 20

    def __init__(self, trial):
        self.trial = trial


ROWS = [
    ("table_b/DSA at II", "DSA at II"),
    ("TABLE_B/nothing", "nothing"),
    ("my_table.py/gate", "gate"),
    ("{folder}/my_table.py/a b/c", "a b/c"),
]


@pytest.mark.parametrize(("text", "row"), ROWS)
@pytest.mark.parametrize("command", ["run", "plan", "cost", "report"])
def test_a_row_where_tables_are_wanted_is_answered_with_the_words_that_name_it(
    tmp_path, monkeypatch, text, row, command
):
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    done = harness(command, text.format(folder=tmp_path))
    assert done.returncode == 2
    said = " ".join(done.stderr.split())
    assert "is a row, and this takes tables: name " in said
    assert said.endswith(f"take rows as --rows {shlex.quote(row)}")


def test_a_table_where_a_row_is_wanted_is_answered_with_its_rows():
    for command in ("why", "explain"):
        done = harness(command, "Table_B")
        assert done.returncode == 2
        assert "has no row; write TABLE/ROW with one of: " in " ".join(done.stderr.split())
