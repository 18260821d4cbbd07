"""A trial as plain values: the data, the model, training and evaluation.

Every setting that can change a number is here and enters the key of a trial; devices, workers and
paths are in `harness.runtime`. Values are checked where a specification is made. Standard library
only.
"""

from harness.specs.fields import check_choices, check_fields
from harness.specs.parts import (
    NAME,
    STAGES,
    Average,
    Blocks,
    Crops,
    DataSpec,
    EvalSpec,
    Grouping,
    ModelSpec,
    Option,
    Options,
    Position,
    Precision,
    Schedule,
    SnippetRule,
    TrainSpec,
)
from harness.specs.rules import Index, OneOf, Positive, Text, Within, recordable
from harness.specs.trial import Scale, Trial, as_dict, check_path, from_dict

__all__ = [
    "NAME",
    "STAGES",
    "Average",
    "Blocks",
    "Crops",
    "DataSpec",
    "EvalSpec",
    "Grouping",
    "Index",
    "ModelSpec",
    "OneOf",
    "Option",
    "Options",
    "Position",
    "Positive",
    "Precision",
    "Scale",
    "Schedule",
    "SnippetRule",
    "Text",
    "TrainSpec",
    "Trial",
    "Within",
    "as_dict",
    "check_choices",
    "check_fields",
    "check_path",
    "from_dict",
    "recordable",
]
