"""Bundles for reviewers: written, and verified without trust."""

import hashlib
import json
import shutil
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from markdown_it import MarkdownIt

from experiments.scales import Changes, desk, own
from experiments.table_b import EXPERIMENT
from harness import record, tables
from harness.cli.main import app
from harness.data import passport
from harness.data.video import Video
from harness.exchange import bundle, places, verify
from harness.exchange.bundle import appendix, archive
from harness.exchange.verdicts import Setting
from tests.helpers.collected_tables import collected, judged
from tests.helpers.own_code import write
from tests.helpers.results_folders import add_record, row_trial
from tests.test_record import made

TABLES = (EXPERIMENT,)
ROWS = ("TSN+I3D R50", "DSA at II")
PASSPORT = passport.Passport(
    splits={
        "test": [
            Video(
                id=f"test/{n}",
                path=Path("/somebody/secret/videos") / f"{n}.mp4",
                labels=(n,),
                sha256=f"{n}",
                frames=9,
                stamp=(5, 123456789),
            )
            for n in range(12)
        ]
    },
    listed={"test": 13},
    classes=tuple("abcdefghijkl"),
    root=Path("/somebody/secret"),
)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Return a folder of two rows, each with two seeds, and of one row on own terms."""
    folder = tmp_path_factory.mktemp("a folder, 100% mine")
    for row in ROWS:
        for seed in (0, 1):
            right = [row == "DSA at II" or n % 4 == seed for n in range(12)]
            add_record(
                folder,
                row_trial(f"table_b/{row}"),
                seed=seed,
                right=right,
                passport=PASSPORT.digest,
            )
    changed = own(Changes(on="my_videos", num_classes=12, epochs=3))
    add_record(folder, changed(row_trial("table_b/DSA at II", scale="paper")), seed=4)
    (folder / "declared").mkdir()
    line = {"declared": "2020-01-01T00:00:00+00:00", "passports": [], "margin": 1.5}
    text = json.dumps(line | {"before_results": True, "claims": []})
    (folder / "declared" / "table_b.jsonl").write_text(f"{text}\n")
    (folder / "logs").mkdir()
    (folder / "logs" / "trace.txt").write_text("/somebody/secret")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    passport.write(folder / "desk-123" / passport.FILE, PASSPORT)
    (folder / "other").mkdir()
    (folder / "other" / passport.FILE).write_text("no passport")
    return folder


@pytest.fixture(scope="module")
def path(results, data, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundles") / "mine.tar.gz"
    bundle.write(path, results, data=data, tables=TABLES)
    return path


@pytest.fixture(scope="module")
def whole(path, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    archive.unpack(path, folder)
    return folder


@pytest.fixture
def unpacked(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "unpacked")


def files_of(folder):
    return {
        file.relative_to(folder).as_posix(): file for file in folder.rglob("*") if file.is_file()
    }


def repacked(folder, *, with_manifest=True):
    """Pack a changed bundle again, with the hashes that its files have now."""
    if with_manifest:
        manifest = json.loads((folder / bundle.MANIFEST).read_text())
        manifest["files"] = {
            name: {
                "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
                "bytes": file.stat().st_size,
            }
            for name, file in files_of(folder).items()
            if name != bundle.MANIFEST
        }
        (folder / bundle.MANIFEST).write_text(json.dumps(manifest))
    path = folder.parent / "again.tar.gz"
    archive.write(path, files_of(folder))
    return path


def verified(path):
    return verify.verify(path, tables=TABLES, max_bytes=2**30)


def test_a_bundle_holds_everything_behind_the_tables(whole, results):
    names = set(files_of(whole))
    assert {
        "APPENDIX.md", "manifest.json", "ro-crate-metadata.json", "requirements.lock",
        f"passports/{PASSPORT.digest}.json", "results/declared/table_b.jsonl",
        "results/tables/table_b.md", "results/tables/table_b.claims.csv",
        "results/figures/table_b.svg", "results/index.html",
    } <= names  # fmt: skip
    kept = {f"results/records/{file.name}" for file in results.glob("records/*")}
    assert {name for name in names if name.startswith("results/records/")} == kept
    assert not any("logs" in name or "lock.json" in name for name in names)


def test_nothing_of_this_machine_is_in_a_bundle(whole):
    text = b"".join(file.read_bytes() for file in files_of(whole).values())
    assert b"someone" not in text
    assert b"123456789" not in (whole / "passports" / f"{PASSPORT.digest}.json").read_bytes()
    assert passport.read(whole / "passports" / f"{PASSPORT.digest}.json").listed == {"test": 13}


@pytest.mark.slow
def test_equal_results_give_equal_bytes(path, results, data, tmp_path):
    copy = shutil.copytree(results, tmp_path / "copy")
    again = tmp_path / "b.tgz"
    bundle.write(again, copy, data=data, tables=TABLES)
    assert again.read_bytes() == path.read_bytes()


def test_the_folder_itself_is_left_as_it_was(path, results):
    assert {file.name for file in results.iterdir()} == {"records", "declared", "logs"}


def test_the_appendix_leads_from_claims_to_commands_results_tolerances_and_times(whole):
    text = (whole / "APPENDIX.md").read_text()
    assert "harness run table_b --scale desk --seeds 2 --rows 'DSA at II,TSN+I3D R50'" in text
    assert "harness run table_b --scale paper --seeds 4, --rows 'DSA at II' --on my_videos" in text
    assert "supported at desk scale: difference" in text
    for word in ("Claim", "Command", "Expected", "Tolerance", "Time", "0.1 min (1 trial)"):
        assert word in text


def test_a_machine_acts_nowhere_in_the_appendix():
    hostile = "](http://evil.example) ![x](y)\n\n# <b>\n\x1b[2J"
    setting = Setting(table="table_b", scale="desk", changes={}, base="desk")
    each = made(row_trial("table_b/DSA at II"))
    each = replace(each, provenance=each.provenance | {"processor": hostile, "device": hostile})
    text = appendix.text([(setting, judged(collected(EXPERIMENT, [each])))])
    assert "\x1b" not in text
    tokens = MarkdownIt("gfm-like", {"linkify": False}).parse(text)
    assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h2"]
    inline = {child.type for token in tokens for child in token.children or ()}
    assert inline <= {"text", "text_special", "softbreak", "code_inline"}


def test_a_run_on_own_terms_at_desk_scale_is_judged_and_told_how_to_run(data, tmp_path):
    changed = own(Changes(smoke=True, lr=0.1), "desk")
    add_record(tmp_path / "mine", changed(row_trial("table_b/DSA at II", scale="paper")))
    path = tmp_path / "mine.tar.gz"
    done = bundle.write(path, tmp_path / "mine", data=data, tables=TABLES)
    assert "table_b at own scale from desk lr=0.1 smoke=True" in done.tables
    assert verified(path).faults == ()
    archive.unpack(path, tmp_path / "whole")
    text = (tmp_path / "whole" / "APPENDIX.md").read_text()
    assert "harness run table_b --scale desk --seeds 1 --rows 'DSA at II' --lr 0.1 --smoke" in text


@pytest.fixture
def mine(tmp_path):
    """Return a results folder with a record of a network of the user's, whose table was named."""
    table = tables.load(str(write(tmp_path / "code", module="my_gate.py:Gate")))
    trial = desk(table.rows[1].trial)
    assert trial.model.module == "my_gate.py:Gate"
    add_record(tmp_path / "results", trial, passport=PASSPORT.digest)
    yield tmp_path / "results"
    tables.forget()


