"""Scores of a trial, video by video, stored beside its record; those of several are fused."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int

from harness.data.datasets import desk_recipe
from harness.data.video import Video
from harness.record import FusedRecord, Record, parts_of, scores_path
from harness.stats import aspects
from harness.training import metrics
from harness.training.metrics import Scores, Targets, hits, multi_hot
from harness.utils import array_file, json_file
from harness.utils.array_file import Member
from harness.utils.json_file import BadFileError

CorrectVideos = Bool[np.ndarray, " N"]
TOP_K = {"top1": 1, "top5": 5}
_MAX_BYTES = 2**28  # of a scores file
_MAX_ID_BYTES = 4 * 1_000  # NumPy stores a character in four


@dataclass(frozen=True, kw_only=True)
class VideoScores:
    """Averaged scores of every test video, with labels and ids."""

    scores: Scores
    targets: Targets
    ids: tuple[str, ...]


class BadScoresError(BadFileError):
    """A scores file that is missing, or not that of its record.

    Attributes:
        key: Of the record.
    """

    def __init__(self, sentence: str, key: str) -> None:
        super().__init__(sentence)
        self.key = key


class NonFiniteScoresError(ArithmeticError):
    """Scores of a network that are infinite or NaN."""


def fuse(results: Path, parts: Sequence[Record]) -> FusedRecord:
    """Return the record of the averaged scores of several networks, all of one seed.

    Costs and times are sums. The network of the first part stands for the trial.

    Raises:
        BadScoresError: If scores are missing or altered, or are those of different videos.
    """
    keys, digests = ([getattr(part, name) for part in parts] for name in ("key", "scores_sha256"))
    fused = _fuse([read(results, part) for part in parts], parts)
    first, last = parts[0], max(parts, key=lambda part: part.finished_ms)
    return FusedRecord(
        key=hashlib.sha256(" ".join(keys).encode()).hexdigest()[: len(first.key)],
        trial=first.trial,
        passport=first.passport,
        code={name: digest for part in parts for name, digest in part.code.items()},
        metrics=metrics.summary(fused.scores, fused.targets),
        params=sum(part.params for part in parts),
        gmacs=sum(part.gmacs for part in parts),
        counting_rule=first.counting_rule,
        history=last.history,
        scores_sha256=hashlib.sha256(" ".join(digests).encode()).hexdigest(),
        provenance=last.provenance,
        seconds=sum(part.seconds for part in parts),
        resumed_epochs=[],
        data=first.data,
        parts=tuple(parts),
    )


def _fuse(all_scores: Sequence[VideoScores], parts: Sequence[Record]) -> VideoScores:
    """Average the probabilities of several networks for each video."""
    first = all_scores[0]
    check_same_videos(all_scores, parts)
    probabilities = [
        _softmax(scored.scores)
        if part.trial["evaluation"]["average"] == "logits"
        else scored.scores
        for scored, part in zip(all_scores, parts, strict=True)
    ]
    return replace(first, scores=np.mean(probabilities, axis=0))


def check_same_videos(all_scores: Sequence[VideoScores], records: Sequence[Record]) -> None:
    """Check that several records were scored on the same videos in the same order.

    Raises:
        BadScoresError: If one differs from the first.
    """
    for scored, record in zip(all_scores, records, strict=True):
        if scored.ids != all_scores[0].ids:
            labels = ", ".join(dict.fromkeys((records[0].key, record.key)))
            raise BadScoresError(
                f"records {labels} hold scores of different videos; run them again",
                parts_of(record)[-1].key,
            )


def _softmax(logits: Scores) -> Scores:
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Scores = powers / powers.sum(axis=1, keepdims=True)
    return shares


def read(results: Path, record: Record) -> VideoScores:
    """Read the scores of a record; for a fused one, average those of its parts.

    Raises:
        BadScoresError: If they are missing, do not have the hash in the record, or do not have the
            form of scores of its videos and classes.
    """
    if isinstance(record, FusedRecord):
        return _fuse([read(results, part) for part in record.parts], record.parts)
    path, remedy = scores_path(results, record), "delete its record too, to run its trial again"
    try:
        content = json_file.read_bytes(path, max_bytes=_MAX_BYTES)
        if hashlib.sha256(content).hexdigest() != record.scores_sha256:
            raise BadFileError(f"{path} was altered")  # noqa: TRY301
        return _unpack(content, record)
    except FileNotFoundError:
        raise BadScoresError(f"{path} is missing; {remedy}", record.key) from None
    except BadFileError as error:
        raise BadScoresError(f"{error}; {remedy}", record.key) from None
    except ValueError as error:
        raise BadScoresError(f"{path} {error}; {remedy}", record.key) from None


def _unpack(content: bytes, record: Record) -> VideoScores:
    """Return scores once they are known to be those of the record's videos and classes."""
    videos, classes = int(record.metrics["videos"]), int(record.trial["data"]["num_classes"])
    arrays = array_file.unpack(
        content,
        {
            "scores": Member(kinds="f", shape=(videos, classes)),
            "labels": Member(kinds="iu", shape=(videos,)),
            "ids": Member(kinds="U", shape=(videos,), item_bytes=_MAX_ID_BYTES),
            # They are stored only if a video has several labels.
            "targets": Member(kinds="iu", shape=(videos, classes), is_optional=True),
        },
    )
    scores, labels = arrays["scores"], arrays["labels"]
    if not np.isfinite(scores).all():
        raise ValueError("holds scores that are no finite numbers")
    if labels.min() < 0 or labels.max() >= classes:
        raise ValueError(f"holds labels beyond its {classes} classes")
    targets = arrays["targets"] if "targets" in arrays else _targets(labels, scores)
    if not np.isin(targets, (0, 1)).all() or not targets[np.arange(videos), labels].all():
        raise ValueError("holds targets that contradict its labels")
    return VideoScores(scores=scores, targets=targets, ids=tuple(arrays["ids"].tolist()))


