"""Processes that end with whoever started them, however that ends."""

import ast
import contextlib
import subprocess
import sys

import psutil
import pytest

from tests.helpers.sockets import process_tree
from tests.helpers.tracking_stores import ROOT, wait_until

# Programs, and how many processes each has started when the file "at work" is there.
PARENTS = {
    "processes that copy videos": (
        3,  # one of them tracks what multiprocessing shares
        """
from harness.data.prepare.copies import copy
at_work.touch()
with copy._map(time.sleep, [600, 600], 2) as copies:
    list(copies)
""",
    ),
    "the server of harness ui": (
        1,
        """
from harness.tracking import store_uri, ui
with ui.run_server(at_work.parent, store_uri(at_work.parent), ui.free_port()):
    at_work.touch()
    time.sleep(600)
""",
    ),
    "a child that is asked something, and its own child": (
        2,
        """
from harness.schedule import child
inner = f'''
import pathlib, time
from harness.utils.process import exit_with_starter
exit_with_starter()
pathlib.Path({str(at_work)!r}).touch()
time.sleep(600)
'''
child.ask(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])", limit_s=600)
""",
    ),
    "a process that is measured": (
        2,
        """
from benchmarks.child import in_child
at_work.touch()
in_child(time.sleep, 600)
""",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("parent", "killed"),
    # The child that is asked is killed when its time is over.
    [
        *((parent, 0) for parent in PARENTS),
        ("a child that is asked something, and its own child", 1),
    ],
)
def test_no_process_outlives_the_one_that_started_it(results, parent, killed):
    count, body = PARENTS[parent]
    at_work = results / "at work"
    head = f"import time\nfrom pathlib import Path\nat_work = Path({str(at_work)!r})\n"
    with subprocess.Popen([sys.executable, "-c", head + body], cwd=ROOT) as process:
        try:
            wait_until(lambda: at_work.exists() and len(process_tree(process.pid)) > count)
            started = [psutil.Process(pid) for pid in process_tree(process.pid)[1:]]
            [psutil.Process(process.pid), *started][killed].kill()
            process.wait()
        finally:
            process.kill()
    wait_until(lambda: not any(is_alive(child) for child in started))


def is_alive(process):
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE
    return False


def targets(source):
    """Yield the names of the functions that processes of multiprocessing begin with."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            starter = ast.unparse(node.func)
            given = {word.arg: ast.unparse(word.value) for word in node.keywords}
            if starter.endswith("Process") and "target" in given:
                yield given["target"]
            if starter.endswith("ProcessPoolExecutor"):
                yield given.get("initializer", "nothing")


@pytest.mark.parametrize("package", ["harness", "benchmarks"])
def test_every_process_of_multiprocessing_begins_with_watching_its_parent(package):
    found = {}
    for path in (ROOT / package).glob("**/*.py"):
        source = path.read_text()
        bodies = {
            node.name: ast.unparse(node)
            for node in ast.parse(source).body
            if isinstance(node, ast.FunctionDef)
        } | {"exit_with_parent": "exit_with_parent()"}
        for name in targets(source):
            found[path.name, name] = "exit_with_parent()" in bodies.get(name, "")
    assert found
    assert all(found.values()), found
