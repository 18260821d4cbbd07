"""Settings of `python -m benchmarks training`: sizes and combinations of options."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from benchmarks.training.networks import NETWORKS, MemoryFormat, Variant, variants
from harness.specs import Precision

CPU_SIZES: dict[str, Any] = {
    "batch_videos": 2,
    "crop_px": 64,
    "stem_width": 16,
    "rounds": 5,
    "steps": 2,
    "largest_batch": 8,
    "compile": ("off",),  # compiling takes minutes a network
    "sides": (1024, 2048),
}
# In bfloat16, torch 2.15 trains wrongly on a CPU below 32 px.
TINY_SIZES: dict[str, Any] = CPU_SIZES | {
    "batch_videos": 1,
    "num_frames": 1,
    "crop_px": 32,
    "stem_width": 8,
    "rounds": 2,
    "steps": 1,
    "largest_batch": 2,
    "sides": (64,),
}


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Settings of the measurement; the defaults are sizes for a GPU.

    Attributes:
        device: `cpu`, `cuda`, or `cuda:<index>`.
        threads: CPU threads.
        networks: Names in `NETWORKS`.
        precisions: Element types of autocast.
        memory_formats: Of the weights.
        compile: `off`, `on`, or both.
        batch_videos: Videos in a step.
        num_frames: Frames of a snippet.
        crop_px: Side of the crop, pixels.
        stem_width: Channels of the stem, which gives all other widths.
        rounds: Times that each network takes its turn, at least 2.
        steps: Timed steps of a turn.
        largest_batch: Where the search for the best batch ends; None for what fits.
        sides: Of the square matrices whose product gives the peak.
    """

    device: str = "cpu"
    threads: int = 1
    networks: tuple[str, ...] = tuple(NETWORKS)
    precisions: tuple[Precision, ...] = ("float32", "bfloat16")
    memory_formats: tuple[MemoryFormat, ...] = ("as_built", "channels_last_3d")
    compile: tuple[Literal["off", "on"], ...] = ("off", "on")
    batch_videos: int = 12
    num_frames: int = 4
    crop_px: int = 224
    stem_width: int = 64
    rounds: int = 9
    steps: int = 5
    largest_batch: int | None = None
    sides: tuple[int, ...] = (8192, 16384)

    def __post_init__(self) -> None:
        if not re.fullmatch(r"cpu|cuda(:\d+)?", self.device):
            raise ValueError(f"device {self.device}: give cpu, cuda or cuda:<index>")
        least = {"batch_videos": 1, "num_frames": 1, "crop_px": 32, "stem_width": 8, "rounds": 2}
        for name, limit in (least | {"steps": 1, "threads": 1}).items():
            if getattr(self, name) < limit:
                raise ValueError(f"{name} = {getattr(self, name)}; it must be at least {limit}")
        if self.device == "cpu" and self.largest_batch is None:
            raise ValueError("on a CPU the search for the best batch needs an end: give --largest")

    def variants(self) -> list[Variant]:
        """List the ways in which networks are compared."""
        compiled = [word == "on" for word in self.compile]
        return variants(self.precisions, self.memory_formats, compiled)

    def batch_variant(self) -> Variant:
        """Return the way in which batches are tried; compiling each would take minutes."""
        return Variant(
            precision=self.precisions[-1], memory_format=self.memory_formats[-1], compiled=False
        )