def told(text, folder, data, *, named):
    """Write a bundle of a user's network, and return it with what a reviewer's command says."""
    path = folder.parent / "mine.tar.gz"
    done = bundle.write(path, folder, data=data, tables=[*TABLES, *named])
    tables.forget()  # a reviewer has other files
    remarks = "\n".join(verified(path).remarks)
    archive.unpack(path, folder.parent / "whole")
    appendix = (folder.parent / "whole" / "APPENDIX.md").read_text()
    assert text in appendix
    return done, remarks


@pytest.mark.slow
def test_a_bundle_holds_the_source_of_own_networks_which_is_compared_and_never_runs(
    mine, data, tmp_path, monkeypatch
):
    source = {
        f"own/{name}": (tmp_path / "code" / name).read_bytes()
        for name in ("my_gate.py", "my_layers.py", "my_table.py")
    }
    done, remarks = told("- own/my_gate.py\n", mine, data, named=[tables.load("my_table")])
    assert done.without_source == ()
    files = files_of(tmp_path / "whole")
    assert {name: files[name].read_bytes() for name in source} == source
    appendix = (tmp_path / "whole" / "APPENDIX.md").read_text()
    assert "harness run ./my_table.py --scale desk --seeds 1 --rows gate" in appendix
    assert "own/ holds source of the author, which was read and did not run" in remarks
    assert "records of own networks that this source made: 1 of 1" in remarks
    assert not {"my_gate", "my_layers", "my_table"} & set(sys.modules)


