"""One instruction set on processors with AVX2 and with AVX-512, so that numbers agree: AVX2.

Kernels for wider registers add up in another order, and over some epochs that grows into other
guesses. Standard library only: every process passes here before it imports PyTorch.
"""

import os
from pathlib import Path

AVX2 = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
NAMES = (*AVX2, "DNNL_MAX_CPU_ISA")  # oneDNN reads its former name as well


def prefer_avx2(cpu_info: Path = Path("/proc/cpuinfo")) -> None:
    """Limit PyTorch and oneDNN to AVX2 on a processor with AVX-512, unless the user chose a limit.

    Args:
        cpu_info: What Linux says of the processors; elsewhere nothing is limited.
    """
    if "avx512f" in _flags(cpu_info) and not any(os.environ.get(name) for name in NAMES):
        os.environ.update(AVX2)


def _flags(cpu_info: Path) -> list[str]:
    """Return the flags of the first processor; none where they are not known."""
    try:
        with cpu_info.open(encoding="utf-8", errors="replace") as lines:
            return next((line.split() for line in lines if line.startswith("flags")), [])
    except OSError:
        return []
