import subprocess
import sys

import pytest

from harness import lock

HOLDER = """
import sys, time
from pathlib import Path
from harness import lock
with lock.held(Path(sys.argv[1]), what="running table_x"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_second_process_is_told_who_is_at_work(holder, tmp_path):
    message = rf"in use: running table_x since .* UTC by process {holder.pid} on "
    with pytest.raises(ValueError, match=message), lock.held(tmp_path, what="more"):
        pass


def test_a_killed_holder_frees_the_lock(holder, tmp_path):
    holder.kill()
    holder.wait()
    with lock.held(tmp_path, what="more"):
        pass


def test_the_lock_may_be_taken_again(tmp_path):
    for _ in range(2):
        with lock.held(tmp_path, what="one"):
            pass
