"""Measure training on a GPU: TSN, DSA, V4D, and DSA with the released grouped convolution.

`python -m benchmarks.training.run` needs torch, numpy, einops and jaxtyping only;
`python -m benchmarks training` is the same. docs/performance.md says what is measured, and how.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks.training import measurements
from benchmarks.training.measurements import Row, Say
from benchmarks.training.networks import NETWORKS
from benchmarks.training.setting import CPU_SIZES, TINY_SIZES, Setting
from benchmarks.training.text import text
from harness.provenance import machine
from harness.runtime import Runtime, check_device
from harness.utils import atomic

MISTAKE, INTERRUPTED = 2, 130
Measured = dict[str, Any]


def begin(setting: Setting, path: Path | None) -> Measured:
    """Return what a file holds of the same setting, or an empty measurement.

    Raises:
        ValueError: If the device is not there, or the file holds another setting or none.
    """
    check_device(setting.device)
    runtime = Runtime(results=Path(), data=Path(), device=setting.device, threads=setting.threads)
    made = machine.describe(runtime) | {"date": datetime.now(UTC).date().isoformat()}
    new = {"made": made, "setting": asdict(setting), "rows": {}}
    if path is None or not path.exists():
        return new
    return _checked(path, json.loads(json.dumps(new)))


def _checked(path: Path, new: Measured) -> Measured:
    try:
        found: Measured = json.loads(path.read_text(encoding="utf-8"))
        there, here = _conditions(found), _conditions(new)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is not an output of `benchmarks training`; give another file"
        ) from error
    for name, value in here.items():
        if there.get(name) != value:
            change = f"{name} was {there.get(name)} and is now {value}"
            raise ValueError(f"{path} holds another measurement: {change}; give another file")
    return found


def _conditions(measured: Measured) -> dict[str, Any]:
    """Return what must be equal for rows to stand in one table."""
    made = {name: measured["made"][name] for name in ("device", "processor", "libraries")}
    return {**measured["setting"], **made}


def fill(measured: Measured, setting: Setting, *, path: Path | None, say: Say) -> None:
    """Measure every row that is missing, and write the file after each.

    Raises:
        ValueError: If no network's batch fits.
    """
    torch.set_num_threads(setting.threads)
    torch.manual_seed(0)
    keep = partial(_keep, measured, path)
    say("peak: products of two bfloat16 matrices")
    peak = keep("peak", partial(measurements.peak, setting))["flop_per_second"]
    for variant in setting.variants():
        measure = partial(measurements.side_by_side, setting, variant, peak=peak, say=say)
        keep(str(variant), measure)
    for name in setting.networks:
        measurements.batches(name, setting, keep=keep, say=say)


def _keep(measured: Measured, path: Path | None, key: str, measure: Callable[[], Row]) -> Row:
    """Return the row of this name, measured now unless it was before."""
    rows: dict[str, Row] = measured["rows"]
    if key not in rows:
        rows[key] = measure()
        if path is not None:
            atomic.write_atomic(path, json.dumps(measured, indent=1).encode())
    return rows[key]


def read(words: Sequence[str]) -> tuple[Setting, Path | None]:
    """Return what a command line asks for, and the file that it names."""
    asked = vars(_parser().parse_args(words))
    path, tiny = asked.pop("json", None), asked.pop("tiny", False)
    small = CPU_SIZES if asked.get("device", "cpu") == "cpu" else {}
    sizes = TINY_SIZES if tiny else small
    given = {name: tuple(x) if isinstance(x, list) else x for name, x in asked.items()}
    return Setting(**(sizes | given)), path


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks training",
        description="Measure training steps: speed, memory, share of the peak, overhead over TSN.",
        argument_default=argparse.SUPPRESS,
    )
    add = parser.add_argument
    add("--device", help="cpu, cuda or cuda:<index>; sizes are small on a CPU")
    add("--json", type=Path, metavar="FILE", help="write after every row; go on where it ends")
    add("--tiny", action="store_true", help="tiny sizes, only to see that everything works")
    _add_choices(add)
    _add_sizes(add)
    return parser


def _add_choices(add: Callable[..., object]) -> None:
    add("--networks", nargs="+", choices=[*NETWORKS])
    add("--precision", dest="precisions", nargs="+", choices=["float32", "bfloat16"])
    formats = ["as_built", "channels_last_3d"]
    add("--memory-format", dest="memory_formats", nargs="+", choices=formats)
    add("--compile", nargs="+", choices=["off", "on"])


def _add_sizes(add: Callable[..., object]) -> None:
    add("--batch", dest="batch_videos", type=int, help="videos in a step")
    add("--frames", dest="num_frames", type=int, help="frames of a snippet")
    add("--crop", dest="crop_px", type=int, help="side of the crop, in pixels")
    add("--width", dest="stem_width", type=int, help="channels of the stem; 64 in the paper")
    add("--rounds", type=int, help="turns of each network")
    add("--steps", type=int, help="timed steps of a turn")
    add("--largest", dest="largest_batch", type=int, help="where the search for a batch ends")
    add("--threads", type=int, help="CPU threads")


def measure(words: Sequence[str]) -> None:
    """Do what a command line asks for; show what was measured, also when it is interrupted.

    Raises:
        ValueError: If it cannot be done.
    """
    setting, path = read(words)
    measured = begin(setting, path)
    try:
        fill(measured, setting, path=path, say=partial(print, file=sys.stderr, flush=True))
    finally:
        if measured["rows"]:
            print(text(measured))


def main() -> int:
    """Measure; return the exit code."""
    try:
        measure(sys.argv[1:])
    except (ValueError, OSError) as error:
        print(f"benchmarks training: {error}", file=sys.stderr)
        return MISTAKE
    except KeyboardInterrupt:
        print(
            "benchmarks training: interrupted; with --json FILE, the same command resumes the run",
            file=sys.stderr,
        )
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
