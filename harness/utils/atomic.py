"""Files are replaced whole, never half written."""

import os
from pathlib import Path


def write_atomic(path: Path, content: bytes) -> None:
    """Put a file in place whole or not at all, on the disk and not only in its cache."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    with aside.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
