"""Results of `python -m benchmarks training` as text."""

from collections.abc import Iterator
from typing import Any

from benchmarks.training.setting import Setting

AIM = 1.02  # time of DSA over TSN
_LABELS = {"tsn": "TSN", "dsa": "DSA", "v4d": "V4D", "grouped": "DSA, grouped convolution"}
_HEAD = (
    f"{'':26}{'videos/s':>9}  {'quartiles':17}{'MB':>8}{'TFLOP/s':>9}{'of peak':>9}"
    f"{'time/TSN':>10}  quartiles"
)
ON_CPU = (
    "THIS IS A CPU: these figures show that the benchmark works, and say nothing about a GPU.\n"
    "Here a second is one of the processor, not of the clock."
)


def text(measured: dict[str, Any]) -> str:
    """Write tables: networks in every way they were run, then batches."""
    setting, rows = measured["setting"], measured["rows"]
    lines = [_conditions(measured), _peak(rows), ""]
    if setting["device"] == "cpu":
        lines += [ON_CPU, ""]
    for row in rows.values():
        if "networks" in row:
            lines += [*_variant(row), ""]
    if full_size(setting):
        lines += [*_aims(rows), ""]
    lines += _batches(rows, setting)
    return "\n".join(lines).rstrip()


def full_size(setting: dict[str, Any]) -> bool:
    """Return whether a setting is the paper's network on a GPU, to which the aim applies."""
    whole = Setting(device="cuda")
    sizes = ("num_frames", "crop_px", "stem_width")
    return setting["device"] != "cpu" and all(setting[x] == getattr(whole, x) for x in sizes)


def _conditions(measured: dict[str, Any]) -> str:
    made, setting = measured["made"], measured["setting"]
    where = made["processor"] if made["device"] == "cpu" else made["device"]
    return (
        f"{where}, torch {made['libraries']['torch']}, {made['date']}, {made['float32']} where no "
        f"other precision is named\n"
        f"I3D R50, stem of {setting['stem_width']} channels, 4 snippets of {setting['num_frames']} "
        f"frames of {setting['crop_px']} px, --batch {setting['batch_videos']}, --rounds "
        f"{setting['rounds']}, --steps {setting['steps']}, --threads {setting['threads']}"
    )


def _peak(rows: dict[str, Any]) -> str:
    if "peak" not in rows:
        return "bfloat16 peak: not measured"
    peak = rows["peak"]
    return f"bfloat16 peak: {_tera(peak)} TFLOP/s (product of matrices of side {peak['side']})"


def _tera(row: dict[str, Any]) -> str:
    return f"{row['flop_per_second'] / 1e12:.3g}"


def _variant(row: dict[str, Any]) -> Iterator[str]:
    yield _title(row)
    yield _HEAD
    for name, found in row["networks"].items():
        yield f"  {_LABELS[name]:24}{_network(found, row['ratios'].get(f'{name}/tsn'))}".rstrip()
    if beside := row["ratios"].get("grouped/dsa"):
        yield f"  time of the grouped convolution's DSA / ours: {_ratio(beside)}"


def _title(row: dict[str, Any]) -> str:
    return (
        f"{row['precision']}, weights {row['memory_format'].replace('as_', 'as ')}, "
        f"{'compiled' if row['compiled'] else 'eager'}"
    )


def _network(found: dict[str, Any], ratio: dict[str, float] | None) -> str:
    if "note" in found:
        return f"  {found['note']}"
    speed = found["videos_per_second"]
    spread = f"{speed['low']:.4g}–{speed['high']:.4g}"
    over = f"{ratio['median']:10.3f}  {ratio['low']:.3f}–{ratio['high']:.3f}" if ratio else ""
    return (
        f"{speed['median']:9.4g}  {spread:17}{found['peak_mb']:8.0f}{_tera(found):>9}"
        f"{found['peak_share']:9.1%}{over}"
    )


def _ratio(ratio: dict[str, float]) -> str:
    return f"{ratio['median']:.3f} ({ratio['low']:.3f}–{ratio['high']:.3f})"


def _aims(rows: dict[str, Any]) -> Iterator[str]:
    yield f"DSA's time over TSN's; the aim is at most {AIM - 1:.0%} more:"
    for row in rows.values():
        if ratio := row.get("ratios", {}).get("dsa/tsn"):
            yield f"  {_title(row):50}{_ratio(ratio)}  {verdict(ratio)}"


def verdict(ratio: dict[str, float]) -> str:
    """Return whether the aim is met: both quartiles must be on one side of it."""
    if ratio["high"] <= AIM:
        return "met"
    return "missed" if ratio["low"] > AIM else "undecided"


def _batches(rows: dict[str, Any], setting: dict[str, Any]) -> Iterator[str]:
    found = [row for row in rows.values() if "batch" in row]
    if not found:
        return
    way = {"precision": setting["precisions"][-1], "memory_format": setting["memory_formats"][-1]}
    yield f"videos/s (and peak MB) by videos in a step: {_title({**way, 'compiled': False})}"
    for name in dict.fromkeys(row["network"] for row in found):
        yield from _of_network(name, [row for row in found if row["network"] == name])


def _of_network(name: str, rows: list[dict[str, Any]]) -> Iterator[str]:
    fitted = {row["batch"]: row for row in rows if "note" not in row}
    speeds = {batch: row["videos_per_second"]["median"] for batch, row in fitted.items()}
    cells = [
        f"{batch}: {speeds[batch]:.4g} ({row['peak_mb']:.0f})" for batch, row in fitted.items()
    ]
    cells += [f"{row['batch']}: does not fit" for row in rows if "note" in row]
    best = f"; best {max(speeds, key=lambda each: speeds[each])}" if speeds else ""
    yield f"  {_LABELS[name]:24}  {', '.join(cells)}{best}"
