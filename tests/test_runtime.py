import subprocess
import sys

import pytest

from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness import runtime, trial
from harness.runtime import Runtime

TRIALS = [desk(row.trial) for row in EXPERIMENT.rows]
FORBIDDEN = ("ray", "mlflow", "matplotlib", "pandas", "click", "rich", "scipy", "fvcore")


def test_docstrings_and_comments_do_not_change_the_code_hash():
    plain = "def f(x):\n    return x + 1\n"
    prose = '"""Module."""\n\n\ndef f(x):  # why\n    """Add."""\n    return x + 1\n'
    assert runtime._canonical(plain) == runtime._canonical(prose)
    assert runtime._canonical(plain) != runtime._canonical(plain.replace("1", "2"))


def test_a_new_name_in_a_registry_does_not_change_the_code_hash():
    before, after = 'MODULES = {"a": "x:A"}\n', 'MODULES = {"a": "x:A", "b": "y:B"}\n'
    assert runtime._canonical(before) == runtime._canonical(after)


def test_the_code_of_a_trial_is_what_it_names():
    reached = runtime.closure(["harness.trial"])
    assert {"harness.train", "harness.zoo.resnet", "harness.data.decode"} <= reached
    assert "harness.zoo.dsa" not in reached
    assert "harness.report" not in reached
    assert trial.code(TRIALS[3]) != trial.code(TRIALS[1])
    assert trial.code(TRIALS[3]) == trial.code(TRIALS[4])


def test_a_changed_module_is_named_and_specs_are_left_to_the_key(monkeypatch):
    before = trial.code(TRIALS[3])
    source = runtime._source
    monkeypatch.setattr(
        runtime, "_source", lambda name: source(name) + "\nX = 1\n" * (name == "harness.train")
    )
    after = trial.code(TRIALS[3])
    assert {name for name in before if before[name] != after[name]} == {"harness.train"}
    assert "harness.specs" not in before


def test_a_trial_needs_neither_ray_nor_mlflow(tmp_path):
    program = f"""
import sys
from pathlib import Path
sys.modules.update(dict.fromkeys({FORBIDDEN!r}))  # importing one of them fails
from experiments.table_b import EXPERIMENT
from harness import trial
from harness.runtime import Runtime
from tests.conftest import shrunk
root = Path({str(tmp_path)!r})
done = trial.run(shrunk(EXPERIMENT.rows[3].trial), Runtime(results=root, data=root), lambda h: None)
print(done.metrics["videos"])
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "12\n"


def test_provenance_names_no_user_host_or_path(tmp_path):
    found = runtime.provenance(Runtime(results=tmp_path, data=tmp_path, campaign="c"))
    assert set(found["libraries"]) >= {"torch", "av", "numpy"}
    assert found["campaign"] == "c"
    assert str(tmp_path) not in str(found)
    assert "/" not in str(found["processor"]).replace(" / ", "")


@pytest.mark.parametrize("device", ["cuda:7", "cuda:99"])
def test_a_gpu_that_is_not_there_is_refused(device):
    with pytest.raises(ValueError, match=f"device {device}: this machine has"):
        runtime.check_device(device)
