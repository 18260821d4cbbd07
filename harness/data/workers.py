"""Loader processes: forked early, kept over all epochs, their failures told in one sentence.

They are forked while this process has neither touched a GPU nor pinned memory: a lock that one of
its threads holds then is held in the child for ever. So a trial has one set of them, for training
and for every kind of test views, and a key says all that its item depends on.

A task is a part of a batch, a few videos: a process holds no whole batch, and all of them work at
the first one of an epoch.
"""

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator, MutableSequence
from contextlib import contextmanager
from multiprocessing.process import BaseProcess

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate, get_worker_info

from harness.data.dataset import ClipDataset, ClipRequest, Example, TestExample, TrainExample
from harness.runtime import Runtime

Chunk = list[Tensor] | list[TestExample]
_IDLE = -1
_POLL_S = 30.0  # a death is noticed at once in the main thread, and this late in any other
_START_METHOD = "fork"
_TIMED_OUT = "DataLoader timed out"


class LoadingError(ValueError):
    """Loader processes died, or hang."""


class Workers:
    """Make parts of batches from keys in loader processes or, without any, in this one.

    Args:
        clips: Makes an item from a key.
        runtime: Device, number of processes, and how long to wait for a part.
        ahead: Parts that are made before anybody asks for them, at least one for each process.
    """

    def __init__(self, clips: ClipDataset, runtime: Runtime, *, ahead: int = 1) -> None:
        self.clips = clips
        self.device = torch.device(runtime.device)
        self.timeout_s = runtime.loader_timeout_s if runtime.workers else 0
        self.processes: list[BaseProcess] = []
        self.plan = _ChunkSampler()
        context = multiprocessing.get_context(_START_METHOD) if runtime.workers else None
        self.reading = context.RawArray("q", [_IDLE] * runtime.workers) if context else []
        self.loader: DataLoader[Example | ValueError] = DataLoader(
            _MonitoredDataset(clips, self.reading),
            batch_sampler=self.plan,
            num_workers=runtime.workers,
            collate_fn=_collate,
            prefetch_factor=1 + -(-ahead // runtime.workers) if runtime.workers else None,
            persistent_workers=runtime.workers > 0,
            multiprocessing_context=context,
            timeout=min(_POLL_S, self.timeout_s),
            pin_memory=self.device.type == "cuda",
            # Without its own, it takes a number from the one that dropout draws from, and how
            # often depends on the number of processes.
            generator=torch.Generator(),
        )

    def start(self) -> None:
        """Fork the processes, unless there are none or they are there."""
        if not len(self.reading) or self.processes:
            return
        before = multiprocessing.active_children()
        self.plan.parts = ()
        for _ in self.loader:
            raise AssertionError("no keys give no part")
        self.processes = [p for p in multiprocessing.active_children() if p not in before]

    def parts(self, keys: Iterable[list[ClipRequest]]) -> Iterator[Chunk]:
        """Yield a part for each list of keys; nothing comes of an earlier call after that.

        Raises:
            ValueError: If an item cannot be made; DamagedVideoError if a video cannot be read.
            LoadingError: If a process dies, or no part comes in time.
        """
        self.start()
        self.plan.parts = keys
        waiting = self.plan.waiting = deque()
        with self.explained():
            parts = iter(self.loader)
        while True:
            assert self.plan.waiting is waiting, "another epoch has begun"
            with self.explained():
                part = self._next(parts)
            if isinstance(part, ValueError):
                raise part
            if part is None:
                return
            waiting.popleft()
            yield part

    def _next(self, parts: Iterator[Chunk | ValueError]) -> Chunk | ValueError | None:
        """Wait for a part, and look now and then whether the processes live."""
        end = time.monotonic() + self.timeout_s
        while True:
            try:
                return next(parts, None)
            except RuntimeError as error:
                waits = str(error).startswith(_TIMED_OUT) and time.monotonic() < end
                if not waits or self._dead():
                    raise

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Tell a failure of the processes, which may surface anywhere, in one sentence.

        Raises:
            LoadingError: If a process died, or no video came in time.
        """
        try:
            yield
        except RuntimeError as error:
            failure = self._failure(str(error))
            if not failure:
                raise
            raise LoadingError(f"{failure}; {self._read_meanwhile()}") from None

    def _failure(self, said: str) -> str:
        for process in self._dead():
            return f"loader process {process.pid} {_describe_exit(process.exitcode or 0)}"
        return f"no video came within {self.timeout_s:g} s" if said.startswith(_TIMED_OUT) else ""

    def _dead(self) -> list[BaseProcess]:
        return [process for process in self.processes if not process.is_alive()]

    def _read_meanwhile(self) -> str:
        ids = {key.place: key.video.id for part in self.plan.waiting for key in part}
        read = [ids[place] for place in self.reading if place in ids]
        if not read:
            return "no video was being read"
        return f"being read {'was' if len(read) == 1 else 'were'} {', '.join(read)}"


class _ChunkSampler(Sampler[list[ClipRequest]]):
    """Lists of keys, set before each epoch, and those whose parts did not come yet."""

    def __init__(self) -> None:
        self.parts: Iterable[list[ClipRequest]] = ()
        self.waiting: deque[list[ClipRequest]] = deque()

    def __iter__(self) -> Iterator[list[ClipRequest]]:
        for part in self.parts:
            self.waiting.append(part)
            yield part


class _MonitoredDataset(Dataset[Example | ValueError]):
    """Items; what a process reads is told to the one that waits, and so is why it cannot.

    Args:
        clips: Makes an item from a key.
        reading: Shared by all processes: the place of the video that each one reads.
    """

    def __init__(self, clips: ClipDataset, reading: MutableSequence[int]) -> None:
        self.clips = clips
        self.reading = reading

    def __getitem__(self, key: ClipRequest) -> Example | ValueError:
        worker = get_worker_info()
        if worker is not None:
            self.reading[worker.id] = key.place
        try:
            return self.clips[key]
        except ValueError as error:
            return error  # raised in a loader process, it would come with a traceback as its text
        finally:
            if worker is not None:
                self.reading[worker.id] = _IDLE


def _collate(items: list[Example | ValueError]) -> Chunk | ValueError:
    """Stack training items; leave test items, which differ in size, as they are."""
    error = next((item for item in items if isinstance(item, ValueError)), None)
    if error is not None:
        return error
    tests = [item for item in items if isinstance(item, TestExample)]
    if tests:
        return tests
    stacked: list[Tensor] = default_collate(
        [tuple(item) for item in items if isinstance(item, TrainExample)]
    )
    return stacked


def _describe_exit(exitcode: int) -> str:
    """Say how a process ended."""
    if exitcode >= 0:
        return f"ended with exit code {exitcode}"
    return f"was killed by {signal.Signals(-exitcode).name}"
