"""Kinds of cost, and the rules by which multiply-adds are counted.

Rule `mac+2bn` (fvcore in evaluation mode, which meets the printed figures): one multiply-add of a
convolution, a matrix product or a mix of snippets counts one, a batch norm two per output element,
everything else nothing. Rule `mac` leaves batch norm out.
"""

from collections.abc import Mapping
from typing import Literal

Kind = Literal["multiply-adds", "parameters"]
RULE = "mac+2bn"
BATCH_NORM_OPS: Mapping[str, int] = {"mac": 0, "mac+2bn": 2}
