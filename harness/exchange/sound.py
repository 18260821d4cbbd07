"""Sound records: name, key, content, scores and metrics belong together."""

from pathlib import Path

from harness import record, video_scores
from harness.record import Record
from harness.specs import from_dict
from harness.training import metrics

_POINTS = 1e-3  # scores are kept in single precision


def read_sound(results: Path, key: str) -> Record:
    """Return a record after comparing it with its name, its trial and its scores.

    Raises:
        ValueError: If something does not fit; names the file.
    """
    path = results / "records" / f"{key}.json"
    found = record.read(results, key)
    if found is None:
        raise ValueError(f"{path} is missing")
    if found.key != key:
        raise ValueError(f"{path} holds the record {found.key}; give it that name")
    if _key(found) != key:
        raise ValueError(f"{path} holds another trial than its key is the hash of")
    scored = video_scores.read(results, found)
    for name, value in metrics.summary(scored.scores, scored.targets).items():
        if name in found.metrics and abs(found.metrics[name] - value) > _POINTS:
            raise ValueError(
                f"{path} says {name} {found.metrics[name]:.4f}, but its scores give {value:.4f}"
            )
    return found


def _key(found: Record) -> str:
    try:
        return record.trial_key(from_dict(found.trial), found.passport)
    except ValueError:  # of another version, whose hashes cannot be made here
        return found.key
