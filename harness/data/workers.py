"""Loader processes: started early, kept over all epochs; a failure is one sentence.

They start before this process pins memory: a lock that one of its threads holds at a fork is held
in the child for ever. So a trial has one set of them, for training and for every kind of test
views, and a request holds all that its example depends on.

A task is a chunk of a batch, a few videos: no process holds a whole batch, and all of them work on
the first batch of an epoch.
"""

import itertools
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Iterable, Iterator, MutableSequence
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, default_collate, get_worker_info

from harness.data import start_method
from harness.data.dataset import ClipDataset, ClipRequest, Example, TestExample, TrainExample
from harness.data.patient_reads import read_patiently
from harness.runtime import Runtime
from harness.utils.transient import TransientError

Chunk = list[Tensor] | list[TestExample]
_IDLE = -1
_DEATH_S = 5.0  # most that a killed process takes to end once it has closed its connection
_POLL_S = 30.0  # a death of its child is noticed at once in the main thread, any other this late
_TIMED_OUT = "DataLoader timed out"


class LoadingError(ValueError):
    """Loader processes died or hang."""


class StallError(LoadingError, TransientError):
    """Loader processes are alive, and no video comes."""


class Workers:
    """Loader processes that make chunks of batches; without any, this process makes them.

    Args:
        dataset: Examples by request.
        runtime: Device, number of processes, and timeout of a chunk.
        prefetch_chunks: Chunks made ahead of use; at least one for each process.
    """

    def __init__(self, dataset: ClipDataset, runtime: Runtime, *, prefetch_chunks: int = 1) -> None:
        self.dataset = dataset
        self.device = torch.device(runtime.device)
        self.timeout_s = runtime.loader_timeout_s if runtime.workers else 0
        self.processes: list[BaseProcess] = []
        self.sampler = _ChunkSampler()
        context = start_method.context() if runtime.workers else None
        self.current_videos = context.RawArray("q", [_IDLE] * runtime.workers) if context else []
        self.loader: DataLoader[Example | ValueError] = DataLoader(
            _MonitoredDataset(dataset, self.current_videos, runtime),
            batch_sampler=self.sampler,
            num_workers=runtime.workers,
            collate_fn=_collate,
            prefetch_factor=1 + -(-prefetch_chunks // runtime.workers) if runtime.workers else None,
            persistent_workers=runtime.workers > 0,
            multiprocessing_context=context,
            worker_init_fn=start_method.begin,
            timeout=min(_POLL_S, self.timeout_s),
            pin_memory=self.device.type == "cuda",
            # Without its own, it takes a number from the one that dropout draws from, and how
            # often depends on the number of processes.
            generator=torch.Generator(),
        )

    def start(self) -> None:
        """Start the processes, unless none are wanted or they already run."""
        if not len(self.current_videos) or self.processes:
            return
        before = multiprocessing.active_children()
        self.sampler.chunks = ()
        with start_method.main_module_hidden():
            for _ in self.loader:
                raise AssertionError("no requests give no chunk")
        self.processes = [p for p in multiprocessing.active_children() if p not in before]

    def chunks(self, requests: Iterable[list[ClipRequest]]) -> Iterator[Chunk]:
        """Yield a chunk for each list of requests; this ends the iterator of an earlier call.

        Raises:
            ValueError: If an example cannot be made; DamagedVideoError if a video cannot be read.
            LoadingError: If a process dies; StallError if no chunk comes in time.
        """
        self.start()
        self.sampler.chunks = requests
        pending = self.sampler.pending = deque()
        with self.translate_errors():
            chunks = iter(self.loader)
        while True:
            assert self.sampler.pending is pending, "another epoch has begun"
            with self.translate_errors():
                chunk = self._next(chunks)
            if isinstance(chunk, ValueError):
                raise chunk
            if chunk is None:
                return
            pending.popleft()
            yield chunk

    def _next(self, chunks: Iterator[Chunk | ValueError]) -> Chunk | ValueError | None:
        """Wait for a chunk, and check now and then that the processes are alive."""
        end = time.monotonic() + self.timeout_s
        while True:
            try:
                return next(chunks, None)
            except RuntimeError as error:
                can_wait = str(error).startswith(_TIMED_OUT) and time.monotonic() < end
                if not can_wait or self._dead_processes():
                    raise

    @contextmanager
    def translate_errors(self) -> Iterator[None]:
        """Turn a failure of the processes, which may surface anywhere, into one sentence.

        Raises:
            LoadingError: If a process died; StallError if no video came in time.
        """
        try:
            yield
        except (RuntimeError, ConnectionError, EOFError) as error:
            if not isinstance(error, RuntimeError):
                self._wait_for_death()
            self._raise_failure(str(error))
            raise

    def _raise_failure(self, message: str) -> None:
        """Raise the failure behind an error with this message, if one is known."""
        # A name for it would keep this frame, and the processes, until garbage is collected.
        for process in self._dead_processes():
            raise LoadingError(
                f"loader process {process.pid} {_describe_exit(process.exitcode or 0)}; "
                f"{self._videos_in_progress()}"
            ) from None
        if message.startswith(_TIMED_OUT):
            raise StallError(
                f"no video came within {self.timeout_s:g} s; {self._videos_in_progress()}"
            ) from None

    def _wait_for_death(self) -> None:
        """Wait for the exit code of a process that broke off a transfer: it closes files first."""
        end = time.monotonic() + _DEATH_S
        with suppress(RuntimeError):  # PyTorch raises it in the main thread at the death
            while not self._dead_processes() and time.monotonic() < end:
                time.sleep(0.01)

    def _dead_processes(self) -> list[BaseProcess]:
        return [process for process in self.processes if not process.is_alive()]

    def _videos_in_progress(self) -> str:
        requests = itertools.chain.from_iterable(self.sampler.pending)
        ids = {request.video_index: request.video.id for request in requests}
        names = [ids[index] for index in self.current_videos if index in ids]
        return f"videos being read: {', '.join(names) or 'none'}"


class _ChunkSampler(Sampler[list[ClipRequest]]):
    """Lists of requests, set before each epoch, and those whose chunks are pending."""

    def __init__(self) -> None:
        self.chunks: Iterable[list[ClipRequest]] = ()
        self.pending: deque[list[ClipRequest]] = deque()

    def __iter__(self) -> Iterator[list[ClipRequest]]:
        for chunk in self.chunks:
            self.pending.append(chunk)
            yield chunk


class _MonitoredDataset(Dataset[Example | ValueError]):
    """Examples, or the errors met; shows the parent which video each process reads.

    Args:
        dataset: Examples by request.
        current_videos: Shared by all processes: the index of the video that each one reads.
        runtime: Tries and waits of a video that storage does not deliver.
    """

    def __init__(
        self, dataset: ClipDataset, current_videos: MutableSequence[int], runtime: Runtime
    ) -> None:
        self.dataset = dataset
        self.current_videos = current_videos
        self.retries = runtime.io_retries
        # A process that waits must not look like one that hangs.
        share = runtime.loader_timeout_s / 2 / max(self.retries, 1)
        self.wait_s = min(runtime.io_wait_s, share or runtime.io_wait_s)

    def __getitem__(self, request: ClipRequest) -> Example | ValueError:
        worker = get_worker_info()
        if worker is not None:
            self.current_videos[worker.id] = request.video_index
        try:
            return read_patiently(
                lambda: self.dataset[request],
                request.video,
                retries=self.retries,
                wait_s=self.wait_s,
            )
        except ValueError as error:
            return error  # raised in a loader process, it would come with a traceback as its text
        finally:
            if worker is not None:
                self.current_videos[worker.id] = _IDLE


def _collate(examples: list[Example | ValueError]) -> Chunk | ValueError:
    """Stack training examples; leave test examples, which differ in size, as they are."""
    error = next((example for example in examples if isinstance(example, ValueError)), None)
    if error is not None:
        return error
    test_examples = [example for example in examples if isinstance(example, TestExample)]
    if test_examples:
        return test_examples
    stacked: list[Tensor] = default_collate(
        [tuple(example) for example in examples if isinstance(example, TrainExample)]
    )
    return stacked


def _describe_exit(exitcode: int) -> str:
    """Describe the end of a process."""
    if exitcode >= 0:
        return f"ended with exit code {exitcode}"
    return f"was killed by {signal.Signals(-exitcode).name}"
