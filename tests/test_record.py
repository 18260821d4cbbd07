import json
from dataclasses import fields, replace

import pytest

import experiments
from experiments.scales import desk
from experiments.table_b import EXPERIMENT
from harness import record
from harness.plan import grid
from harness.provenance.code import hashes
from harness.record import Record
from harness.specs import as_dict
from tests.helpers.tiny_trials import shrunk

TRIAL = EXPERIMENT.rows[3].trial
PROVENANCE = {
    "campaign": "c1",
    "commit": "abc",
    "dirty": False,
    "python": "3.11",
    "libraries": {"torch": "2.10"},
    "processor": "a processor",
    "cores": 2,
    "device": "cpu",
}


def made(trial=TRIAL, *, top1=50.0, passport="p", code=None, finished_ms=1):
    return Record(
        key=record.trial_key(trial, passport),
        trial=as_dict(trial),
        passport=passport,
        code={"m": code} if code else dict(hashes(trial)),
        metrics={"top1": top1, "top5": 90.0, "map": 60.0, "videos": 12},
        params=1000,
        gmacs=0.5,
        counting_rule="mac+2bn",
        history=[
            {
                "epoch": 1,
                "loss": 1.0,
                "train_top1": 40.0,
                "val_top1": None,
                "lr": 0.1,
                "seconds": 2.0,
                "finished_ms": finished_ms,
            }
        ],
        scores_sha256="0" * 64,
        provenance=PROVENANCE,
        seconds=3.0,
        resumed_epochs=[],
    )


def test_a_record_comes_back_as_it_was_written(tmp_path):
    record.write(tmp_path, made(), b"scores")
    assert record.read(tmp_path, made().key) == made()
    assert record.read_all(tmp_path) == [made()]
    assert record.scores_path(tmp_path, made()).read_bytes() == b"scores"


def test_a_record_is_fresh_only_while_its_definitions_are_those_that_would_run_now():
    code = dict(hashes(TRIAL))
    name = next(iter(code))
    assert made().is_made_by(code)
    assert not made().is_made_by(code | {name: "0"})
    assert not made().is_made_by(code | {"new": "0"})
    assert not made().is_made_by({key: code[key] for key in code if key != name})


def test_a_trial_without_a_record_has_none(tmp_path):
    assert record.read(tmp_path, "0" * 20) is None


@pytest.mark.parametrize("damage", ["digit", "cut", "list"])
def test_a_damaged_record_is_named(tmp_path, damage):
    record.write(tmp_path, made(), b"")
    path = tmp_path / "records" / f"{made().key}.json"
    text = path.read_text()
    path.write_text({"digit": text.replace("50.0", "90.0"), "cut": text[:99], "list": "[]"}[damage])
    with pytest.raises(ValueError, match=rf"{made().key}\.json.*delete it"):
        record.read(tmp_path, made().key)


OTHER = {
    "data": {
        "name": "kinetics400",
        "options": {"seed": 1},
        "num_classes": 7,
        "num_snippets": 2,
        "num_frames": 8,
        "frame_stride": 4,
        "fps": 25,
        "snippet_rule": "sections",
        "num_sections": 8,
        "crop_px": 112,
        "crop_area": (0.5, 1.0),
        "crop_aspect": (1.0, 1.0),
        "flip": False,
    },
    "model": {
        "backbone": "i3d_resnet18",
        "backbone_options": {"stem_width": 8},
        "module": "se",
        "module_options": {"alpha": 4, "beta": 1.0},
        "position": "after_conv2",
        "blocks": {"res4": (1,)},
        "dropout": 0.25,
        "weights": None,
    },
    "train": {
        "epochs": 200,
        "batch_videos": 48,
        "norm_videos": None,
        "lr": 0.5,
        "schedule": "one_cycle",
        "milestones": (50, 75),
        "warmup_epochs": 5.5,
        "warmup_start": 0.5,
        "momentum": 0.5,
        "nesterov": False,
        "weight_decay": 0.5,
        "clip_grad_norm": None,
        "precision": "float32",
    },
    "evaluation": {
        "num_passes": 1,
        "pass_snippets": 10,
        "grouping": "released",
        "num_crops": 1,
        "crop_px": 224,
        "short_side_px": 320,
        "average": "top3",
        "every_epochs": 1,
    },
}
ALONG = {"schedule": {"milestones": ()}}  # what a change of a field needs in others


