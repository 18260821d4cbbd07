"""Security against other users: sockets, secrets, folder permissions, loading of files."""

import ast
import csv
import io
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import pytest

from experiments.table_b import EXPERIMENT
from harness.experiment import Experiment, Row
from harness.report import figures
from harness.report.collect import collect
from harness.report.output import TableOutput
from harness.report.table_csv import rows_csv
from harness.schedule import doctor
from harness.schedule.ray import session
from harness.tracking import uri
from harness.tracking.sync import sync
from harness.utils import lock
from harness.utils.atomic import write_atomic
from harness.utils.journal import Journal
from tests.helpers import kill_points
from tests.helpers.collected_tables import collected, judged, request
from tests.helpers.sockets import listening_sockets
from tests.helpers.tracking_stores import closed_port
from tests.test_launch import wait_for

ROOT = Path(__file__).parents[1]
NAMES = ("harness", "experiments", "benchmarks")
SOURCES = sorted(
    [
        *(path for name in NAMES for path in ROOT.glob(f"{name}/**/*.py")),
        ROOT / "noxfile.py",
    ]
)
CANARIES = {
    "environment": "canary-env-7c1f",
    "password": "canary-uri-7c1f",
    "path": "canary-path-7",
}
PAGE = ROOT / "docs" / "security.md"
FORBIDDEN = {
    "eval", "exec", "compile", "__import__", "os.system", "os.popen", "pickle.load", "pickle.loads",
    "pickle.Unpickler", "cloudpickle.load", "cloudpickle.loads", "dill.load", "joblib.load",
    "marshal.load", "marshal.loads", "shelve.open", "yaml.load", "yaml.full_load",
    "yaml.unsafe_load", "torch.hub.load", "subprocess.getoutput", "subprocess.getstatusoutput",
    "pd.read_pickle", "pandas.read_pickle", "tempfile.mktemp", "tune.Tuner.restore",
    "Tuner.restore", "dist.all_gather_object", "dist.broadcast_object_list", "dist.gather_object",
    "dist.scatter_object_list", "dist.recv_object_list", "mp.spawn", "elastic_launch",
}  # fmt: skip
CAREFUL = {"weights_only": True, "shell": False, "allow_pickle": False}


def calls(source):
    """Yield each call in a source, with the called name as written."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def offences(source):
    """Return the calls in a source that could execute the contents of a file, or a shell."""
    found = []
    for name, node in calls(source):
        named = {each.arg: each.value for each in node.keywords if each.arg in CAREFUL}
        careless = any(
            not isinstance(value, ast.Constant) or value.value is not CAREFUL[arg]
            for arg, value in named.items()
        )
        loose = name == "torch.load" and "weights_only" not in named
        text = (
            name.startswith("subprocess.")
            and node.args
            and isinstance(node.args[0], (ast.Constant, ast.JoinedStr))
        )
        if name in FORBIDDEN or careless or loose or text:
            found.append(f"line {node.lineno}: {name}")
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_source_loads_or_runs_what_a_file_says(path):
    assert offences(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "torch.load(path)",
        "torch.load(path, weights_only=False)",
        "torch.load(path, weights_only=safe)",
        "pickle.load(file)",
        "np.load(path, allow_pickle=True)",
        "yaml.load(text, Loader=L)",
        "subprocess.run(['a'], shell=True)",
        "subprocess.run('a')",
        "subprocess.run(f'a {b}')",
        "os.system('a')",
        "eval(text)",
        "exec(text)",
    ],
)
def test_such_a_line_would_be_seen(line):
    assert len(offences(line)) == 1


def environment(folder, **changes):
    """Return an environment with a separate home and a secret."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return kept | {
        "HOME": str(folder),
        "MPLCONFIGDIR": mpl.get_configdir(),
        "SOME_SERVICE_TOKEN": CANARIES["environment"],
        "PYTHONUNBUFFERED": "1",
        **changes,
    }


