"""One version and one date in every file that names them."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
NEWEST = re.compile(r"^## (?P<version>\S+) \((?P<date>\d{4}-\d\d-\d\d)\)$", re.MULTILINE)


def test_the_newest_section_of_the_changelog_is_the_version_cited() -> None:
    newest = NEWEST.search((ROOT / "CHANGELOG.md").read_text())
    assert newest is not None
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert newest["version"] == VERSION == cited["version"]
    assert newest["date"] == cited["date-released"].isoformat()


@pytest.mark.parametrize("name", ["cluster/Dockerfile", "cluster/rayjob.yaml"])
def test_an_image_carries_the_version(name: str) -> None:
    tags = re.findall(r"dsanet-harness:(\S+)", (ROOT / name).read_text())
    assert set(tags) == {VERSION}
