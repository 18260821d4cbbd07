"""Why a trial has a record that counts, or none."""

from dataclasses import replace

from experiments.table_b import EXPERIMENT
from harness import record
from harness.plan import grid, staleness
from harness.utils.diff import differences
from tests.helpers.tiny_trials import shrunk
from tests.test_record import made


def planned(results, *, code="c", passport="p"):
    return grid.trials(
        EXPERIMENT,
        rescale=shrunk,
        seeds=1,
        passport=lambda each: passport,
        code=lambda each: {"m": code},
        results=results,
    )


def reason(results, records, *, code="c", passport="p"):
    (each,) = (p for p in planned(results, code=code, passport=passport) if "DSA at II" in p.rows)
    return staleness.diagnose_trial(each, records, passport=passport, code={"m": code})


def kept(results, *, code=None, **changes):
    done = made(shrunk(EXPERIMENT.rows[3].trial), **changes)
    done = replace(done, code=code or {"m": "c"})
    record.write(results, done, b"")
    return done


def test_differences_go_leaf_by_leaf_and_tell_numbers_apart():
    found = differences({"a": {"b": 1, "c": [1]}, "d": None}, {"a": {"b": 1.0, "c": [1]}, "e": {}})
    assert [(each.path, each.one, each.other) for each in found] == [
        ("a.b", 1, 1.0),
        ("d", None, "absent"),
    ]


def test_a_cached_trial_agrees_in_every_part(tmp_path):
    found = reason(tmp_path, [kept(tmp_path)])
    near = found.nearest
    assert (found.state, near.fields, near.is_same_data, near.definitions) == (
        "cached",
        (),
        True,
        (),
    )
    assert staleness.text(found).count("all equal") == 2


def test_a_stale_trial_names_the_definition(tmp_path):
    found = reason(tmp_path, [kept(tmp_path)], code="d")
    assert found.state == "stale"
    (changed,) = found.nearest.definitions
    assert (changed.name, changed.now, changed.recorded) == ("m", "d", "c")
    assert "definition m is d, not c as recorded" in staleness.text(found)


def test_definitions_are_named_with_their_module_and_not_all_at_length(tmp_path):
    done = kept(tmp_path, code={"old": "1"} | {f"f{number:02}": "1" for number in range(30)})
    (each,) = (p for p in planned(tmp_path) if "DSA at II" in p.rows)
    code = {"new": "2"} | {f"f{number:02}": "2" for number in range(30)}
    places = dict.fromkeys(code, "harness.schedule.ray.capacity")
    found = staleness.diagnose_trial(each, [done], passport="p", code=code, places=places)
    said = staleness.text(found)
    assert "definition f07 of harness.schedule.ray.capacity is 2, not 1 as recorded" in said
    assert "and 12 more definitions; --json lists all" in said
    assert len(staleness.as_json([found])[0]["nearest"]["definitions"]) == 32
    few = staleness.diagnose_trial(
        each, [replace(done, code={})], passport="p", code={"new": "2"}, places=places
    )
    assert (
        "definition new of harness.schedule.ray.capacity was not used by the recorded trial"
        in staleness.text(few)
    )
    assert "definition old is no longer used" in staleness.text(
        staleness.diagnose_trial(
            each, [replace(done, code={"old": "1"})], passport="p", code={}, places={}
        )
    )


def test_a_missing_trial_names_the_field_of_the_nearest_record(tmp_path):
    trial = shrunk(EXPERIMENT.rows[3].trial)
    near = replace(trial, train=replace(trial.train, lr=0.07))
    far = shrunk(EXPERIMENT.rows[0].trial)
    found = reason(tmp_path, [made(far), made(near)])
    assert (found.state, found.nearest.key) == ("missing", made(near).key)
    assert [(each.path, each.one, each.other) for each in found.nearest.fields] == [
        ("train.lr", trial.train.lr, 0.07)
    ]


def test_another_copy_of_the_data_is_named(tmp_path):
    found = reason(tmp_path, [kept(tmp_path, passport="q")])
    assert (found.state, found.nearest.fields, found.nearest.is_same_data) == ("missing", (), False)
    assert "passport: another copy of the data" in staleness.text(found)


def test_without_data_nothing_is_told_but_the_rest_is_compared(tmp_path):
    each = planned(tmp_path)[3]
    found = staleness.diagnose_trial(each, [kept(tmp_path)], passport=None, code={"m": "c"})
    assert (found.state, found.key, found.nearest.is_same_data) == ("unknown", None, None)


def test_without_records_there_is_nothing_to_compare(tmp_path):
    assert "no record to compare with" in staleness.text(reason(tmp_path, []))


def test_a_record_that_no_row_asks_for_is_beside_the_nearest_trial(tmp_path):
    trial = shrunk(EXPERIMENT.rows[3].trial)
    stray = made(replace(trial, train=replace(trial.train, epochs=7)))
    listed = planned(tmp_path)
    found = staleness.diagnose_record(
        stray,
        listed,
        passports={each.key: "p" for each in listed},
        codes={each.key: {"m": "c"} for each in listed},
    )
    assert (found.state, [each.path for each in found.nearest.fields]) == (
        "unasked",
        ["train.epochs"],
    )
    assert "nearest to table_b/DSA at II" in found.name


def test_a_record_made_with_switches_of_the_runtime_says_so(tmp_path):
    done = kept(tmp_path)
    switched = replace(done, provenance={**done.provenance, "compiled": True})
    found = reason(tmp_path, [switched])
    assert found.state == "cached"
    assert "    runtime: trained with torch.compile, which is part of no key" in staleness.text(
        found
    )
    assert staleness.as_json([found])[0]["nearest"]["switches"] == ("trained with torch.compile",)
    assert "runtime:" not in staleness.text(reason(tmp_path, [done]))
