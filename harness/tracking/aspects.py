"""Which aspects of a trial's answers are right, for the places that show metrics."""

from pathlib import Path

from harness import video_scores
from harness.data.datasets import desk_recipe
from harness.record import Record
from harness.video_scores import BadScoresError


def aspect_shares(results: Path, record: Record) -> dict[str, float]:
    """Return the percentage right in each aspect; none but with scores of desk videos."""
    if record.trial["data"]["name"] not in desk_recipe.RECIPES:
        return {}
    try:
        return video_scores.aspect_shares(results, record)
    except BadScoresError:
        return {}  # a report names them
