"""The model card beside exported weights: recipe, data, metrics, record and code."""

import json
from collections.abc import Mapping, Sequence
from shlex import join
from typing import Any

from harness.record import Record
from harness.utils import escape

_SCALES = {
    "desk": "Trained at desk scale: a small network on generated videos. Its accuracy is no "
    "estimate of a printed one.",
    "own": "Trained on terms of its user's own. Its accuracy is no estimate of a printed one.",
    "paper": "Trained by the recipe of the paper, as far as it is known.",
}
_PARTS = {
    "Network": "model",
    "Frames and crops": "data",
    "Training": "train",
    "Test views": "evaluation",
}


def text(
    finished: Record,
    *,
    rows: Sequence[str],
    use: Sequence[str],
    classes: Sequence[str],
    checked: str,
    files: Sequence[str],
    sha256: str,
) -> str:
    """Return the card as Markdown.

    Args:
        finished: Record of the trial.
        rows: Rows of tables that it belongs to, as TABLE/ROW.
        use: Row and terms that give its network, as words of `harness evaluate`.
        classes: Names by label; empty if unknown.
        checked: What was compared with the recorded scores.
        files: Names of the files; the weights first.
        sha256: Hash of the weights, in hexadecimal.
    """
    trial = finished.trial
    named = [escape.markdown(row) for row in rows]
    parts = [
        f"# {named[0] if rows else trial['model']['backbone']}",
        _SCALES[trial["scale"]],
        *((f"The same trial as {', '.join(named[1:])}.",) if rows[1:] else ()),
        _section("Accuracy on the test split", _metrics(finished)),
        _section("Cost", _cost(finished)),
        _section("Data", _data(finished)),
        _section("Origin", _origin(finished, checked, weights=f"{files[0]}, SHA-256 {sha256}")),
        *(_section(title, _flat(trial[part])) for title, part in _PARTS.items()),
        _usage(use, files),
        _classes(classes),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _section(title: str, facts: Mapping[str, Any]) -> str:
    lines = [f"| {escape.markdown(name)} | {_cell(value)} |" for name, value in facts.items()]
    return "\n".join([f"## {title}", "", "| | |", "|---|---|", *lines])


def _cell(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return escape.markdown(shown)


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return fields with those of nested mappings, each under its path."""
    return {
        path: leaf
        for name, value in values.items()
        for path, leaf in (
            ((f"{name}.{inner}", deep) for inner, deep in value.items())
            if isinstance(value, Mapping) and value
            else [(name, value)]
        )
    }


def _metrics(finished: Record) -> dict[str, Any]:
    return {
        name: value if name == "videos" else f"{value:.2f} %"
        for name, value in finished.metrics.items()
    }


def _cost(finished: Record) -> dict[str, str]:
    return {
        "parameters": f"{finished.params:,}",
        "GFLOPs per view": f"{finished.gmacs:.4g} ({finished.counting_rule})",
    }


def _origin(finished: Record, checked: str, *, weights: str) -> dict[str, Any]:
    provenance = finished.provenance
    return {
        "record": finished.key,
        "code": finished.code_hash,
        "commit": f"{provenance.get('commit')}{' with changes' * bool(provenance.get('dirty'))}",
        "initial weights": provenance.get("initial_weights", "unknown"),
        "weights": weights,
        "check": f"the weights {checked}",
    }


def _data(finished: Record) -> dict[str, Any]:
    counts = {
        f"{split} videos": f"{good:,} of {finished.data['listed'][split]:,} listed"
        for split, good in finished.data["good"].items()
    }
    return {"data set": finished.trial["data"]["name"], **counts, "passport": finished.passport}


def _usage(use: Sequence[str], files: Sequence[str]) -> str:
    words = escape.visible(join(use))
    lines = [
        f"harness evaluate {words} --weights {files[0]}",
        f"harness predict {words} --weights {files[0]} VIDEO",
    ]
    commands = "\n".join(("## Use", "", "```", *lines, "```"))
    programs = [
        f"`{name}` runs without this project: float32 clips (N U 3 T H W), normalised as "
        "`harness.data.transforms.normalise` does, to logits (N K)."
        for name in files[1:]
    ]
    return "\n\n".join((commands, *programs))


def _classes(classes: Sequence[str]) -> str:
    if not classes:
        return ""
    return "\n".join(("## Classes", "", *(f"{i}. {escape.line(c)}" for i, c in enumerate(classes))))
