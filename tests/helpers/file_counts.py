"""Looks at files and openings of them by all processes of a trial, written down line by line."""

import functools
import multiprocessing
import os
import sys
from collections import Counter
from pathlib import Path

from harness.schedule import local_ranks

run_rank = local_ranks._run_rank


def run_trial(spec, runtime, folder):
    """Run a trial in ranks, in a driver of its own; return the counts of its processes.

    Args:
        spec: The trial.
        runtime: With its ranks.
        folder: Of the data set, whose files count.

    Returns:
        Process, action (`look` or `open`) and path within the folder, to their number. A process is
        `driver`, `rank 0`, or `rank 0 loader`, for all of its loader processes.
    """
    log = runtime.results.with_suffix(".log")
    driver = multiprocessing.get_context("spawn").Process(
        target=_drive, args=(spec, runtime, folder, log)
    )
    driver.start()
    driver.join()
    assert driver.exitcode == 0
    return Counter(tuple(line.split("\t")) for line in log.read_text().splitlines())


def _drive(spec, runtime, folder, log):
    _note_files("driver", folder, log)
    local_ranks._run_rank = functools.partial(_run_noted_rank, folder, log)
    local_ranks.run(spec, runtime, lambda _: None)


def _run_noted_rank(folder, log, number, *args):
    _note_files(f"rank {number}", folder, log)
    run_rank(number, *args)


def _note_files(name, folder, log):
    """Note what this process and those that it forks do with files in a folder."""
    descriptor = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    start, process = f"{folder}{os.sep}", os.getpid()

    def note(action, path):
        # Descriptors and paths in bytes are not those of videos.
        if isinstance(path, str | Path) and str(path).startswith(start):
            who = name if os.getpid() == process else f"{name} loader"
            line = "\t".join([who, action, str(path).removeprefix(start)])
            os.write(descriptor, f"{line}\n".encode())

    stat = os.stat

    def noted_stat(path, **named):
        note("look", path)
        return stat(path, **named)

    os.stat = noted_stat
    sys.addaudithook(lambda event, args: note("open", args[0]) if event == "open" else None)
