"""The command that begins code of one's own: `harness new`."""

from importlib.resources import files
from pathlib import Path

import click

from harness import tables
from harness.cli.options import json_option, print_result
from harness.cli.requests import print_paths
from harness.specs import NAME
from harness.tables import own_datasets
from harness.utils import atomic, own_code
from harness.utils.lookup import check_name

KINDS = ("module", "table", "dataset")
NEXT = {
    "module": "python -m pytest test_{name}.py, then: "
    "harness new table {name}_table --module {name}.py:{title}",
    "table": "harness run ./{name}.py --smoke --seeds 1 --no-ray",
    "dataset": "harness data check {name}.py --root FOLDER",
}


@click.command("new")
@click.argument("kind", metavar="module|table|dataset")
@click.argument("name")
@click.option(
    "--module",
    default="se",
    show_default=True,
    help="Module that a new table compares with a plain network: a name, or my_gate.py:Gate.",
)
@json_option
def new(kind: str, name: str, module: str, as_json: bool) -> None:
    """Write a working skeleton with its test into the current folder: NAME.py and test_NAME.py.

    A module is a layer that tables insert into networks, a table compares rows, and a dataset lists
    videos that are not in a folder per class.
    """
    kind = check_name(kind, KINDS, what="kind")
    _check(kind, name)
    title = "".join(word.capitalize() for word in name.split("_"))
    written = {
        Path(file): _text(template, name=name, title=title, module=module)
        for file, template in {f"{name}.py": kind, f"test_{name}.py": f"test_{kind}"}.items()
    }
    if present := [path.name for path in written if path.exists()]:
        raise ValueError(f"{' and '.join(present)} exists already; choose another name")
    for path, text in written.items():
        atomic.write_atomic(path, text.encode())
    after = NEXT[kind].format(name=name, title=title)
    if as_json:
        print_result({"files": list(map(str, written)), "next": after})
        return
    print_paths(list(written), as_json=False)
    click.echo(f"Next: {after}")


def _check(kind: str, name: str) -> None:
    """Refuse a name that could not be used afterwards."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot be used in Python and in records; use a-z, 0-9 and _")
    own_code.check_name(name, Path(f"{name}.py").resolve())
    if kind == "dataset":
        own_datasets.name_of(f"{name}.py")
    if kind == "table" and name in tables.names():
        raise ValueError(f"{name} is a table of the harness; choose another name")


def _text(template: str, **values: str) -> str:
    text = files(__name__).joinpath(f"{template}.py.txt").read_text(encoding="utf-8")
    for field, value in values.items():
        text = text.replace(f"<{field}>", value)
    return text


COMMANDS = (new,)