def command(folder, *words, epochs=6, **changes):
    """Start the command line with a desk scale of seconds."""
    return subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.helpers.kill_points",
            "command",
            str(epochs),
            *map(str, words),
        ],
        cwd=ROOT,
        env=environment(folder, **changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


STRANGER = """
import sys
from ray._raylet import GcsClient
print("inside", GcsClient(address=sys.argv[1]).internal_kv_keys(b"", None))
"""


def stranger(folder, port):
    """Return the output of a process that tries to connect without the token."""
    words = [sys.executable, "-c", STRANGER, f"127.0.0.1:{port}"]
    changed = environment(folder / "stranger", RAY_AUTH_MODE="disabled")
    done = subprocess.run(words, env=changed, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


HOSTILE = b"cposix\nsystem\n(S'touch %s'\ntR."


def plant(results):
    """Put a pickle that runs a command where Ray keeps its pickles."""
    for name in (
        "tuner.pkl",
        "trainable.pkl",
        "searcher-state-x.pkl",
        "experiment_state-9999.json",
    ):
        path = results / "work" / "tune" / "older" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(HOSTILE % str(results.parent / "ran").encode())


def send(results, empty_store):
    """Send the records and the table to a SQLite file."""
    (results / "mlflow").mkdir()
    shutil.copy(empty_store, results / "mlflow" / "mlflow.db")
    output = TableOutput(
        files=tuple(sorted(results.glob("[tf]*/table_b.*"))),
        markdown=(results / "tables" / "table_b.md").read_text(),
    )
    written = sync(
        f"sqlite:///{results}/mlflow/mlflow.db",
        [(collect(request(EXPERIMENT, results, rescale=kill_points.of_epochs(6))), output)],
        results=results,
    )
    assert written == 2


@pytest.fixture(scope="module")
def ran(tmp_path_factory, data_root, empty_store):
    """Run a row on Ray from the command line with canary secrets, then send it to SQLite."""
    folder = tmp_path_factory.mktemp("security")
    results = folder / CANARIES["path"] / "results"
    uri = f"http://user:{CANARIES['password']}@127.0.0.1:{closed_port()}"
    words = ("run", "table_b", "--rows", "DSA at I", "--seeds", "1")
    where = ("--results", results, "--data", data_root)
    process = command(folder, *words, *where, MLFLOW_TRACKING_URI=uri)
    wait_for((results / "lock.json").exists, process)
    plant(results)  # long before Ray has started
    wait_for(lambda: list(results.glob("work/*/epoch-*.pt")), process)
    sockets = listening_sockets(process.pid)
    (port,) = (each.port for each in sockets if each.process == "gcs_server")
    refused = stranger(folder, port)
    said, _ = process.communicate(timeout=200)
    assert process.returncode == 0, said
    send(results, empty_store)
    return {"folder": folder, "results": results, "sockets": sockets, "said": said, "out": refused}


@pytest.mark.slow
def test_a_run_listens_where_the_documentation_says_and_nowhere_else(ran):
    documented = set(re.findall(r"^\| `([^`]+)` \| Ray's", PAGE.read_text(), re.MULTILINE))
    open_to_all = {each for each in ran["sockets"] if not each.is_loopback}
    assert open_to_all
    assert {re.sub(r"::.*", "::…", each.process) for each in open_to_all} <= documented
    assert not [each for each in ran["sockets"] if "dashboard" in each.process]


@pytest.mark.slow
def test_a_process_without_the_token_does_not_get_into_a_run(ran):
    assert "inside" not in ran["out"]
    assert "token" in ran["out"].lower()


def planted(text, *, without=()):
    return [name for name, canary in CANARIES.items() if canary in text and name not in without]


@pytest.mark.slow
def test_no_file_of_a_run_holds_a_secret_or_where_it_was_written(ran):
    files = [path for path in ran["results"].rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files}
    assert {".json", ".npz", ".md", ".csv", ".tex", ".svg", ".png", ".log", ".db"} <= kinds
    found = {
        str(path.relative_to(ran["results"])): planted(path.read_bytes().decode("latin1"))
        for path in files
    }
    # SQLite names the place of artifacts; Ray's messages name folders, and stay on this machine.
    for local in ("mlflow/mlflow.db", "logs/ray.log"):
        assert found.pop(local) in ([], ["path"])
    assert {name: what for name, what in found.items() if what} == {}
    assert planted(ran["said"], without=["path"]) == []
    assert "***@127.0.0.1" in ran["said"]


@pytest.mark.slow
def test_a_store_holds_a_path_only_where_artifacts_lie(ran):
    with sqlite3.connect(ran["results"] / "mlflow" / "mlflow.db") as store:
        tables = [
            name for (name,) in store.execute("select name from sqlite_master where type='table'")
        ]
        found = set()
        for table in tables:
            rows = store.execute(f'select * from "{table}"')
            columns = [each[0] for each in rows.description]
            for row in rows:
                found |= {
                    f"{table}.{c}" for c, v in zip(columns, row, strict=True) if planted(str(v))
                }
    store.close()
    assert found == {"experiments.artifact_location", "runs.artifact_uri"}


@pytest.mark.slow
def test_others_can_neither_enter_the_results_nor_read_the_token(ran):
    assert ran["results"].stat().st_mode & 0o777 == 0o700
    token = ran["folder"] / ".ray" / "auth_token"
    assert token.read_text()
    assert token.stat().st_mode & 0o777 == 0o600
    assert token.parent.stat().st_mode & 0o777 == 0o700
    assert token.read_text() not in ran["said"]


@pytest.mark.parametrize(
    "payload", ["=1+1", "+1", "-1+1", "@SUM(A1)", "\t=1", "<script>x</script>"]
)
def test_no_label_becomes_a_formula_or_a_tag(payload, tmp_path):
    row = Row(label=payload, trial=None, published={"top1": 1.0, "gmacs": 2.0})
    table = Experiment(name="t", title="x", caption="y", rows=(row,))
    found = collected(table, [], tmp_path)
    text = io.StringIO(rows_csv(judged(found)), newline="")
    _, cells = csv.reader(text)
    assert not cells[0].startswith(("=", "+", "-", "@", "\t"))
    drawn = figures.table(found, ceilings={})
    assert not any(b"<script>x" in path.read_bytes() for path in drawn)


def by_a_run(results):
    lock.hold(results, what="running").__enter__()


def by_a_journal(results):
    Journal(results / "journal.jsonl").__enter__().__exit__()


def by_the_log_of_ray(results):
    with session.redirect_output(results / "logs" / "ray.log"):
        pass


def by_the_store(results):
    with uri.store_lock(f"sqlite:///{results}/mlflow/mlflow.db"):
        pass


@pytest.mark.parametrize(
    "make",
    [
        by_a_run,
        by_a_journal,
        by_the_log_of_ray,
        by_the_store,
        doctor._write_problem,
        lambda results: write_atomic(results / "tables" / "table_b.md", b""),
    ],
)
def test_a_results_folder_is_private_whoever_makes_it(make, tmp_path):
    before = os.umask(0o002)
    try:
        make(tmp_path / "new" / "results")
    finally:
        os.umask(before)
    made = [path for path in tmp_path.rglob("*") if path.is_dir()]
    assert tmp_path / "new" / "results" in made
    assert {path.stat().st_mode & 0o777 for path in made} == {0o700}


def test_a_results_folder_that_is_there_keeps_its_rights(tmp_path):
    tmp_path.chmod(0o750)
    with lock.hold(tmp_path, what="running"):
        assert tmp_path.stat().st_mode & 0o777 == 0o750


def test_a_token_that_is_there_is_left_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    session._create_token_file()
    path = tmp_path / ".ray" / "auth_token"
    assert path.read_text() == ""
    path.write_text("secret")
    session._create_token_file()
    assert path.read_text() == "secret"


@pytest.mark.slow
def test_what_ray_left_is_never_loaded(ran):
    assert not (ran["folder"] / CANARIES["path"] / "ran").exists()
