"""Ray clusters of several nodes on this machine, in a separate process."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from harness.schedule.ray.session import ENVIRONMENT

PROGRAM = """
import sys
from ray._private.authentication.authentication_token_setup import ensure_token_if_auth_enabled
from ray.cluster_utils import Cluster
ensure_token_if_auth_enabled()
head, *others = map(int, sys.argv[1:])
made = Cluster(initialize_head=True, head_node_args={"num_cpus": head})
others = [made.add_node(num_cpus=cpus) for cpus in others]
print("address", made.address, flush=True)
names = sys.stdin.readline().split()
if names:
    named = [each for each in others if each.node_id.startswith(tuple(names))]
    made.remove_node((named or others)[0], allow_graceful=False)
    print("lost", flush=True)
    sys.stdin.readline()
made.shutdown()
"""


@contextlib.contextmanager
def of_nodes(*cpus: int) -> Iterator[tuple[Any, str]]:
    """Start nodes with the given numbers of CPUs, the head first; yield process and address."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, cpus)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **ENVIRONMENT},
    )
    assert process.stdout is not None
    lines = iter(process.stdout.readline, "")
    try:
        yield process, next(line.split()[1] for line in lines if line.startswith("address "))
    finally:
        process.communicate("\n\n")


def lose_a_node(process: Any, where: str = "(any)") -> None:
    """Kill a node other than the head, without notice: one named by an event, if there is one."""
    process.stdin.write(" ".join(re.findall(r"\((\w+)\)", where)) + "\n")
    process.stdin.flush()
    while "lost" not in process.stdout.readline():
        pass