def _targets(labels: Int[np.ndarray, " N"], scores: Scores) -> Targets:
    num_classes = scores.shape[1]
    return multi_hot(labels[:, None].tolist(), num_classes=num_classes)


def correct_videos(scored: VideoScores, *, metric: str) -> CorrectVideos:
    """Return for every video whether it was classified correctly.

    Raises:
        ValueError: If the metric is not a share of videos.
    """
    if metric not in TOP_K:
        allowed = " and ".join(TOP_K)
        raise ValueError(f"{metric} is not a share of videos; claims can be about {allowed}")
    return hits(scored.scores, scored.targets, k=TOP_K[metric])


def aspect_shares(results: Path, record: Record) -> dict[str, float]:
    """Return which aspects of a record's answers are right, in percent; only desk videos have any.

    Raises:
        BadScoresError: If the scores are missing or altered.
    """
    scored = read(results, record)
    answers, labels = aspects.answers(scored.scores), scored.targets.argmax(axis=1)
    return aspects.shares(answers, labels, desk_recipe.ASPECTS)


def pack(scores: np.ndarray, videos: Sequence[Video]) -> bytes:
    """Return scores, ids and first labels as a file; with all labels if a video has several.

    Raises:
        NonFiniteScoresError: If a score is infinite or NaN.
    """
    if not np.isfinite(scores).all():
        wrong = int((~np.isfinite(scores)).any(axis=1).sum())
        raise NonFiniteScoresError(
            f"{wrong} of {len(scores)} test videos have scores that are not finite; train with a "
            "lower learning rate, or in float32"
        )
    packed = {
        "scores": scores.astype(np.float32),
        "labels": np.array([video.label for video in videos]),
        "ids": np.array([video.id for video in videos]),
    }
    if any(len(video.labels) > 1 for video in videos):
        labels = [video.labels for video in videos]
        packed["targets"] = metrics.multi_hot(labels, num_classes=scores.shape[1]).astype(np.int8)
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **packed)  # type: ignore[arg-type]
    return buffer.getvalue()
