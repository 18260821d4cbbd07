"""Tables on a user's own terms, and rows that a scale makes equal."""

import re
from dataclasses import replace

import pytest

import experiments
from experiments import load
from experiments.recipes import I3D_R50
from experiments.scales import Changes, desk, own
from experiments.table_b import EXPERIMENT
from harness.cli.main import app
from harness.cli.options import select_scale
from harness.experiment import COSTS, Claim, Experiment, Row
from harness.plan.request import Request
from harness.report import build, cells, table_csv
from harness.report import table as report_table
from harness.report.collect import collect
from harness.report.judge import JudgedTable, judge
from harness.runtime import Runtime
from harness.specs import TrainSpec
from tests.test_record import made

TABLE = replace(
    EXPERIMENT,
    rows=tuple(row for row in EXPERIMENT.rows if row.label in ("TSN+I3D R50", "DSA at I")),
    claims=(),
)
MINE = Changes(on="mine", num_classes=7, width=0.125, batch=8, crop=32)


def judged(experiment, rescale, tmp_path, *, scale="own", base="paper", records=()):
    request = Request(
        experiment=experiment,
        scale=scale,
        base=base,
        rescale=rescale,
        seeds=1,
        runtime=Runtime(results=tmp_path, data=tmp_path),
    )
    table = collect(request, records)
    return judge(table) if not records else JudgedTable(table=table, verdicts={}, claims=())


@pytest.mark.slow
def test_a_table_on_own_data_shows_what_ran_and_nothing_printed_of_other_videos(tmp_path):
    rescale = own(MINE)
    records = [made(rescale(row.trial), top1=33.3) for row in TABLE.rows]
    found = judged(TABLE, rescale, tmp_path, records=records)
    frame = cells.frame(found)
    assert not [name for name in frame if "printed" in name]
    assert list(frame["own top-1"]) == ["33.3 (1 seed, 12 videos)"] * 2
    assert all(float(params) < 1 for params in frame["Params (M)"])
    assert all(float(gflops) < 1 for gflops in frame["GFLOPs"])
    text = report_table.markdown(found)
    assert "Both of the network that ran." in text
    assert "32.04" not in text
    assert "81.4" not in text
    assert "81.4" not in table_csv.rows_csv(found)


@pytest.mark.slow
def test_own_terms_on_the_data_of_the_paper_keep_its_printed_accuracies(tmp_path):
    rescale = own(Changes(width=0.125))
    records = [made(rescale(row.trial)) for row in TABLE.rows]
    frame = cells.frame(judged(TABLE, rescale, tmp_path, records=records))
    assert list(frame["printed top-1"]) == ["78.0", "81.4"]
    assert all(float(params) < 1 for params in frame["Params (M)"])


def test_a_row_that_has_not_run_and_cannot_be_built_on_own_terms_spoils_no_other(tmp_path):
    other = next(
        row for row in load("activitynet").rows if row.trial.model.backbone == "inception_v3"
    )
    table = replace(TABLE, rows=(*TABLE.rows, other))
    rescale = own(MINE)
    records = [made(rescale(row.trial)) for row in TABLE.rows]
    frame = cells.frame(judged(table, rescale, tmp_path, records=records))
    assert [params == cells.GAP for params in frame["Params (M)"]] == [False, False, True]
    ran_too = [*records, made(rescale(other.trial))]
    with pytest.raises(ValueError, match=f"table_b/{re.escape(other.label)}: .*[Kk]ernel"):
        judged(table, rescale, tmp_path, records=ran_too)


@pytest.mark.slow
@pytest.mark.parametrize("name", experiments.names())
def test_a_table_of_which_nothing_ran_on_own_terms_is_written(tmp_path, name):
    found = judged(load(name), own(MINE), tmp_path)
    if not found.table.experiment.is_comparison:
        costs = [claim.word for claim in found.claims if claim.claim.metric in COSTS]
        assert set(costs) <= {"undecided"}
    written = {path.name for path in build.write(found).files}
    assert f"{name}-own.md" in written


