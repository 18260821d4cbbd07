"""The command `harness data describe`."""

from pathlib import Path
from shlex import quote

import click

from harness.cli.options import data_option, json_option
from harness.cli.requests import path_word, print_error, print_paths


@click.command("describe")
@click.argument("name", metavar="NAME")
@data_option
@click.option("--license", "license_url", default="", metavar="URL", help="Licence of the videos.")
@click.option("--url", default="", metavar="URL", help="Page of the data set.")
@click.option("--creator", default="", metavar="NAME", help="Who made the data set.")
@json_option
def describe(
    name: str, data: Path, license_url: str, url: str, creator: str, as_json: bool
) -> None:
    """Write metadata of a checked data set as Croissant: croissant.json beside its passport.

    A table of the videos, croissant-videos.csv, is written there too. Each copy of the desk videos
    gets its own. Croissant requires a licence, a page and a creator, which a passport does not
    know: what is not given is left out and named.
    """
    from harness.data import GENERATED, passport_path
    from harness.exchange import croissant

    publication = croissant.Publication(license_url=license_url, url=url, creator=creator)
    if name in GENERATED:
        paths = sorted(data.glob(f"{name}-*/passport.json"))
    else:
        paths = [path for path in [passport_path(name, data)] if path.is_file()]
    if not paths:
        remedy = (
            "harness run makes it"
            if name in GENERATED
            else f"run: harness data check {quote(name)} --root FOLDER --data {path_word(data)}"
        )
        raise ValueError(f"{data} has no passport of {name}; {remedy}")
    written: list[Path] = []
    for path in paths:
        names = _class_names(name) if name in GENERATED else ()
        written += croissant.write(path.parent.name, path, publication, names)
    print_paths(written, as_json=as_json)
    if publication.missing:
        options = ", ".join(f"--{option}" for option in publication.missing)
        print_error(f"harness: Croissant requires {options} as well; they are left out")


def _class_names(name: str) -> tuple[str, ...]:
    """Return the names of the classes of generated videos, by label."""
    from harness.data.datasets.desk_recipe import CLASSES
    from harness.report.kernels import class_name

    return tuple(class_name(name, label) for label in range(len(CLASSES)))
