"""Values as JSON whose names are stable, whatever the fields are called in Python."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def as_dict(value: "DataclassInstance", names: Mapping[str, str]) -> dict[str, Any]:
    """Return a dataclass as a dictionary, at every depth with some fields renamed.

    Args:
        value: A dataclass instance.
        names: Name of a field to its name in JSON.
    """
    return asdict(
        value,
        dict_factory=lambda items: {names.get(name, name): item for name, item in items},
    )