def two_rates(first=0.015, second=0.03):
    rows = tuple(
        Row(label=f"lr {lr}", trial=replace(I3D_R50, train=replace(I3D_R50.train, lr=lr)))
        for lr in (first, second)
    )
    return Experiment(
        name="rates",
        title="Rates",
        caption="C",
        rows=rows,
        claims=(
            Claim(text="no difference", kind="same", rows=(rows[0].label, rows[1].label), limit=2),
            Claim(text="higher", kind="better", rows=(rows[1].label, rows[0].label)),
        ),
    )


def test_a_change_names_its_rows(tmp_path):
    changes = [
        line
        for line in report_table.notes(judged(two_rates(), own(Changes(batch=8)), tmp_path))
        if line.startswith("Changed")
    ]
    assert len(changes) == 2
    assert changes[0].endswith("train.norm_videos none for 12 (lr 0.015).")
    assert "train.lr 0.0025 for 0.03" in changes[1]
    assert changes[1].endswith("(lr 0.03).")
    notes = report_table.notes(judged(two_rates(), own(Changes(crop=32)), tmp_path))
    assert next(note for note in notes if note.startswith("Changed")).endswith("(all rows).")


def test_own_terms_at_desk_scale_are_beside_desk_scale(tmp_path):
    notes = report_table.notes(judged(TABLE, own(Changes(lr=0.01), "desk"), tmp_path, base="desk"))
    assert "Changed, beside desk scale: train.lr 0.01 for 0.05 (all rows)." in notes


def test_rows_that_desk_scale_makes_equal_say_so_and_no_claim_is_judged_on_them(tmp_path):
    table = two_rates()
    records = [made(desk(table.rows[0].trial), top1=50.0)]
    found = judged(table, desk, tmp_path, scale="desk", base="desk", records=records)
    assert "lr 0.015 and lr 0.03: same trial at desk scale." in report_table.notes(found)
    assert len(found.table.obstacles) == 2
    for verdict in found.table.obstacles.values():
        assert verdict.word == "not testable at desk scale"
        assert verdict.sentence.endswith("are the same trial at desk scale")
    assert not found.table.family
    paper = judged(table, lambda trial: trial, tmp_path, scale="paper")
    assert not paper.table.equal_rows


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"scale": "paper", "smoke": True}, "--smoke runs at desk scale, not at --scale paper"),
        ({"scale": "desk", "width": 0.5}, "--width changes a table at paper scale: add --scale"),
        ({"scale": "desk", "batch": 4, "lr": 1.0}, "--batch changes a table at paper scale"),
    ],
)
def test_an_option_of_another_scale_is_refused(words, said, tmp_path):
    with pytest.raises(ValueError, match=said):
        select_scale(data=tmp_path, **words)


@pytest.mark.parametrize("words", [["--smoke"], ["--lr", "0.1"], ["--epochs", "3"]])
@pytest.mark.parametrize("command", ["plan", "explain", "why"])
def test_commands_before_a_run_take_own_terms_at_desk_scale(command, words, tmp_path, capsys):
    row = "table_f" if command == "plan" else "table_b/II"
    where = ["--results", str(tmp_path), "--data", str(tmp_path)]
    app([command, row, *words, *where], standalone_mode=False)
    assert capsys.readouterr().out


def test_a_list_names_the_rows_that_desk_scale_makes_equal(capsys):
    app(["list", "vov3d"], standalone_mode=False)
    listed = capsys.readouterr().out
    assert "VoV3D-M, 16 × 2 × 3, V2 (same trial at desk scale as VoV3D-M, 16 × 2 × 3, V1)" in listed


def test_a_plan_names_the_rows_that_a_scale_makes_equal(tmp_path, capsys):
    where = ["--results", str(tmp_path), "--data", str(tmp_path)]
    app(["plan", "vov3d", "--rows", "TEA R50", *where][:2] + where, standalone_mode=False)
    assert "TEA R50, 16 × 10 × 3, V2: same trial at desk scale" in capsys.readouterr().out


def test_drops_move_with_a_shorter_desk_run():
    train = own(Changes(smoke=True), "desk")(I3D_R50).train
    assert isinstance(train, TrainSpec)
    assert train.milestones[-1] < train.epochs == 2
