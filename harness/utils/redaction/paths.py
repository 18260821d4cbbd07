"""Paths of this machine in text that leaves it."""

import os
import re
import site
import sysconfig
from functools import lru_cache
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[3]
_QUOTED_PATH = re.compile(r"(?<=[\"'`])(?:~[\w.-]*+)?/[^\"'`\n:;,]*+(?=[\"'`])")
_FILE_ADDRESS = re.compile(r"(?i)\b(?:sqlite|file)[\w+]{0,20}:/{2,4}[^\s'\"<>]*+")
_PATH = re.compile(r"(?<![\w:/.…\\~-])(?:~[\w.-]*+|[A-Za-z]:)?/(?:[^\s/'\"<>|:;,()\[\]{}]++/)+")


def hide_paths(text: str, *folders: Path) -> str:
    """Shorten paths: modules to their place in a package, other files to their names.

    Args:
        text: That is to leave this machine.
        folders: Known ones, whose names may hold blanks.
    """
    for folder in folders:
        text = text.replace(str(folder), "…")
    for place, name in _folders():
        text = text.replace(f"{place}{os.sep}", name)
    if home := home_folder():
        text = text.replace(str(home), "~")
    text = _FILE_ADDRESS.sub(_keep_name, _QUOTED_PATH.sub(_keep_name, text))
    return _PATH.sub("…/", text)


def home_folder() -> Path | None:
    """Return the home of the user; None where there is none, as in some containers."""
    try:
        home = Path.home()
    except RuntimeError:
        return None
    return home if home != Path("/") else None


@lru_cache(maxsize=1)
def _folders() -> list[tuple[str, str]]:
    """List the folders of code, longest first, with what stands for them."""
    folders = {str(_ROOT): ""}
    for place in (*site.getsitepackages(), *sysconfig.get_paths().values()):
        folders.setdefault(place, "")
    return sorted(folders.items(), key=lambda item: -len(item[0]))


def _keep_name(match: re.Match[str]) -> str:
    return f"…/{match[0].rpartition('/')[2]}"
