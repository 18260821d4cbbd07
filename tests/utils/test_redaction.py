"""Secrets and paths in text: nothing of a password is left, and other text stays readable."""

import os
import time
from pathlib import Path

import pytest

from harness.utils.redaction import (
    contains_known,
    hide_known,
    hide_known_in_file,
    hide_known_values,
    names,
    redact,
    redact_for_others,
)
from harness.utils.redaction.paths import hide_paths

SECRET = "zzqx"  # too short to be known, so that patterns alone hide it
KNOWN = "can ary'7c1f\"ü"
ROOT = Path(__file__).parents[2]

HIDDEN = [
    "http://user:pa'{}@host/x",
    'http://user:pa"{}@host',
    "http://user:pa {}@host",
    "http://user:{} pa@host/x and more",
    "http://user:{}/pa@host",
    "http://user:pa@{}@host",
    "https://user:123 {}@host",
    "https://{}@host",
    "mysql+pymysql://u:p%40{}@host/db",
    "https%3A%2F%2Fu%3A{}%40host%2Fp",
    "user:{}@host:5432/db",
    "postgresql://u:p@h/db?sslpassword={}&x=1",
    "Authorization: Bearer {}",
    "authorization: Basic {}",
    "Proxy-Authorization: Digest username=x, response={}",
    "{{'Authorization': 'Bearer {}'}}",
    "curl -H 'Authorization: Bearer {}' http://host",
    "got Bearer {}.x from the server",
    "Cookie: session={}; other=x",
    '{{"password": "{}"}}',
    '{{"password":"a b {}"}}',
    '{{\\"token\\": \\"{}\\"}}',
    "('password', '{}')",
    "{{'client_secret': '{}'}}",
    "password: {}",
    "password = {}",
    "password='a b {}'",
    "password='a\\'{}'",
    "password='it''s {}'",
    "Server=h;Password=a b {};Database=x",
    "AccountKey={};EndpointSuffix=x",
    "AWS_SECRET_ACCESS_KEY={}",
    "https://h/p?sig={}&se=1",
    "https://h/x?apikey={}",
    "https://h/x?X-Amz-Signature={}&X-Amz-Date=1",
    "https://h/x?X-Amz-Security-Token={}",
    "https://h/x?access_token={}#y",
    "redirect=https%3A%2F%2Fh%3Fpassword%3D{}",
    "redirect%253Fpassword%253D{}",
    "api_key={}",
    "client-key: {}",
    "pwd={}",
    "OAUTH_CODE={}",
    "--password {}",
    "--api-key={}",
    "<password>{}</password>",
    "auth=('user', '{}')",
    "1-password={}",
]
STAYS = [
    "num_tokens=8, tokens: 5",
    "first pass: 3 of 4, passes=3, num_passes=30",
    "key=0123abcd",
    "basic residual block, Basic block",
    "http://127.0.0.1:5000/api/2.0 failed: ConnectionError",
    "loss is nan at step 3, lr=0.01",
    "batch_videos=8 is not a multiple of norm_videos=3",
    "DSA at II, α = 2; β: 1/8 (top-1 60.5 %)",
    "sqlite:////data/mlflow.db is locked",
    "password: ",
]


@pytest.fixture(autouse=True)
def _no_other_secrets(monkeypatch):
    for name in list(os.environ):
        if names.is_secret_variable(name) or "://" in os.environ[name]:
            monkeypatch.delenv(name)


@pytest.mark.parametrize("text", HIDDEN)
def test_no_part_of_a_secret_is_left(text):
    assert SECRET not in redact(text.format(SECRET))
    assert "***" in redact(text.format(SECRET))


@pytest.mark.parametrize("text", STAYS)
def test_other_text_stays(text):
    assert redact(text) == text


def test_json_stays_json():
    assert redact('{"password": "a\\"b", "x": 1}') == '{"password": "***", "x": 1}'


@pytest.mark.parametrize(
    "name",
    [
        "HF_TOKEN",
        "WANDB_API_KEY",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN",
        "PGPASSWORD",
        "MYSQL_PWD",
        "SOME_SERVICE_KEY",
        "DB_PASS",
        "AZURE_STORAGE_CONNECTION_STRING",
        "clientSecret",
    ],
)
def test_the_value_of_a_secret_variable_is_hidden_in_every_spelling(name, monkeypatch):
    from base64 import b64encode
    from json import dumps
    from urllib.parse import quote, quote_plus

    monkeypatch.setenv(name, KNOWN)
    spellings = [
        KNOWN,
        quote(KNOWN),
        quote(KNOWN, safe="").lower(),
        quote_plus(KNOWN),
        quote(quote(KNOWN, safe=""), safe=""),
        dumps(KNOWN)[1:-1],
        repr(KNOWN)[1:-1],
        b64encode(KNOWN.encode()).decode(),
    ]
    for spelling in spellings:
        assert hide_known(f"a {spelling} b") == "a *** b"
    assert contains_known(f"x{KNOWN}x".encode())
    assert hide_known_values({"a": [KNOWN, 1, None]}) == {"a": ["***", 1, None]}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("RAY_AUTH_MODE", "token-mode"),
        ("RAY_AUTH_TOKEN_PATH", "/some/file"),
        ("SSH_AUTH_SOCK", "/run/agent"),
        ("PWD", "/home/user"),
        ("HOME", "/home/user"),
        ("GIT_AUTHOR_NAME", "somebody"),
        ("MY_TOKEN", "short"),
    ],
)
def test_an_ordinary_variable_is_not_secret(name, value, monkeypatch):
    monkeypatch.setenv(name, value)
    assert hide_known(f"a {value} b") == f"a {value} b"


