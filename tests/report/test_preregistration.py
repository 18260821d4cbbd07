import json
from dataclasses import replace
from pathlib import Path

import pytest

import experiments
from experiments.table_b import EXPERIMENT
from harness.report import preregistration
from tests.test_record import made

PUBLISHED = Path(__file__).parents[2] / "results" / "declared"


def post_hoc(experiment, results):
    return preregistration.post_hoc_claims(experiment, scale="desk", results=results)


def test_claims_stand_as_they_were_before_the_first_result(tmp_path):
    where = {"scale": "desk", "results": tmp_path}
    preregistration.preregister(EXPERIMENT, **where, records=[])
    assert post_hoc(EXPERIMENT, tmp_path) == ()
    assert not preregistration.is_margin_post_hoc(EXPERIMENT, **where)

    changed = replace(EXPERIMENT.claims[2], limit=3.0)
    other = replace(EXPERIMENT, claims=(*EXPERIMENT.claims[:2], changed), margin=9.0)
    preregistration.preregister(other, **where, records=[made()])
    assert post_hoc(other, tmp_path) == (changed,)
    assert preregistration.is_margin_post_hoc(other, **where)

    preregistration.preregister(other, **where, records=[])
    assert post_hoc(other, tmp_path) == ()


def test_a_reworded_claim_is_not_late(tmp_path):
    preregistration.preregister(EXPERIMENT, scale="desk", results=tmp_path, records=[])
    reworded = [
        replace(claim, text=f"Reworded: {claim.text}", origin="ours", source="elsewhere")
        for claim in EXPERIMENT.claims
    ]
    assert post_hoc(replace(EXPERIMENT, claims=tuple(reworded)), tmp_path) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "better", "limit": None},
        {"rows": ("DSA at I", "DSA at III")},
        {"rows": ("DSA at II", "DSA at I")},
        {"metric": "top5"},
        {"limit": 0.5},
        {
            "kind": "trend",
            "rows": ("DSA at I", "DSA at II", "DSA at IV"),
            "limit": None,
            "trend": "peak",
        },
    ],
)
def test_a_claim_that_asserts_something_else_is_late(change, tmp_path):
    preregistration.preregister(EXPERIMENT, scale="desk", results=tmp_path, records=[])
    same = EXPERIMENT.claims[2]
    changed = replace(same, **change)
    assert post_hoc(replace(EXPERIMENT, claims=(*EXPERIMENT.claims, changed)), tmp_path) == (
        changed,
    )


def test_a_declaration_without_origins_still_counts(tmp_path):
    preregistration.preregister(EXPERIMENT, scale="desk", results=tmp_path, records=[])
    path = tmp_path / "declared" / "table_b.json"
    statement = json.loads(path.read_text())
    for claim in statement["claims"]:
        del claim["origin"]
    path.write_text(json.dumps(statement))
    assert post_hoc(EXPERIMENT, tmp_path) == ()


@pytest.mark.parametrize("path", sorted(PUBLISHED.glob("*.json")), ids=lambda path: path.stem)
def test_no_published_claim_about_accuracy_is_late(path):
    experiment = experiments.load(path.stem)
    late = preregistration.post_hoc_claims(experiment, scale="desk", results=PUBLISHED.parent)
    assert {claim.metric for claim in late} <= {"gmacs"}  # counted, so declared at any time


def test_what_was_never_declared_is_late(tmp_path):
    preregistration.preregister(EXPERIMENT, scale="desk", results=tmp_path, records=[made()])
    assert post_hoc(EXPERIMENT, tmp_path) == EXPERIMENT.claims
    assert preregistration.is_margin_post_hoc(EXPERIMENT, scale="desk", results=tmp_path)
    preregistration.preregister(EXPERIMENT, scale="paper", results=tmp_path, records=[])
    assert post_hoc(EXPERIMENT, tmp_path) == EXPERIMENT.claims


def test_a_damaged_declaration_is_named(tmp_path):
    (tmp_path / "declared").mkdir()
    (tmp_path / "declared" / "table_b.json").write_text('{"claims": []}')
    with pytest.raises(ValueError, match=r"table_b\.json is not a preregistration"):
        post_hoc(EXPERIMENT, tmp_path)
