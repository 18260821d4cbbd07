"""Sound records: those whose scores give their metrics."""

from pathlib import Path

from harness import record, video_scores
from harness.record import Record
from harness.training import metrics

_POINTS = 1e-3  # scores are kept in single precision


def read_sound(results: Path, key: str) -> Record:
    """Return a record after comparing its metrics with its scores.

    Raises:
        ValueError: If something does not fit; names the file.
    """
    path = results / "records" / f"{key}.json"
    found = record.read(results, key)
    if found is None:
        raise ValueError(f"{path} is missing")
    scored = video_scores.read(results, found)
    for name, value in metrics.summary(scored.scores, scored.targets).items():
        if name in found.metrics and abs(found.metrics[name] - value) > _POINTS:
            raise ValueError(
                f"{path} says {name} {found.metrics[name]:.4f}, but its scores give {value:.4f}"
            )
    return found