def changed_trials():
    for part, values in OTHER.items():
        spec = getattr(TRIAL, part)
        assert set(values) == {field.name for field in fields(spec)}
        for name, value in values.items():
            assert getattr(spec, name) != value
            along = ALONG.get(name, {})
            changed = replace(spec, **{name: value, **along})
            without = replace(TRIAL, **{part: replace(spec, **along)})
            case = f"{part}.{name}"
            yield pytest.param(replace(TRIAL, **{part: changed}), without, id=case)
    yield pytest.param(replace(TRIAL, seed=1), TRIAL, id="seed")
    yield pytest.param(replace(TRIAL, scale="desk"), TRIAL, id="scale")


@pytest.mark.parametrize(("trial", "without"), list(changed_trials()))
def test_every_field_of_a_trial_is_part_of_its_key(trial, without):
    assert record.trial_key(trial, "p") != record.trial_key(without, "p")


def test_the_data_are_part_of_the_key_and_order_is_not():
    assert record.trial_key(TRIAL, "p") != record.trial_key(TRIAL, "q")
    options = dict(reversed(TRIAL.model.module_options.items()))
    turned = replace(TRIAL, model=replace(TRIAL.model, module_options=options))
    assert record.trial_key(turned, "p") == record.trial_key(TRIAL, "p")


def planned(results, *, seeds=2, code="c"):
    return grid.trials(
        EXPERIMENT,
        rescale=shrunk,
        seeds=seeds,
        passport=lambda trial: "p",
        code=lambda trial: {"m": code},
        results=results,
    )


def test_a_plan_lists_every_row_and_seed_once(tmp_path):
    listed = planned(tmp_path)
    assert len({each.key for each in listed}) == 12
    assert [each.rows for each in listed[:6]] == [(row.label,) for row in EXPERIMENT.rows]
    assert {each.state for each in listed} == {"missing"}


def test_rows_that_ask_for_the_same_share_a_trial(tmp_path):
    row = EXPERIMENT.rows[3]
    twice = replace(EXPERIMENT, rows=(row, replace(row, label="again")), claims=())
    listed = grid.trials(
        twice,
        rescale=shrunk,
        seeds=1,
        passport=lambda trial: "p",
        code=lambda trial: {"m": "c"},
        results=tmp_path,
    )
    assert [each.rows for each in listed] == [("DSA at II", "again")]


def test_a_record_without_training_stands_in_the_folder_of_given_weights_alone(tmp_path):
    trial = {name: value for name, value in made().trial.items() if name not in ("seed", "train")}
    given = replace(made(), trial=trial, history=[], key=record.key_of(trial, made().passport))
    for folder in (tmp_path, tmp_path / record.GIVEN_FOLDER):
        record.write(folder, given, b"")
        record.write(folder, made(), b"")
    assert list(record.read_all(tmp_path)) == [made()]
    assert list(record.read_all(tmp_path / record.GIVEN_FOLDER)) == [given]


def test_a_record_of_other_code_is_stale(tmp_path):
    first = planned(tmp_path)[0]
    record.write(tmp_path, made(first.trial, code="c"), b"")
    assert planned(tmp_path)[0].state == "fresh"
    assert planned(tmp_path, code="d")[0].state == "stale"
    assert planned(tmp_path)[1].state == "missing"


def test_records_of_a_row_are_found_by_their_fields():
    row, scaled = EXPERIMENT.rows[3], shrunk(TRIAL)
    seeds = [made(replace(scaled, seed=seed)) for seed in (2, 0, 1)]
    foreign = [made(shrunk(EXPERIMENT.rows[4].trial)), made(TRIAL)]
    found = grid.records_of(row.trial, [*seeds, *foreign], rescale=shrunk)
    assert [each.trial["seed"] for each in found] == [0, 1, 2]


