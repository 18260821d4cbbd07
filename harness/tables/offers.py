"""Offers of installed packages as entry points, and definitions of sources."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from harness.utils.lookup import check_name
from harness.utils.own_code.imports import defined_names


@cache
def installed(kind: str) -> Mapping[str, EntryPoint]:
    """Return what installed packages offer: `modules`, `backbones`, `datasets`, `experiments`."""
    return {entry.name: entry for entry in entry_points(group=f"dsanet_harness.{kind}")}


def check_defined(text: str, name: str, where: str) -> None:
    """Refuse a name that a source does not define.

    Raises:
        ValueError: Names the nearest definition.
    """
    defined = defined_names(text)
    if defined is not None:
        public = [each for each in defined if not each.startswith("_") or each == name]
        check_name(name, public, what=f"definition of {where}")