@pytest.mark.slow
def test_other_source_than_that_of_the_records_is_said(mine, data, tmp_path):
    gate = tmp_path / "code" / "my_gate.py"
    gate.write_text(gate.read_text().replace("SHARE = 1 / 4", "SHARE = 1 / 2"))
    tables.forget()
    named = [tables.load(str(tmp_path / "code" / "my_table.py"))]
    said = "- records of my_gate.py:Gate that other code made: 1 of 1"
    _, remarks = told(said, mine, data, named=named)
    assert "records of own networks that this source made: 0 of 1" in remarks


def test_source_that_is_not_known_is_missing_by_name(mine, data):
    tables.forget()
    sentence = "the source of my_gate.py:Gate (records: 1) is left out: its file is not known"
    done, remarks = told("- the source of my_gate.py:Gate (records: 1)", mine, data, named=[])
    assert done.without_source[0].startswith(sentence)
    assert sentence in remarks


def test_the_crate_describes_every_file(whole):
    crate = json.loads((whole / "ro-crate-metadata.json").read_text())
    graph = {entity["@id"]: entity for entity in crate["@graph"]}
    assert crate["@context"] == "https://w3id.org/ro/crate/1.1/context"
    descriptor, root = graph["ro-crate-metadata.json"], graph["./"]
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["datePublished"] == "2023-11-14T22:13:20+00:00"
    assert {"name", "description"} <= set(root)
    assert "license" not in root
    parts = {part["@id"] for part in root["hasPart"]}
    described = {"manifest.json", "ro-crate-metadata.json"}
    assert parts == set(files_of(whole)) - described
    assert all(graph[part]["@type"] == "File" for part in parts)
    links = [value for entity in graph.values() for value in entity.values()]
    for link in links:
        for each in link if isinstance(link, list) else [link]:
            if isinstance(each, dict) and not each["@id"].startswith("http"):
                assert each["@id"] in graph


def test_a_licence_is_named_only_if_it_is_given(results, data, tmp_path):
    url = "https://spdx.org/licenses/CC-BY-4.0"
    path = tmp_path / "b.tar.gz"
    bundle.write(path, results, data=data, tables=(), license_url=url)
    with tarfile.open(path) as read:
        crate = json.load(read.extractfile("ro-crate-metadata.json"))
    assert {"@id": url} in [entity.get("license") for entity in crate["@graph"]]


@pytest.mark.slow
def test_a_bundle_verifies(path):
    found = verified(path)
    assert found.faults == ()
    assert found.records == 5
    assert found.tables == (
        "table_b at desk scale",
        "table_b at own scale on=my_videos num_classes=12 epochs=3",
    )


def spoil_number(folder):
    """Raise a top-1 in a record, whose checksum is made anew."""
    path = min((folder / "results" / "records").glob("*.json"))
    found = record.read(folder / "results", path.stem)
    changed = record.Record(**(vars(found) | {"metrics": found.metrics | {"top1": 99.0}}))
    record.write(
        folder / "results", changed, record.scores_path(folder / "results", found).read_bytes()
    )
    return "says top1 99.0000, but its scores give"


def spoil_trial(folder):
    """Give a record another learning rate, with its checksum made anew."""
    path = min((folder / "results" / "records").glob("*.json"))
    found = record.read(folder / "results", path.stem)
    trial = found.trial | {"train": found.trial["train"] | {"lr": 7.0}}
    changed = record.Record(**(vars(found) | {"trial": trial}))
    record.write(
        folder / "results", changed, record.scores_path(folder / "results", found).read_bytes()
    )
    return "it was altered: its trial has the key"


def spoil_verdict(folder):
    path = folder / bundle.MANIFEST
    path.write_text(path.read_text().replace('"supported at desk scale"', '"best"'))
    return "'supported at desk scale', in the bundle 'best'"


def spoil_estimate(folder):
    path = folder / bundle.MANIFEST
    manifest = json.loads(path.read_text())
    for claim in manifest["verdicts"][0]["claims"].values():
        claim["p"] = 0.01 if claim["p"] else claim["p"]
    path.write_text(json.dumps(manifest))
    return "in the bundle difference"


def lose_records(folder):
    for path in (folder / "results" / "records").glob("*"):
        path.unlink()
    return "not run"


def spoil_table(folder):
    path = folder / "results" / "tables" / "table_b.md"
    path.write_text(path.read_text().replace("desk", "paper"))
    return "results/tables/table_b.md is not the table of the records"


def spoil_passport(folder):
    (path,) = (folder / "passports").glob("*.json")
    path.write_text(path.read_text().replace('"frames": 9', '"frames": 8', 1))
    return "is not the passport of that hash"


