"""Trials of a results folder as a data frame; needs no PyTorch."""

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from harness.exchange.places import Identity, Places, freshness, identity
from harness.experiment import Experiment
from harness.record import Record
from harness.utils.atomic import write_atomic

PARQUET = "trials.parquet"
FIRST_COLUMNS = (
    *("table", "row", "network", "networks", "scale", "seed", "state", "in_table"),
    *("data_set", "top1", "top5", "map", "videos"),
)


def trials_frame(records: Sequence[Record], tables: Sequence[Experiment]) -> pd.DataFrame:
    """Return one line per trial and table row that it serves, in the order of the tables.

    A trial that no table needs has one line, without table and row. `state` is `fresh`, `stale`
    (made by other code than this) or `unknown`; `in_table` says whether the row shows the trial,
    and not one on a newer copy of the data.

    Args:
        records: Of one results folder.
        tables: Tables whose rows are named.
    """
    places, newest = Places(tables), _newest_passports(records)
    lines: list[dict[str, Any]] = []
    for record in records:
        is_newest = newest[identity(record.trial)] == record.passport
        facts = _facts(record)
        for place in places.of(record):
            served = asdict(place)
            del served["margin"]
            lines.append(served | facts | {"in_table": is_newest})
        if not places.of(record):
            lines.append(facts | {"in_table": False})
    frame = pd.DataFrame(lines)
    columns = list(dict.fromkeys((*FIRST_COLUMNS, *map(str, frame))))
    whole = {name: "Int64" for name in columns if _is_whole(lines, name)}
    return _sorted(frame.reindex(columns=columns).astype(whole), tables)


def _is_whole(lines: Sequence[Mapping[str, Any]], name: str) -> bool:
    """Return whether a column holds whole numbers alone, some of which may be missing."""
    return {type(line.get(name)) for line in lines} | {type(None)} == {int, type(None)}


def _facts(record: Record) -> dict[str, Any]:
    """Return a record as one flat line; provenance has a prefix."""
    trial = record.trial
    finished = pd.Timestamp(record.finished_ms, unit="ms", tz="UTC")
    return {
        "scale": trial["scale"],
        "seed": trial["seed"],
        "state": freshness(record),
        "data_set": trial["data"]["name"],
        **record.metrics,
        "videos": int(record.metrics["videos"]),
        "videos_listed": record.data.get("listed", {}).get("test"),
        "backbone": trial["model"]["backbone"],
        "module": trial["model"]["module"],
        "epochs": trial["train"]["epochs"],
        "batch_videos": trial["train"]["batch_videos"],
        "lr": float(trial["train"]["lr"]),
        "params": record.params,
        "gmacs": record.gmacs,
        "counting_rule": record.counting_rule,
        "seconds": record.seconds,
        "finished": finished,
        "key": record.key,
        "passport": record.passport,
        "code": record.code_hash,
        "scores_sha256": record.scores_sha256,
        **_flat("provenance", record.provenance),
    }


def _flat(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{prefix}.{name}"
        flat |= _flat(path, value) if isinstance(value, Mapping) else {path: value}
    return flat


def _newest_passports(records: Sequence[Record]) -> dict[Identity, str]:
    """Return for every trial the copy of the data that its table shows: the one used last."""
    ordered = sorted(records, key=lambda record: record.finished_ms)
    return {identity(record.trial): record.passport for record in ordered}


def _sorted(frame: pd.DataFrame, tables: Sequence[Experiment]) -> pd.DataFrame:
    order = {
        (table.name, row.label): number
        for number, (table, row) in enumerate((t, row) for t in tables for row in t.rows)
    }
    places = zip(frame["table"], frame["row"], strict=True)
    ranked = frame.assign(_rank=[order.get(place, len(order)) for place in places])
    by = ["_rank", "scale", "network", "seed", "key"] if len(frame) else ["_rank"]
    return ranked.sort_values(by, ignore_index=True).drop(columns="_rank")


def write_parquet(results: Path, records: Sequence[Record], tables: Sequence[Experiment]) -> Path:
    """Write the trials of a results folder to `trials.parquet`; equal records give equal bytes."""
    frame = trials_frame(records, tables)
    buffer = io.BytesIO()
    frame.apply(_of_one_type).to_parquet(buffer, engine="pyarrow", index=False)
    write_atomic(results / PARQUET, buffer.getvalue())
    return results / PARQUET


def _of_one_type(column: "pd.Series[Any]") -> "pd.Series[Any]":
    """Return a column whose values of several types, or lists, are JSON: Parquet has one type."""
    kinds = {type(value) for value in column.dropna()}
    if column.dtype != object or (len(kinds) < 2 and not kinds & {list, tuple, dict}):
        return column
    return column.map(lambda value: None if value is None else json.dumps(value))
