"""A file of given weights: its tensors, its hash, and what it says of itself."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from torch import nn

from harness.data.passport import classes_sha256, file_sha256
from harness.record import Record
from harness.specs import ModelSpec, Trial, recordable
from harness.utils import escape, json_file
from harness.zoo.checkpoints.files import read_state_dict
from harness.zoo.given_weights import load_given

GIVEN = "given weights, not trained here"
METADATA = "harness"  # key of an exported file's own description
_FREE = ("weights", "dropout")  # of a model: neither changes a network that was trained


@dataclass(frozen=True, kw_only=True)
class GivenFile:
    """A file of weights, as a record names it.

    Attributes:
        name: File name.
        sha256: Hash of the whole file, in hexadecimal.
        family: Code base whose names its tensors have.
        num_tensors: Tensors that were loaded.
    """

    name: str
    sha256: str
    family: str
    num_tensors: int

    def provenance(self) -> dict[str, str | int]:
        """Return these facts as a record's provenance holds them."""
        return {f"file_{name}": value for name, value in asdict(self).items()}


def named_by(record: Record) -> GivenFile:
    """Return the file that a record of given weights names."""
    return GivenFile(
        **{each.name: record.provenance[f"file_{each.name}"] for each in fields(GivenFile)}
    )


def load(
    path: Path, trial: Trial, *, family: str | None = None, classes: tuple[str, ...] = ()
) -> tuple[nn.Module, GivenFile]:
    """Build the network of a trial with the weights of a file.

    Args:
        path: See `harness.zoo.checkpoints.files.read_state_dict`.
        trial: Network and number of classes.
        family: See `harness.zoo.given_weights.load_given`.
        classes: Names of the classes by label; empty if unknown.

    Raises:
        ValueError: If the file cannot be read, or holds another network.
    """
    _check_name(path)
    tensors = read_state_dict(path)
    _check_description(path, trial.model, classes)
    try:
        given = load_given(tensors, trial.model, trial.data, family=family)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    file = GivenFile(
        name=path.name,
        sha256=file_sha256(path),
        family=given.family,
        num_tensors=given.num_tensors,
    )
    return given.net, file


def describe(model: ModelSpec, classes_hash: str) -> dict[str, str]:
    """Return the description of exported weights: their network, and a hash of its classes."""
    body = {"model": _network(model), "classes": classes_hash}
    return {METADATA: json.dumps(body, sort_keys=True)}


def _network(model: ModelSpec) -> Mapping[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(asdict(model)))
    return {name: value for name, value in plain.items() if name not in _FREE}


def _check_name(path: Path) -> None:
    """Refuse a file whose name no record can hold."""
    try:
        recordable(path.name)
    except ValueError as error:
        raise ValueError(f"{path}: its name {error}; rename it") from None


def _check_description(path: Path, model: ModelSpec, classes: tuple[str, ...]) -> None:
    """Compare the description of an exported file with a network and with class names."""
    if path.suffix != ".safetensors":
        return
    body, wanted = _read_description(path), _network(model)
    for name, value in body.get("model", {}).items():
        if value != wanted.get(name):
            raise ValueError(
                f"{path} is of a network with {escape.name(f'{name}={value!r}')}, the row has "
                f"{wanted.get(name)!r}; name the row that was trained, with the same --width"
            )
    if classes and body.get("classes") not in (None, "", classes_sha256(classes)):
        raise ValueError(
            f"{path} was trained on other classes; name the data set that it was trained on"
        )


def _read_description(path: Path) -> Mapping[str, Any]:
    """Return what a file says of itself; nothing if `harness export` did not write it."""
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        text = (file.metadata() or {}).get(METADATA, "{}")
    try:
        body = json_file.loads(text.encode())
        fault = "" if _is_description(body) else "it describes no network"
    except ValueError as error:
        fault = str(error)
    if fault:
        raise ValueError(
            f"{path} has a damaged {METADATA!r} in its metadata: {fault}; export the weights again"
        )
    return dict(body)


def _is_description(body: Any) -> bool:
    return isinstance(body, dict) and isinstance(body.get("model", {}), dict)
