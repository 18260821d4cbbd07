"""Commands on whole results folders: `harness diff`, `merge`, `bundle`, `verify` and `prune`."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import (
    FOLDER,
    data_option,
    json_option,
    print_result,
    results_option,
)
from harness.cli.requests import FAILED, experiment_option, print_error, short_path
from harness.tables import load
from harness.utils.escape import counted

if TYPE_CHECKING:
    from harness.exchange.prune import Kind

EXISTING = click.Path(exists=True, file_okay=False, path_type=Path, resolve_path=True)


@click.command("diff")
@experiment_option
@click.argument("folders", nargs=-1, required=True, metavar="[FIRST] SECOND", type=EXISTING)
@results_option
@click.option(
    "--table",
    "tables",
    multiple=True,
    metavar="TABLE",
    help="Compare this table alone; repeatable.",
)
@click.option(
    "--within",
    type=click.FloatRange(min=0, min_open=True),
    metavar="POINTS",
    help="Points of top-1 that count as the same.  [default: the margin of the table]",
)
@json_option
def compare_folders(
    folders: tuple[Path, ...],
    results: Path,
    tables: tuple[str, ...],
    within: float | None,
    as_json: bool,
) -> None:
    """Compare two results folders row by row, paired on seeds and videos.

    FIRST is the folder of --results by default. Shows how far the second deviates from the first,
    and in what the machines and libraries differ. The exit code is 0 if every row that both have
    is equal or the same within the margin, 1 if one differs or is undecided, and 2 if none differs
    and one cannot be compared. A row of --table that only one folder has cannot be compared.
    """
    if len(folders) > 2:
        raise click.UsageError(f"diff compares two folders; {len(folders)} were named")
    first, second = folders if len(folders) == 2 else (results, folders[0])
    names = [load(name).name for name in tables]
    from harness.exchange import diff, diff_text
    from harness.exchange.places import all_tables

    found = diff.compare(first, second, tables=all_tables(), only=names, margin=within)
    print_result(asdict(found) | {"code": found.code} if as_json else diff_text.text(found))
    sys.exit(found.code)


@click.command("merge")
@click.argument("folders", nargs=-1, required=True, metavar="FOLDER...", type=EXISTING)
@click.option("--into", type=FOLDER, required=True, help="Results folder to merge into.")
@click.option(
    "--prefer",
    metavar="A|B|newer",
    help="Record to keep where two differ: that of the first folder (A), of the second (B) and so "
    "on, or the one that finished last.",
)
@json_option
def merge_folders(folders: tuple[Path, ...], into: Path, prefer: str | None, as_json: bool) -> None:
    """Merge the records, scores and declared claims of results folders.

    Equal records are kept once. Two different records of one trial are refused unless --prefer
    decides, and so is a damaged file; nothing is written then. Write tables with: harness report
    """
    from harness.exchange import merge

    outcome = merge.merge(folders, into, prefer=prefer)
    print_result(asdict(outcome) if as_json else merge.text(outcome, into))


@click.command("bundle")
@experiment_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default="dsanet-results.tar.gz",
    show_default=True,
    help="The archive.",
)
@click.option("--license", "license_url", default="", metavar="URL", help="Licence of the results.")
@results_option
@data_option
@json_option
def write_bundle(out: Path, license_url: str, results: Path, data: Path, as_json: bool) -> None:
    """Write an archive for reviewers: everything behind the tables of a results folder.

    Holds records, scores, declared claims, passports, versions, tables, figures, the page, an
    artifact appendix, RO-Crate metadata, and the source of each table that --experiment names, with
    that of its networks. Equal results give equal bytes.
    """
    from harness.exchange import bundle
    from harness.exchange.places import all_tables

    done = bundle.write(out, results, data=data, tables=all_tables(), license_url=license_url)
    for name in done.without_passport:
        print_error(f"harness: the passport of {name} is not in {data}, so it is left out")
    for sentence in done.without_source:
        print_error(f"harness: {sentence}")
    names = ", ".join(done.tables) or "no table"
    summary = f"{short_path(out)}: {counted(done.records, 'record')}; {names}"
    print_result(asdict(done) | {"path": str(out)} if as_json else summary)


@click.command("verify")
@experiment_option
@click.argument("bundle", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--max-gigabytes",
    type=click.FloatRange(min=0, min_open=True),
    default=8,
    show_default=True,
    help="Refuse a bundle that unpacks to more.",
)
@json_option
def verify_bundle(bundle: Path, max_gigabytes: float, as_json: bool) -> None:
    """Check the files of a bundle, and judge its claims again from its records.

    The exit code is 0 if all of it holds, 1 if a file was altered or a verdict is another one, and
    2 if it is no bundle or unsafe to unpack.
    """
    from harness.exchange import verify
    from harness.exchange.places import all_tables

    found = verify.verify(bundle, tables=all_tables(), max_bytes=int(max_gigabytes * 2**30))
    print_result(asdict(found) if as_json else verify.text(found, bundle))
    if found.faults:
        sys.exit(FAILED)


@click.command("prune")
@experiment_option
@click.option("--dry-run", is_flag=True, help="List only; the default without the next two.")
@click.option("--remove", is_flag=True, help="Ask, then remove what is listed.")
@click.option("--yes", is_flag=True, help="Remove what is listed without asking.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice(["stale", "checkpoints", "work", "frames", "leftovers"]),
    help="List this kind alone; may be repeated.  [default: all]",
)
@click.option(
    "--untouched",
    type=click.FloatRange(min=0),
    default=14,
    show_default=True,
    metavar="DAYS",
    help="Least age of unfinished work and half-written files.",
)
@results_option
@json_option
def prune_folder(
    dry_run: bool,
    remove: bool,
    yes: bool,
    kinds: tuple["Kind", ...],
    untouched: float,
    results: Path,
    as_json: bool,
) -> None:
    """List what a results folder no longer needs, with sizes, and remove it if asked to.

    Kinds: stale (records made by other code than this), checkpoints (kept ones of finished
    trials), work (unfinished trials that nothing touched for a while), frames (decoded small
    videos, a cache) and leftovers of killed processes. A record made by this code is never among
    them.
    """
    from harness.exchange import prune
    from harness.exchange.places import Places, all_tables

    items = prune.find(
        results,
        places=Places(all_tables()),
        kinds=kinds or tuple(prune.KINDS),
        untouched_days=untouched,
    )
    listed = [asdict(item) | {"paths": list(map(str, item.paths))} for item in items]
    print_result(listed if as_json else prune.text(items, results))
    if dry_run or not items or not (remove or yes):
        return
    if not yes and not _confirm(f"Remove {len(items)} of them for good?"):
        print_error("nothing was removed")
        return
    prune.remove(results, items)
    print_error(f"removed {len(items)}")


def _confirm(question: str) -> bool:
    """Ask; no answer, as without a terminal, is a no."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        return False


COMMANDS = (compare_folders, merge_folders, write_bundle, verify_bundle, prune_folder)
