"""A trial, and its forms as JSON."""

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from harness.specs.fields import check_fields
from harness.specs.parts import DataSpec, EvalSpec, ModelSpec, TrainSpec
from harness.specs.rules import OneOf, Within, whole_as_int

Scale = Literal["paper", "desk", "own"]
Seed = Annotated[int, Within(at_least=0, below=2**63)]

_OPTIONS = (("data", "options"), ("model", "backbone_options"), ("model", "module_options"))
_REAL_OPTIONS = ("beta",)  # 1.0 in the keys of published records, where other options are 1


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A network to train and score with one seed; the key of its record is a hash of it.

    Attributes:
        data: Videos and clips.
        model: Network.
        train: Optimiser and schedule.
        evaluation: Views of test videos.
        seed: Of weights, batches and clips.
        scale: At which the other fields are written.
        ablates: Fields that the table of this trial ablates, which a scale leaves as they are. No
            part of the trial: neither compared nor in `as_dict`.
    """

    data: DataSpec
    model: ModelSpec
    train: TrainSpec
    evaluation: EvalSpec
    seed: Seed = 0
    scale: Scale = "paper"
    ablates: tuple[str, ...] = dataclasses.field(default=(), compare=False)

    def __post_init__(self) -> None:
        check_fields(self)


def check_path(path: str) -> None:
    """Check that a path such as `model.blocks` names a field of a trial, or what is below one.

    Raises:
        ValueError: If it does not.
    """
    kind: Any = Trial
    for name in path.split("."):
        if not dataclasses.is_dataclass(kind):
            return
        kinds = {field.name: field.type for field in dataclasses.fields(kind)}
        try:
            kind = kinds[str(OneOf(tuple(kinds))(name))]
        except ValueError as error:
            raise ValueError(
                f"ablates={path!r} names no field of a trial: {name!r} {error}"
            ) from None


def as_dict(trial: Trial) -> dict[str, Any]:
    """Return a trial as JSON holds it: nested dictionaries and lists, equal numbers spelt alike."""
    plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(trial), allow_nan=False))
    del plain["ablates"]
    for part, field in _OPTIONS:
        options = plain[part][field]
        plain[part][field] = {name: _spell(name, value) for name, value in options.items()}
    return plain


def _spell(name: str, value: Any) -> Any:
    if isinstance(value, list):
        return [_spell(name, item) for item in value]
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return float(value) if name in _REAL_OPTIONS else whole_as_int(value)


def from_dict(plain: Mapping[str, Any]) -> Trial:
    """Return a trial from the dictionary of `as_dict`.

    Raises:
        ValueError: If its fields are not those of this version, or a value is not allowed.
    """
    values = _to_tuples(plain)
    try:
        return Trial(
            **{
                **values,
                "data": DataSpec(**values["data"]),
                "model": ModelSpec(**values["model"]),
                "train": TrainSpec(**values["train"]),
                "evaluation": EvalSpec(**values["evaluation"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"trial of another version, with other fields: {error}; run it again"
        ) from error


def _to_tuples(value: Any) -> Any:
    """Return a value of JSON with its lists as tuples."""
    if isinstance(value, Mapping):
        return {name: _to_tuples(item) for name, item in value.items()}
    return tuple(map(_to_tuples, value)) if isinstance(value, list) else value
