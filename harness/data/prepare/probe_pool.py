"""Child processes that probe videos: each has a time and a memory limit, the dead are replaced."""

import contextlib
import json
import math
import os
import queue
import select
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from harness.data.gate import Limits
from harness.data.prepare import probe
from harness.data.prepare.video_facts import Facts
from harness.utils import children

_PROGRAM = Path(probe.__file__)
_START_TIMEOUT_S = 60.0
_POLL_S = 0.02
_CHUNK = 1 << 16


@dataclass(frozen=True, kw_only=True)
class ProbeSettings:
    """Settings of a check.

    Attributes:
        processes: Videos at a time.
        seconds: Time that one may take.
        memory_mb: Memory that one may take beyond what its process has, in megabytes.
        limits: What a video may claim.
        also: Folders besides that of the data set that the targets of links may lie in.
    """

    processes: int = 1
    seconds: float = 60.0
    memory_mb: int = 1000
    limits: Limits = field(default_factory=Limits)
    also: tuple[Path, ...] = ()


class ProbeProcess:
    """One child process, started when asked, and again after it died.

    Args:
        settings: Its limits.
        program: The script that it runs.
    """

    def __init__(self, settings: ProbeSettings, *, program: Path = _PROGRAM) -> None:
        self.settings = settings
        limits = {"limits": asdict(settings.limits), "seconds": settings.seconds}
        self.command = children.command(str(program), json.dumps(limits))
        self.environment = children.environment()
        self.child: subprocess.Popen[bytes] | None = None
        self.closed = False

    def ask(self, path: Path, root: Path, *, alone: bool = False) -> Facts:
        """Have one video probed.

        Args:
            path: The video.
            root: Folder that it must lie in.
            alone: Leave address space unlimited, and let only the memory in use decide: under a
                limit of address space a sound file can look damaged.
        """
        limit = None if alone else self.settings.memory_mb
        roots = [str(folder) for folder in (root, *self.settings.also)]
        job = {"path": str(path), "roots": roots, "memory_mb": limit}
        try:
            child = self._started()
            assert child.stdin is not None
            child.stdin.write(json.dumps(job).encode() + b"\n")
            room = resident_mb(child.pid) + self.settings.memory_mb
            return Facts(**json.loads(self._answer(child, self.settings.seconds, room)))
        except (_ProcessError, BrokenPipeError) as death:
            code = self._stop()
            return self._verdict(str(death), code)

    def kill(self) -> None:
        """End the child at once; whoever waits for its answer gets none, and starts no other."""
        self.closed = True
        if self.child is not None:
            self.child.kill()

    def close(self) -> None:
        """End the child and wait for it."""
        self.closed = True
        self._stop()

    def _started(self) -> subprocess.Popen[bytes]:
        if self.child is not None and self.child.poll() is None:
            return self.child
        self._stop()
        # A session of its own: Ctrl-C is for the parent, which then ends its children.
        self.child = subprocess.Popen(
            self.command,
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            start_new_session=True,
        )
        if self.closed:
            self.child.kill()
        if self._answer(self.child, _START_TIMEOUT_S, math.inf) != b"ready":
            raise RuntimeError(f"{self.command[2]} does not say that it is ready")
        return self.child

    def _answer(self, child: subprocess.Popen[bytes], seconds: float, room_mb: float) -> bytes:
        """Read one line, and watch the clock and the memory meanwhile."""
        assert child.stdout is not None
        deadline = time.monotonic() + seconds
        text = b""
        while not text.endswith(b"\n"):
            if select.select([child.stdout], [], [], _POLL_S)[0]:
                chunk = os.read(child.stdout.fileno(), _CHUNK)
                if not chunk:
                    raise _ProcessError("crashed")
                text += chunk
            elif resident_mb(child.pid) > room_mb:
                raise _ProcessError("out of memory")
            elif time.monotonic() > deadline:
                raise _ProcessError("hung")
        return text.strip()

    def _stop(self) -> int | None:
        child, self.child = self.child, None
        if child is None:
            return None
        child.kill()
        with child:
            return child.wait()

    def _verdict(self, death: str, code: int | None) -> Facts:
        if death == "hung":
            reason = f"it was not read within {self.settings.seconds:g} s"
            return Facts(verdict="hung", reason=reason)
        if death == "out of memory":
            reason = f"it needs more than {self.settings.memory_mb} MB"
            return Facts(verdict="out of memory", reason=reason)
        return Facts(verdict="crashed", reason=f"its reader died: {_describe_exit(code)}")


class _ProcessError(Exception):
    """The child died, or has to."""


def _describe_exit(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-code).name
    return f"exit code {code}"


def resident_mb(pid: int) -> float:
    """Return the memory that a process has in use; 0 where the system does not say."""
    try:
        pages = Path(f"/proc/{pid}/statm").read_text().split()[1]
    except (OSError, IndexError):
        return 0.0
    return int(pages) * os.sysconf("SC_PAGE_SIZE") / 1e6


def probe_all(
    paths: Iterable[Path],
    root: Path,
    settings: ProbeSettings,
    *,
    alone: bool = False,
    **worker: Any,
) -> Iterator[tuple[Path, Facts]]:
    """Probe many videos, in the order in which they are done.

    Args:
        paths: The videos.
        root: Folder that they must lie in.
        settings: Processes and limits.
        alone: One at a time, each without a limit of address space.
        **worker: Goes to `Worker`.
    """
    count = 1 if alone else settings.processes
    free: queue.SimpleQueue[ProbeProcess] = queue.SimpleQueue()

    def ask(path: Path) -> tuple[Path, Facts]:
        one = free.get()
        try:
            return path, one.ask(path, root, alone=alone)
        finally:
            free.put(one)

    with (
        _start_processes(count, settings, **worker) as workers,
        ThreadPoolExecutor(count) as threads,
    ):
        for probe in workers:
            free.put(probe)
        try:
            yield from _map_bounded(threads, ask, paths, 2 * count)
        finally:
            threads.shutdown(wait=False, cancel_futures=True)
            for probe in workers:
                probe.kill()


@contextlib.contextmanager
def _start_processes(
    count: int, settings: ProbeSettings, **worker: Any
) -> Iterator[list[ProbeProcess]]:
    with contextlib.ExitStack() as stack:
        processes = [contextlib.closing(ProbeProcess(settings, **worker)) for _ in range(count)]
        yield [stack.enter_context(process) for process in processes]


def _map_bounded(threads: ThreadPoolExecutor, ask: Any, paths: Iterable[Path], most: int) -> Any:
    """Keep a few videos waiting, not the whole list."""
    waiting: set[Future[tuple[Path, Facts]]] = set()
    for path in paths:
        waiting.add(threads.submit(ask, path))
        if len(waiting) >= most:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            yield from (future.result() for future in done)
    while waiting:
        done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
        yield from (future.result() for future in done)