@pytest.mark.parametrize("variable", ["MLFLOW_TRACKING_URI", "HTTPS_PROXY", "DATABASE_URL"])
def test_the_password_of_an_address_is_hidden_wherever_it_stands(variable, monkeypatch):
    monkeypatch.setenv(variable, "https://somebody:pa ss'w%40rd@host/x?sig=abcdefgh")
    for text in ("pa ss'w%40rd", "pa ss'w@rd", "abcdefgh", "somebody:pa ss'w%40rd"):
        assert hide_known(f"a {text} b") == "a *** b"
    address = os.environ[variable]
    assert redact(f"at {address} it failed") == "at https://***@host/x?sig=*** it failed"
    monkeypatch.delenv(variable)
    assert redact("a hunter2xyz b", "mysql://u:hunter2xyz@host") == "a *** b"


def test_the_token_of_ray_is_known(monkeypatch, tmp_path):
    (tmp_path / "token").write_text("0123456789abcdef\n")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(tmp_path / "token"))
    assert hide_known("a 0123456789abcdef b") == "a *** b"


def test_a_private_key_of_several_lines_is_hidden_line_by_line(monkeypatch):
    monkeypatch.setenv("DEPLOY_KEY", "-----BEGIN KEY-----\nabcdefghij\nklmnopqrst\n")
    assert hide_known("see klmnopqrst") == "see ***"


REPEATED = [
    "a", "@", " ", "://", "a:", "password=", "password='", "pwd=a b ", "pwd=a;b ", "--", "'", "\\",
    "eyJ", "bearer ", "Basic a", "%40", "%2525", "%3A%2F%2Fa:", "a.-", "x://a:b c", "<", "_x", "/a",
    "~/", "'a b/", "-----BEGIN PRIVATE KEY-----", "x\n", "pwd=(", "a=", "\t", "file:", "sqlite:///a/",
]  # fmt: skip


@pytest.mark.parametrize("part", REPEATED)
def test_time_grows_with_the_length_alone(part):
    """Eight times the text takes about eight times as long, not sixty-four times."""

    def seconds(length):
        text = part * (length // len(part))
        runs = []
        for _ in range(3):
            start = time.process_time()
            redact_for_others(text)
            runs.append(time.process_time() - start)
        return min(runs)

    short = max(seconds(5_000), 1e-3)
    assert seconds(40_000) < 32 * short


def test_a_log_is_overwritten_in_place_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "canary-7c1f")
    path = tmp_path / "log"
    path.write_text("earlier canary-7c1f\n")
    with path.open("a") as file:
        start = path.stat().st_size
        file.write("a canary-7c1f b\n")
        file.flush()
        hide_known_in_file(path, start=start)
        file.write("more\n")
    assert path.read_text() == "earlier canary-7c1f\na *********** b\nmore\n"


@pytest.mark.parametrize(
    "text",
    [
        "/srv/jane/a.mp4 is missing",
        "'/srv/jane doe/a.mp4' is missing",
        'File "/srv/jane/a.py", line 3',
        "store at sqlite:////srv/jane/mlflow.db",
        "file:///srv/jane/a",
        "[Errno 2] No such file: PosixPath('/srv/jane/a.mp4')",
        "~jane/x/a.mp4",
        "(/srv/jane/a, /srv/jane/b)",
        "path=/srv/jane/a.mp4",
    ],
)
def test_a_path_keeps_its_last_name_alone(text):
    assert "jane" not in hide_paths(text)
    assert "…/" in hide_paths(text)


@pytest.mark.parametrize(
    "text", ["α/β = 1/8", "http://host/a/b", "train/loss and val/top1", "a / b"]
)
def test_a_slash_is_no_path(text):
    assert hide_paths(text) == text


def test_code_keeps_its_place_in_its_package_and_home_is_hidden(monkeypatch):
    monkeypatch.setenv("HOME", "/srv/jane")
    assert hide_paths(f'File "{ROOT}/harness/trial.py"') == 'File "harness/trial.py"'
    assert hide_paths("/srv/jane and results", Path("/a b/c")) == "~ and results"
    assert hide_paths("/a b/c/logs/x.txt", Path("/a b/c")) == "…/logs/x.txt"