@pytest.mark.parametrize(
    "spoil",
    [
        spoil_number, spoil_trial, spoil_verdict, spoil_estimate, lose_records, spoil_table,
        spoil_passport,
    ],
)  # fmt: skip
def test_what_was_altered_with_its_hashes_made_anew_does_not_hold(unpacked, spoil):
    sentence = spoil(unpacked)
    faults = verified(repacked(unpacked)).faults
    assert any(sentence in fault for fault in faults), faults


def test_files_that_are_altered_missing_or_added_are_named(unpacked):
    (unpacked / "APPENDIX.md").write_text("better")
    (unpacked / "requirements.lock").unlink()
    (unpacked / "results" / "new.txt").write_text("")
    found = verified(repacked(unpacked, with_manifest=False))
    assert found.faults == (
        "APPENDIX.md was altered: its hash is not that of the manifest",
        "requirements.lock is missing",
        "results/new.txt is not in the manifest",
    )
    assert found.tables == ()


@pytest.mark.slow
def test_a_bundle_of_another_version_is_judged_without_its_texts(unpacked):
    path = unpacked / bundle.MANIFEST
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"source": "0"}))
    spoil_table(unpacked)
    found = verified(repacked(unpacked))
    assert found.faults == ()
    assert any("another version" in remark for remark in found.remarks)


def test_a_table_that_this_version_lacks_does_not_hold(path):
    found = verify.verify(path, tables=(), max_bytes=2**30)
    assert "table_b is not a table of this version" in found.faults[0]


@pytest.mark.parametrize(
    "manifest",
    [
        *("", "[]", "{}", '{"format": 1}', "[" * 100_000, '{"format": NaN}'),
        '{"format": 99, "source": "", "files": {}, "verdicts": []}',
    ],
    ids=lambda manifest: manifest[:12],
)
def test_an_archive_without_a_readable_manifest_is_no_bundle(unpacked, manifest):
    (unpacked / bundle.MANIFEST).write_text(manifest)
    with pytest.raises(ValueError, match=r"not a bundle|has layout 99"):
        verified(repacked(unpacked, with_manifest=False))


VERDICTS = [
    {"rows": {"DSA at II": 7}},
    {"rows": {"DSA at II": {}}},
    {"rows": []},
    {"claims": {"x": {"verdict": "best", "sentence": "", "p": "low"}}},
    {"scale": "huge"},
    {"scale": "own", "base": "own"},
    {"changes": {"epochs": "three"}},
    {"changes": {"colour": "red"}},
    {"table": ["table_b"]},
]


@pytest.mark.slow
@pytest.mark.parametrize("changed", VERDICTS, ids=repr)
def test_verdicts_of_another_form_are_no_bundle(unpacked, changed):
    path = unpacked / bundle.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["verdicts"][0] |= changed
    path.write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match=r"not a bundle of harness bundle: no readable manifest"):
        verified(repacked(unpacked))


def test_a_folder_without_sound_records_gives_no_bundle(results, data, tmp_path):
    with pytest.raises(ValueError, match="has no records"):
        bundle.write(tmp_path / "b.tgz", tmp_path, data=data, tables=TABLES)
    copy = shutil.copytree(results, tmp_path / "copy")
    path = min((copy / "records").glob("*.npz"))
    path.write_bytes(b"")
    with pytest.raises(ValueError, match=path.name):
        bundle.write(tmp_path / "b.tgz", copy, data=data, tables=TABLES)
    assert not (tmp_path / "b.tgz").exists()


def command(*words):
    return CliRunner().invoke(app, [str(word) for word in words])


@pytest.mark.slow
def test_the_commands_write_and_verify(results, data, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "all_tables", lambda: TABLES)
    out = tmp_path / "out" / "mine.tar.gz"
    words = ["bundle", "--results", results, "--data", tmp_path / "none", "--out", out]
    done = command(*words)
    assert "5 records; table_b at desk scale" in done.output
    assert f"the passport of desk ({PASSPORT.digest}) is not in" in done.output
    good = command("verify", out)
    assert (good.exit_code, good.output.splitlines()[-1]) == (0, "All of it holds.")
    body = json.loads(command("verify", out, "--json").stdout)
    assert (body["faults"], body["records"]) == ([], 5)
    archive.unpack(out, tmp_path / "again")
    spoil_verdict(tmp_path / "again")
    bad = command("verify", repacked(tmp_path / "again"))
    assert bad.exit_code == 1
    assert "does not hold: table_b at desk scale" in bad.output
    small = command("verify", out, "--max-gigabytes", "0.00001")
    assert "was refused" in str(small.exception)
