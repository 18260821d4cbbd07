import subprocess
import sys

import pytest

from harness import runtime
from harness.provenance import machine
from harness.runtime import Runtime

FORBIDDEN = ("ray", "mlflow", "matplotlib", "pandas", "click", "rich", "scipy", "fvcore")


@pytest.mark.slow
def test_a_trial_needs_neither_ray_nor_mlflow(tmp_path):
    program = f"""
import sys
from pathlib import Path
sys.modules.update(dict.fromkeys({FORBIDDEN!r}))  # importing one of them fails
from experiments.table_b import EXPERIMENT
from harness import trial
from harness.runtime import Runtime
from tests.helpers.tiny_trials import shrunk
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
    found = machine.describe(Runtime(results=tmp_path, data=tmp_path, campaign="c"))
    assert set(found["libraries"]) >= {"torch", "av", "numpy"}
    assert found["campaign"] == "c"
    assert str(tmp_path) not in str(found)
    assert "/" not in str(found["processor"]).replace(" / ", "")


@pytest.mark.parametrize("device", ["cuda:7", "cuda:99"])
def test_a_gpu_that_is_not_there_is_refused(device):
    with pytest.raises(ValueError, match=f"device {device}: this machine has"):
        runtime.check_device(device)


def test_switches_that_exclude_each_other_are_refused(tmp_path):
    where = {"results": tmp_path, "data": tmp_path}
    with pytest.raises(ValueError, match="--compile and --activation-checkpointing exclude"):
        Runtime(**where, compiled=True, activation_checkpointing=True)
    with pytest.raises(ValueError, match="--checkpoint-every 0 is not a number of seconds above 0"):
        Runtime(**where, checkpoint_every_s=0.0)
