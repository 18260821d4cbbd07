"""Sound records: their numbers are those that their scores, their trial and their network give."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from harness import record, video_scores
from harness.cost import cache
from harness.cost.cache import RULES, Count
from harness.provenance import code
from harness.record import Record
from harness.specs import from_dict
from harness.training import metrics
from harness.video_scores import TOP_K, BadScoresError

_POINTS = 1e-3  # scores are kept in single precision
_SHARE = 1e-9  # of a cost, which JSON keeps in double precision
_sound: set[tuple[object, ...]] = set()


class UnsoundRecordError(BadScoresError):
    """A record that contradicts its scores, its trial or its network."""


def read_sound(results: Path, key: str) -> Record:
    """Return a record after comparing all of its metrics with its scores.

    Raises:
        ValueError: If something does not fit; names the file.
    """
    path = results / "records" / f"{key}.json"
    found = record.read(results, key)
    if found is None:
        raise ValueError(f"{path} is missing")
    scored = video_scores.read(results, found)
    _check_metrics(path, found, metrics.summary(scored.scores, scored.targets))
    _check_epochs(path, found)
    _check_cost(path, found)
    return found


def check(results: Path, records: Iterable[Record]) -> None:
    """Compare records with what is quickly known of them: each once in a process.

    Shares of videos are compared where the scores are there. Costs are compared for records of this
    version's code, and for networks whose counts are kept.

    Raises:
        BadScoresError: For the first record that does not fit; names its file.
    """
    for found in records:
        numbers = (*found.metrics.items(), found.params, found.gmacs, len(found.history))
        identity = (results, found.key, found.scores_sha256, *numbers)
        if identity not in _sound:
            _check(results, found)
            _sound.add(identity)


def _check(results: Path, found: Record) -> None:
    path, scores = record.paths(results, found)
    _check_epochs(path, found)
    _check_cost(path, found)
    if scores.exists():
        scored = video_scores.read(results, found)
        shares = {
            name: metrics.top_k(scored.scores, scored.targets, k=k) for name, k in TOP_K.items()
        }
        _check_metrics(path, found, shares)


def _check_metrics(path: Path, found: Record, given: Mapping[str, float]) -> None:
    for name, value in given.items():
        if name in found.metrics and abs(found.metrics[name] - value) > _POINTS:
            raise UnsoundRecordError(
                f"{path} says {name} {found.metrics[name]:.4f}, but its scores give {value:.4f}; "
                "delete it to run its trial again",
                found.key,
            )


def _check_epochs(path: Path, found: Record) -> None:
    """Refuse a loss curve of another length than the trial's."""
    if "train" not in found.trial:  # given weights were scored, not trained
        return
    epochs = found.trial["train"]["epochs"]
    if [entry["epoch"] for entry in found.history] != list(range(1, epochs + 1)):
        raise UnsoundRecordError(
            f"{path} has a curve of {len(found.history)} epochs, but its trial has {epochs}, from "
            "1 on; delete it to run its trial again",
            found.key,
        )


def _counted(found: Record) -> Count | None:
    """Return the kept count of a record's network; None for other code, which may count another."""
    try:
        trial = from_dict(found.trial)
        is_current = found.code == code.hashes(trial)
    except (ValueError, TypeError, KeyError):  # of another version, or with a module of its own
        return None
    return cache.kept(trial) if is_current else None


def _check_cost(path: Path, found: Record) -> None:
    """Refuse a record of this version's code whose cost is not that of its network."""
    counted = _counted(found)
    if counted is None:
        return
    macs = counted.under(found.counting_rule) if found.counting_rule in RULES else 0
    if found.params != counted.params or abs(found.gmacs * 1e9 - macs) > _SHARE * macs:
        raise UnsoundRecordError(
            f"{path} says {found.params:,} parameters and {found.gmacs} GMACs, but its network has "
            f"{counted.params:,} and {macs / 1e9}; delete it to run its trial again",
            found.key,
        )
