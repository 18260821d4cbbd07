"""Too little memory, for real, and the largest batches of scoring at paper scale."""

from dataclasses import replace

import pytest
import torch

from experiments.kinetics400 import EXPERIMENT as KINETICS
from experiments.recipes import I3D_R50
from experiments.table_b import EXPERIMENT as TABLE_B
from harness import trial as trials
from harness.training import evaluate
from harness.training.view_limit import limit_views
from harness.zoo.build import build
from tests.gpu import MARKS
from tests.helpers import gpu_ranks
from tests.helpers.rank_processes import Batch

pytestmark = MARKS
LEFT = 12 * 2**30  # bytes: room for a few training videos, not for 24
SCORED = {
    f"{table.name}/{row.label}": row.trial
    for table in (KINETICS, TABLE_B)
    for row in table.rows
    if row.trial is not None
}


@pytest.mark.parametrize("where", ["forward", "backward"])
@pytest.mark.parametrize("ranks", [1, gpu_ranks.RANKS])
def test_each_rank_that_runs_out_of_memory_says_what_would_fit(ranks, where, tmp_path):
    for sentence in gpu_ranks.greedy_sentences(ranks, where, tmp_path):
        assert sentence.startswith("8 videos at a time do not fit into the ")
        assert "; 3 would: pass a smaller --batch" in sentence


def test_beside_a_ballast_a_batch_does_not_fit_and_the_size_that_does_is_found():
    free, _ = torch.cuda.mem_get_info()
    ballast = torch.empty(max(free - LEFT, 0), dtype=torch.uint8, device="cuda")
    spec = I3D_R50.data
    videos = 24
    net = build(replace(I3D_R50.model, weights=None), spec)
    clips = torch.zeros(
        videos, 1, spec.num_snippets, 3, spec.num_frames, spec.crop_px, spec.crop_px
    )
    sentence = gpu_ranks.memory_sentence(net, clips, "cuda:0")
    del ballast
    assert sentence.startswith(f"{videos} videos at a time do not fit into the ")
    assert "would: pass a smaller --batch" in sentence
    assert "nor would one" not in sentence


@pytest.mark.parametrize("name", SCORED)
def test_the_largest_batch_of_scoring_fits(name, capsys):
    trial = SCORED[name]
    views, data = trial.evaluation, trial.data
    num_views = views.num_passes * views.num_crops
    snippets = views.pass_snippets or data.num_snippets
    limit = limit_views(*trials.on_meta(trial, views.pass_snippets))
    videos = max(min(trial.train.batch_videos, limit.views) // num_views, 1)
    shape = (videos, num_views, snippets, 3, data.num_frames, views.crop_px, views.crop_px)
    batch = Batch(torch.zeros(shape, device="cuda"), torch.zeros(videos), torch.arange(videos))
    net = build(replace(trial.model, weights=None), data).cuda()
    allowed = limit.views
    torch.cuda.reset_peak_memory_stats()
    logits = evaluate.score_views(net, batch, trial.train.precision, limit)
    assert logits.shape == (videos, num_views, data.num_classes)
    assert logits.isfinite().all()
    peak = torch.cuda.max_memory_allocated() / 1e9
    with capsys.disabled():
        print(
            f"\n{name}: {videos * num_views} views, {limit.views} of {allowed} at a time, "
            f"peak {peak:.1f} GB"
        )
