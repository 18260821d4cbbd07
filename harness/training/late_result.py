"""Numbers on their way from a device, which computes the next step meanwhile."""

import torch
from torch import Tensor


class LateResult:
    """Numbers that a device may still compute; reading them waits for nothing launched later.

    Args:
        values: A vector of numbers on any device; never changed afterwards.
    """

    def __init__(self, values: Tensor) -> None:
        self._values = values.to("cpu", non_blocking=True)  # into pinned memory
        self._copied: torch.cuda.Event | None = None
        if values.is_cuda:
            self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self._copied.record(torch.cuda.current_stream(values.device))

    def read(self) -> list[float]:
        """Wait for the numbers and return them."""
        if self._copied is not None:
            self._copied.synchronize()
        numbers: list[float] = self._values.tolist()
        return numbers
