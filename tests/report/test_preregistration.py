from dataclasses import replace

import pytest

from experiments.table_b import EXPERIMENT
from harness.report import preregistration
from tests.test_record import made


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
