"""Claims at a scale, before any record is read."""

from dataclasses import replace

import pytest

import experiments
from experiments.recipes import TSM_R50, TSN_R50
from experiments.scales import desk, paper
from experiments.table_f import EXPERIMENT
from harness.experiment import Claim
from harness.plan import comparisons
from harness.specs import as_dict

TABLES = [experiments.load(name) for name in experiments.names()]


def test_the_family_has_every_distinct_comparison_once():
    family = comparisons.family(TABLES, paper)
    assert len({comparison.key for comparison in family}) == len(family)
    keys = [
        comparison.key
        for table in TABLES
        for claim in table.claims
        if (comparison := comparisons.comparison_of(table, claim, paper)) is not None
    ]
    assert set(keys) == {comparison.key for comparison in family}
    assert len(keys) > len(family)  # (g) and (h) both compare DSA with I3D on R50


def test_the_family_does_not_depend_on_what_has_run_or_on_the_order_of_tables():
    forward, backward = (comparisons.family(tables, desk) for tables in (TABLES, TABLES[::-1]))
    assert {one.key for one in forward} == {other.key for other in backward}


def test_each_family_is_listed_once_whatever_the_number_of_its_tables(monkeypatch):
    ours, listed = comparisons.family(TABLES, desk), []
    foreign = replace(EXPERIMENT, name="a_table_from_outside")
    family = comparisons.family
    monkeypatch.setattr(
        comparisons, "family", lambda *given: listed.append(given) or family(*given)
    )
    found = comparisons.families([*TABLES, foreign], [*TABLES, foreign], desk)
    assert len(listed) == 2
    assert {len(found[table.name]) for table in TABLES} == {len(ours)}
    assert found[foreign.name] == family([foreign], desk)


def test_what_a_scale_cannot_test_is_not_in_its_family():
    assert len(comparisons.family(TABLES, desk)) < len(comparisons.family(TABLES, paper))
    capped = Claim(text="SE helps", kind="better", rows=("SENet+I3D R50", "I3D R50"))
    table = replace(experiments.load("table_h"), claims=(capped,))
    assert comparisons.family([table], desk) == ()
    assert len(comparisons.family([table], paper)) == 1


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
@pytest.mark.parametrize("rescale", [desk, paper], ids=["desk", "paper"])
def test_no_scale_changes_what_a_table_ablates(table, rescale):
    for row in table.rows:
        assert row.trial is None or not comparisons.altered(row, table.ablates, rescale), row.label


def shallow(trial):
    """Return a trial at desk scale in a network of two blocks a stage."""
    blocks = {stage: tuple({index % 2 for index in at}) for stage, at in trial.model.blocks.items()}
    return replace(desk(trial), model=replace(desk(trial).model, blocks=blocks))


@pytest.mark.parametrize("name", ["table_d", "table_f"])
def test_what_a_table_ablates_is_not_changed_without_saying_so(name):
    table = experiments.load(name)
    for claim in table.claims:
        rows = comparisons.rows_of(table, claim)
        if not any(comparisons.altered(row, table.ablates, shallow) for row in rows):
            continue
        obstacle = comparisons.obstacle(table, claim, shallow)
        assert obstacle.word.startswith("not testable")
        assert "runs with model.blocks" in obstacle.sentence


def test_a_table_that_differs_in_blocks_alone_ablates_them():
    for table in TABLES:
        models = [as_dict(row.trial)["model"] | {"blocks": {}} for row in table.rows if row.trial]
        blocks = [row.trial.model.blocks for row in table.rows if row.trial]
        if len(blocks) > 1 and models.count(models[0]) == len(models) and blocks[0] != blocks[-1]:
            assert table.ablates == ("model.blocks",), table.name


@pytest.mark.parametrize("path", ["model", "model.blocks", "model.blocks.res4"])
def test_blocks_are_kept_by_whatever_path_a_table_names_them(path):
    for row in replace(experiments.load("table_f"), ablates=(path,)).rows:
        assert not comparisons.altered(row, ("model.blocks",), desk)


def test_rows_that_a_scale_makes_equal_are_one_trial():
    def same(trial):
        return replace(desk(trial), model=replace(desk(trial).model, blocks={"res5": (1,)}))

    plain = replace(EXPERIMENT, ablates=())
    for claim in plain.claims:
        obstacle = comparisons.obstacle(plain, claim, same)
        assert obstacle.word == "not testable at desk scale"
        assert "are the same trial at desk scale" in obstacle.sentence


@pytest.mark.parametrize(
    ("table", "row", "most"),
    [
        ("table_b", "TSN R50 (2D)", 25.0),
        ("table_b", "TSN+I3D R50", 50.0),
        ("table_b", "DSA at I", None),
        ("table_g", "TSM R50", 50.0),
        ("table_h", "SENet+I3D R18", 50.0),
        ("table_a", "V4D+I3D R18, 4 × 4", None),
    ],
)
def test_ceilings_are_those_of_the_desk_videos(table, row, most):
    (trial,) = (each.trial for each in experiments.load(table).rows if each.label == row)
    assert comparisons.ceiling(desk(trial)) == most
    assert comparisons.ceiling(trial) is None


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("TSN R50 (2D)", "can be expected to reach 25 %"),
        ("TSN+I3D R50", "can reach 50 % at most"),
    ],
)
def test_only_a_proven_ceiling_is_called_a_bound(row, said):
    (trial,) = (each.trial for each in experiments.load("table_b").rows if each.label == row)
    assert comparisons.ceiling_text(desk(trial)) == said


def spread(trial):
    """Return a trial on frames spread over the whole video."""
    data = replace(trial.data, num_snippets=1, frame_stride=1, snippet_rule="frames")
    return replace(trial, data=data)


@pytest.mark.parametrize(("recipe", "most"), [(TSM_R50, None), (TSN_R50, 25.0)])
def test_frames_spread_over_a_video_leave_only_the_ceiling_of_frames(recipe, most):
    assert comparisons.ceiling(desk(spread(recipe))) == most
