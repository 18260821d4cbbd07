"""The listening sockets of a process and its descendants, read from /proc."""

import contextlib
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_LISTEN = "0A"


class ListeningSocket(NamedTuple):
    """A socket that accepts connections."""

    process: str
    address: str
    port: int

    @property
    def is_loopback(self) -> bool:
        return ipaddress.ip_address(self.address).is_loopback


def process_tree(pid: int) -> list[int]:
    """Return the ids of a process and its descendants."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    tree = [pid]
    for ancestor in tree:
        tree += [child for child, parent in parents.items() if parent == ancestor]
    return tree


def listening_sockets(pid: int) -> set[ListeningSocket]:
    """List the sockets on which a process or a descendant accepts connections."""
    addresses = dict(_listening_addresses())
    sockets = set()
    for member in process_tree(pid):
        with contextlib.suppress(OSError):
            name = Path(f"/proc/{member}/comm").read_text().strip()
            for link in list(Path(f"/proc/{member}/fd").iterdir()):
                with contextlib.suppress(OSError):
                    inode = str(link.readlink()).removeprefix("socket:[").removesuffix("]")
                    if inode in addresses:
                        sockets.add(ListeningSocket(name, *addresses[inode]))
    return sockets


def _listening_addresses() -> Iterator[tuple[str, tuple[str, int]]]:
    """Yield the inode and the address of every listening socket of this machine."""
    for path in (Path("/proc/net/tcp"), Path("/proc/net/tcp6")):
        for line in path.read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTEN:
                address, _, port = fields[1].partition(":")
                yield fields[9], (_decode_address(address), int(port, 16))


def _decode_address(text: str) -> str:
    """Decode an address, whose 32-bit words have their lowest byte first."""
    words = [bytes.fromhex(text[start : start + 8])[::-1] for start in range(0, len(text), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
