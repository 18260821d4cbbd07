from dataclasses import replace

import pytest

from experiments.table_b import EXPERIMENT
from harness.report import preregistration
from tests.test_record import made


def late(experiment, results):
    return preregistration.late(experiment, scale="desk", results=results)


def test_claims_stand_as_they_were_before_the_first_result(tmp_path):
    where = {"scale": "desk", "results": tmp_path}
    preregistration.declare(EXPERIMENT, **where, records=[])
    assert late(EXPERIMENT, tmp_path) == ()
    assert not preregistration.margin_is_late(EXPERIMENT, **where)

    changed = replace(EXPERIMENT.claims[2], limit=3.0)
    other = replace(EXPERIMENT, claims=(*EXPERIMENT.claims[:2], changed), margin=9.0)
    preregistration.declare(other, **where, records=[made()])
    assert late(other, tmp_path) == (changed,)
    assert preregistration.margin_is_late(other, **where)

    preregistration.declare(other, **where, records=[])
    assert late(other, tmp_path) == ()


def test_what_was_never_declared_is_late(tmp_path):
    preregistration.declare(EXPERIMENT, scale="desk", results=tmp_path, records=[made()])
    assert late(EXPERIMENT, tmp_path) == EXPERIMENT.claims
    assert preregistration.margin_is_late(EXPERIMENT, scale="desk", results=tmp_path)
    preregistration.declare(EXPERIMENT, scale="paper", results=tmp_path, records=[])
    assert late(EXPERIMENT, tmp_path) == EXPERIMENT.claims


def test_a_damaged_declaration_is_named(tmp_path):
    (tmp_path / "declared").mkdir()
    (tmp_path / "declared" / "table_b.json").write_text('{"claims": []}')
    with pytest.raises(ValueError, match=r"table_b\.json does not say what was claimed"):
        late(EXPERIMENT, tmp_path)
