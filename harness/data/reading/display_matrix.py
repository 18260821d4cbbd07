"""Display matrices: rotation or mirroring by players. Decoders ignore them.

Source: ISO/IEC 14496-12, 6.2.2: (x, y) is shown at (a x + c y, b x + d y). Without torch.
"""

import struct
from typing import Any

Matrix = tuple[int, int, int, int]
STORED: Matrix = (1, 0, 0, 1)
_ONE = 1 << 16


def frame_matrix(frame: Any) -> Matrix | None:
    """Return a, b, c, d; None if the matrix is not made of quarter turns and mirrors."""
    side_data = frame.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return STORED
    a, b, _, c, d = struct.unpack_from("=5i", memoryview(side_data))
    matrix = (a // _ONE, b // _ONE, c // _ONE, d // _ONE)
    quarter = sorted(abs(value) for value in (a, b, c, d)) == [0, 0, _ONE, _ONE]
    return matrix if quarter and abs(matrix[0]) == abs(matrix[3]) else None
