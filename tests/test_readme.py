"""Links, paths, commands and options of the README and of the documentation."""

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import click
import pytest

from benchmarks.__main__ import app as benchmarks
from harness.cli.main import app as harness

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
TREES = ("harness", "benchmarks", "experiments", "tests", "cluster", "docs")
RAY_PORTS = ("node-manager", "object-manager", "min-worker", "max-worker")
OF_OTHER_PROGRAMS = {"--host", "--requeue", "--signal", *(f"--{name}-port" for name in RAY_PORTS)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), f"{page}: {target}"


def anchors(page):
    """Return the anchors of the headings of a page."""
    text = re.sub(r"```.*?```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_sections_lead_to_headings(page):
    for target, anchor in re.findall(r"\]\(([^):]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
        assert anchor in anchors(page.parent / target if target else page), f"{page}: #{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_paths_of_the_pages_exist(page):
    spans = re.findall(r"`([\w./-]+)`", page.read_text(encoding="utf-8"))
    paths = {span for span in spans if span.split("/")[0] in TREES and "/" in span}
    assert {path for path in paths if not (ROOT / path).exists()} == set()


def commands_of(page):
    """Yield every harness and benchmark command of a page: its click group and its words."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = re.findall(r"^```\w*\n(?s:.*?)^```|^ {4}.*$", text, re.MULTILINE)
    spans = re.findall(r"`((?:python -m )?(?:harness|benchmarks) [^`]+)`", text)
    lines = [line for block in blocks for line in block.splitlines()] + spans
    for line in lines:
        for name, rest in re.findall(r"(?:^|\s)(harness|-m benchmarks) ([a-z].*)", line):
            yield (harness if name == "harness" else benchmarks), rest.split()


@cache
def options_of(command):
    """Return the options of a click command; those of `benchmarks training` are argparse's."""
    if command.name != "training":
        return {word for param in command.params for word in param.opts if word.startswith("-")}
    run = [sys.executable, "-m", "benchmarks", "training", "--help"]
    done = subprocess.run(run, cwd=ROOT, capture_output=True, text=True, check=True)
    return set(re.findall(r"--[a-z-]+", done.stdout))


def subcommands(group):
    """Return the commands of a group by name, those that are imported late too."""
    context = click.Context(group)
    return {name: group.get_command(context, name) for name in group.list_commands(context)}


def leaves(group):
    """Yield every command of a group that is not itself a group."""
    for command in subcommands(group).values():
        yield from leaves(command) if isinstance(command, click.Group) else [command]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_the_pages_exist_and_take_their_options(page):
    for group, words in commands_of(page):
        command, rest = group, words
        while isinstance(command, click.Group):
            assert rest[0] in subcommands(command), f"{page}: {' '.join(words)}"
            command, rest = subcommands(command)[rest[0]], rest[1:]
        given = {word.partition("=")[0] for word in rest if word.startswith("--")}
        assert given <= {"--help"} | options_of(command), f"{page}: {' '.join(words)}"


def test_every_option_of_the_pages_belongs_to_a_command():
    commands = [*leaves(harness), *leaves(benchmarks)]
    options = {word for command in commands for word in options_of(command)}
    text = "".join(
        page.read_text(encoding="utf-8") for page in PAGES if page.name != "CHANGELOG.md"
    )
    named = set(re.findall(r"`(--[a-z][a-z-]+)[^`]*`", text))
    assert named - options - OF_OTHER_PROGRAMS == set()


def test_every_command_is_in_the_documentation():
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    missing = [name for name in harness.commands if f"harness {name}" not in text]
    assert missing == []
