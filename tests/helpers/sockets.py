"""Listening sockets of a process and of its descendants, read from /proc."""

import contextlib
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_LISTEN = "0A"


class Listening(NamedTuple):
    """A listening socket."""

    process: str
    address: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.address).is_loopback


def family(pid: int) -> list[int]:
    """Return a process and its descendants."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = [pid]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def listening_sockets(pid: int) -> set[Listening]:
    """Return the listening sockets of a process and of its descendants."""
    sockets = dict(_sockets())
    found = set()
    for each in family(pid):
        with contextlib.suppress(OSError):
            name = Path(f"/proc/{each}/comm").read_text().strip()
            for link in list(Path(f"/proc/{each}/fd").iterdir()):
                with contextlib.suppress(OSError):
                    inode = str(link.readlink()).removeprefix("socket:[").removesuffix("]")
                    if inode in sockets:
                        found.add(Listening(name, *sockets[inode]))
    return found


def _sockets() -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield the inode and the address of every listening socket of this machine."""
    for path in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in path.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN:
                address, _, port = fields[1].partition(":")
                yield fields[9], (_address(address), int(port, 16))


def _address(text: str) -> str:
    """Decode an address, whose 32-bit words have their lowest byte first."""
    words = [bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
