"""A power analysis as text, claim by claim."""

from textwrap import fill

from harness.plan import grid
from harness.plan.power.analysis import (
    MAX_SIMULATED_SEEDS,
    SIMULATED,
    ClaimPower,
    Gap,
    PowerAnalysis,
)
from harness.stats.power import MAX_SEEDS


def power_text(analysis: PowerAnalysis) -> str:
    """Return a power analysis as lines of at most 100 characters."""
    lines = [fill(_head(analysis), width=80, break_on_hyphens=False, subsequent_indent="  ")]
    for claim in analysis.claims:
        sentence = f"  {claim.claim} ({claim.kind}, {claim.origin}): {_sentence(claim, analysis)}"
        lines.append(fill(sentence, width=80, break_on_hyphens=False, subsequent_indent="    "))
        lines += [f"    {_gap_sentence(gap, analysis)}" for gap in claim.gaps]
    return "\n".join(lines)


def _head(analysis: PowerAnalysis) -> str:
    if not analysis.trains:
        return f"{analysis.table}: nothing is trained; its claims are decided by counting"
    spread = analysis.spread
    scatter = f"standard deviation between seeds {spread.points:.2f}, {spread.source}"
    if analysis.smallest is None:
        return f"{analysis.table}: 1 seed per row says nothing of others ({scatter})"
    return (
        f"{analysis.table}: {analysis.seeds} seeds per row show a gap of "
        f"{_points(analysis.smallest)} points with 80 % power, or of "
        f"{_points(analysis.smallest_corrected)} after Holm's correction "
        f"over the {analysis.family} comparisons of all tables, on these "
        f"{analysis.test_videos:,} videos ({scatter}){grid.run_once_text(analysis.rows_run_once)}"
    )


def _points(gap: float | None) -> str:
    return f"{gap:.2f}" if gap is not None and gap <= 100 else "over 100"


def _sentence(claim: ClaimPower, analysis: PowerAnalysis) -> str:
    if claim.power is None:
        return f"{claim.word}: {claim.reason}" if claim.reason else claim.word
    most = MAX_SIMULATED_SEEDS if claim.kind in SIMULATED else MAX_SEEDS
    needed = claim.seeds_needed or f"over {most:,}"
    seeds = "seed" if analysis.seeds == 1 else "seeds"
    return (
        f"{claim.word}: power {100 * claim.power:.0f} % with {analysis.seeds} {seeds} per row; "
        f"80 % takes {needed} seeds"
    )


def _gap_sentence(gap: Gap, analysis: PowerAnalysis) -> str:
    one, other = gap.printed
    return (
        f"printed {one} against {other} ({gap.rows[0]} against {gap.rows[1]}): {gap.gap:+.1f} "
        f"points, {abs(gap.videos):,.3g} videos of {analysis.test_videos:,}"
    )
