"""Ray clusters of several nodes on this machine, in a process of their own."""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

from harness.nodes import ENVIRONMENT

PROGRAM = """
import sys
from ray._private.authentication.authentication_token_setup import ensure_token_if_auth_enabled
from ray.cluster_utils import Cluster
ensure_token_if_auth_enabled()
made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
others = [made.add_node(num_cpus=1) for _ in range(int(sys.argv[1]) - 1)]
print("address", made.address, flush=True)
names = sys.stdin.readline().split()
if names:
    lost = next(node for node in others if node.node_id.startswith(tuple(names)))
    made.remove_node(lost, allow_graceful=False)
    print("lost", flush=True)
    sys.stdin.readline()
made.shutdown()
"""


@contextlib.contextmanager
def of_nodes(count: int) -> Iterator[tuple[Any, str]]:
    """Start nodes of one processor each; yields their process and their address."""
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(count)],
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


def lose_a_node(process: Any, where: str) -> None:
    """End one of the nodes that an event names, but not the head, without a word to it."""
    process.stdin.write(" ".join(re.findall(r"\((\w+)\)", where)) + "\n")
    process.stdin.flush()
    while "lost" not in process.stdout.readline():
        pass
