"""Archives: equal bytes when written, no trust when unpacked."""

import gzip
import io
import os
import tarfile

import pytest

from harness.exchange.bundle import archive


def packed(path, *members, tail=b""):
    """Write an archive of members as they are: TarInfo and content."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as written:
        for member, content in members:
            member.size = len(content)
            written.addfile(member, io.BytesIO(content))
    path.write_bytes(gzip.compress(buffer.getvalue() + tail))
    return path


def member(name, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


@pytest.fixture
def path(tmp_path):
    return tmp_path / "bundle.tar.gz"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "below" / "unpacked").mkdir(parents=True)
    return tmp_path / "below" / "unpacked"


def test_files_come_back(path, folder, tmp_path):
    (tmp_path / "source").write_bytes(b"from a file")
    long = "results/" + "x" * 150 + "é.json"
    archive.write(path, {"b/c": b"from memory", "a": tmp_path / "source", long: b""})
    assert archive.unpack(path, folder) == sorted(["a", "b/c", long])
    assert (folder / "a").read_bytes() == b"from a file"
    assert (folder / "b" / "c").read_bytes() == b"from memory"


def test_equal_files_give_equal_bytes_whatever_their_order_times_and_names(path, tmp_path):
    archive.write(path, {"a": b"1", "b": b"2"})
    other = tmp_path / "other name.tgz"
    archive.write(other, {"b": b"2", "a": b"1"})
    assert other.read_bytes() == path.read_bytes()
    with tarfile.open(path) as read:
        assert {(each.mtime, each.uid, each.uname, each.mode) for each in read} == {
            (0, 0, "", 0o644)
        }


@pytest.mark.parametrize(
    "bad",
    [
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("link", tarfile.SYMTYPE, "a"),
        member("hard", tarfile.LNKTYPE, "a"),
        member("device", tarfile.CHRTYPE),
        member("pipe", tarfile.FIFOTYPE),
        member("folder", tarfile.DIRTYPE),
        member("/absolute"),
        member("../outside"),
        member("a/../../outside"),
        member("a/./b"),
        member("a//b"),
        member("..\\outside"),
        member("a"),  # twice
    ],
    ids=lambda info: f"{info.name} {info.type!r}",
)
def test_what_may_leave_the_folder_is_refused(path, folder, bad):
    packed(path, (member("a"), b"1"), (bad, b""))
    with pytest.raises(ValueError, match="was refused"):
        archive.unpack(path, folder)
    assert [file.name for file in folder.parent.rglob("*")] == ["unpacked", "a"]


def test_a_file_below_a_file_is_refused(path, folder):
    packed(path, (member("a"), b"1"), (member("a/b"), b"2"))
    with pytest.raises(ValueError, match="not a whole bundle"):
        archive.unpack(path, folder)


def test_an_archive_that_unpacks_to_too_much_is_refused(path, folder):
    packed(path, (member("a"), b"1"), (member("zeros"), b"\0" * 10_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(ValueError, match="unpacks to over 1,000,000 bytes"):
        archive.unpack(path, folder, max_bytes=1_000_000)


def test_a_header_that_claims_too_much_is_refused(path, folder):
    info = member("a")
    info.size = 2**40
    path.write_bytes(gzip.compress(info.tobuf() + b"\0" * 4096))
    with pytest.raises(ValueError, match=r"whole bundle|unpacks to over"):
        archive.unpack(path, folder, max_bytes=1_000_000)


def extended(kind, size):
    """Return the header and the content of a member that says more of the next one."""
    info = member("more", kind)
    info.size = size
    return info.tobuf() + b"0" * (size + -size % 512)


@pytest.mark.parametrize(
    "kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK]
)
def test_a_header_that_would_fill_the_memory_is_refused(path, folder, kind):
    path.write_bytes(gzip.compress(extended(kind, 5_000_000) + member("a").tobuf()))
    with pytest.raises(ValueError, match="refused: it has a header of 5,000,000 bytes"):
        archive.unpack(path, folder)


def test_a_sparse_file_is_refused_before_its_map_is_read(path, folder):
    record = b"22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n"
    head = member("more", tarfile.XHDTYPE)
    head.size = len(record)
    content = head.tobuf() + record.ljust(512, b"\0") + member("a").tobuf() + b"0" * 1_024
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match="was refused: it holds a sparse file"):
        archive.unpack(path, folder)
    path.write_bytes(gzip.compress(member("a", tarfile.GNUTYPE_SPARSE).tobuf()))
    with pytest.raises(ValueError, match="was refused: it holds a sparse file"):
        archive.unpack(path, folder)


def test_headers_that_lead_to_headers_without_end_are_refused(path, folder):
    chain = extended(tarfile.GNUTYPE_LONGNAME, 10) * 5_000
    path.write_bytes(gzip.compress(chain + member("a").tobuf()))
    with pytest.raises(ValueError, match="not a whole bundle"):
        archive.unpack(path, folder)


def test_too_many_files_are_refused(path, folder, monkeypatch):
    monkeypatch.setattr(archive, "MAX_FILES", 3)
    packed(path, *((member(f"{number}"), b"") for number in range(4)))
    with pytest.raises(ValueError, match="more than 3 files"):
        archive.unpack(path, folder)


@pytest.mark.parametrize(
    "content", [b"", b"no archive", gzip.compress(b"no tar", mtime=0), b"\x1f\x8b\x08"]
)
def test_other_files_are_no_bundle(path, folder, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a whole bundle"):
        archive.unpack(path, folder)


@pytest.mark.parametrize("cut", [0.3, 0.9])
def test_an_archive_that_was_cut_off_is_refused(path, folder, cut):
    archive.write(path, {"a": os.urandom(5000), "b": os.urandom(5000)})
    path.write_bytes(path.read_bytes()[: int(cut * path.stat().st_size)])
    with pytest.raises(ValueError, match="not a whole bundle"):
        archive.unpack(path, folder)


def test_an_archive_with_damaged_bytes_is_refused(path, folder):
    archive.write(path, {"a": bytes(range(256)) * 50})
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match="not a whole bundle"):
        archive.unpack(path, folder)