def test_records_on_two_copies_of_the_data_do_not_mix():
    row, scaled = EXPERIMENT.rows[3], shrunk(TRIAL)
    old = [made(replace(scaled, seed=seed), passport="old", finished_ms=1) for seed in (0, 1)]
    new = made(scaled, passport="new", finished_ms=2)
    assert grid.records_of(row.trial, [*old, new], rescale=shrunk) == [new]


def test_what_is_kept_is_json(tmp_path):
    record.write(tmp_path, made(), b"")
    body = json.loads((tmp_path / "records" / f"{made().key}.json").read_text())
    assert body["trial"]["model"]["blocks"] == {"res5": [1]}


def test_a_table_of_costs_needs_no_trials(tmp_path):
    listed = grid.trials(
        replace(EXPERIMENT, trains=False),
        rescale=shrunk,
        seeds=3,
        passport=lambda trial: "p",
        code=lambda trial: {"m": "c"},
        results=tmp_path,
    )
    assert listed == []


II = {
    ("table_b", "DSA at II"),
    ("table_c", "α = 2"),
    ("table_d", "res5"),
    ("table_e", "β = 1"),
}
FINAL = {("table_f", "res3+4, 5 blocks"), ("table_g", "DSA+I3D R50"), ("table_h", "DSA+I3D R50")}


def keys_of_the_nine_tables(results, rescale):
    keys = {}
    for name in [name for name in experiments.names() if name.startswith("table")]:
        listed = grid.trials(
            experiments.load(name),
            rescale=rescale,
            seeds=1,
            passport=lambda trial: "p",
            code=lambda trial: {"m": "c"},
            results=results,
        )
        keys |= {(name, row): each.key for each in listed for row in each.rows}
    return keys


def test_the_nine_tables_share_their_trials(tmp_path):
    keys = keys_of_the_nine_tables(tmp_path, lambda trial: trial)
    assert len({keys[place] for place in II}) == 1
    assert len({keys[place] for place in FINAL}) == 1
    assert keys["table_a", "I3D R18, 4 × 1"] == keys["table_h", "I3D R18"]
    assert len(set(keys.values())) == 29


def test_at_desk_scale_tables_that_ablate_blocks_share_no_trial_with_others(tmp_path):
    keys = keys_of_the_nine_tables(tmp_path, desk)
    assert len({keys[place] for place in II if place[0] != "table_d"}) == 1
    assert len({keys[place] for place in FINAL if place[0] != "table_f"}) == 1
    deeper = {key for (name, _), key in keys.items() if name in ("table_d", "table_f")}
    others = {key for (name, _), key in keys.items() if name not in ("table_d", "table_f")}
    assert deeper.isdisjoint(others)
    assert len(deeper | others) == 32


def test_a_record_made_outside_of_git_is_read_back(tmp_path):
    outside = {**PROVENANCE, "commit": None, "dirty": None}
    one = replace(made(), provenance=outside)
    record.write(tmp_path, one, b"")
    assert record.read(tmp_path, one.key) == one


@pytest.mark.parametrize("name", ["my_gate.py:Gate", "2-shift.py:Gate", "lab.gates:Gate"])
@pytest.mark.parametrize("field", ["backbone", "module"])
def test_a_record_of_a_network_from_outside_is_read_back(tmp_path, field, name):
    one = made(replace(TRIAL, model=replace(TRIAL.model, **{field: name})), code="c")
    record.write(tmp_path, one, b"")
    assert record.read(tmp_path, one.key) == one


@pytest.mark.parametrize("name", ["../my_gate.py:Gate", "a/b.py:Gate", "x.py:G()", "os:sys tem"])
def test_a_record_whose_network_is_no_name_is_refused(tmp_path, name):
    one = made(replace(TRIAL, model=replace(TRIAL.model, module=name)), code="c")
    record.write(tmp_path, one, b"")
    with pytest.raises(ValueError, match=r"trial\.model\.module"):
        record.read(tmp_path, one.key)
