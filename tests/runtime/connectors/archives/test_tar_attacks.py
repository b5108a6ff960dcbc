"""Tar archives that lie: by links, devices, headers without end, bombs in every compression, and cut anywhere."""

import bz2
import gzip
import io
import lzma
import tarfile
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from backports import zstd

from runtime.connectors.archives.hostile import END, header, pax, pax_records, tarred
from runtime.connectors.archives.place import ArchivePlace

MiB = 1024 * 1024
COMPRESSED: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda content: zstd.compress(content, options={zstd.CompressionParameter.checksum_flag: 1}),
}
NONE_OF_THEM = "data: it is no tar archive, or a header is damaged"
TOO_SHORT = "data: it is no tar archive, or is cut off"


@pytest.fixture
def place(tmp_path: Path) -> ArchivePlace:
    return ArchivePlace(tmp_path)


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        (b"1", "is a hard link"),
        (b"2", "is a symbolic link"),
        (b"3", "is a device"),
        (b"4", "is a device"),
        (b"6", "is a FIFO"),
        (b"S", "is a file with holes"),
        (b"K", "is a link"),
        (b"M", "is neither a file nor a folder"),
        (b"V", "is neither a file nor a folder"),
        (b"s", "is neither a file nor a folder"),
    ],
)
def test_what_is_no_file_refuses_the_archive(place: ArchivePlace, kind: bytes, why: str) -> None:
    archive = tarred("good", b"x") + header("a", kind=kind, link=b"../../etc/passwd") + END
    assert place.refused("tarfile", archive) == f"data: its member `a` {why}"


@pytest.mark.parametrize("kind", [b"1", b"2"])
def test_a_link_and_a_file_through_it_refuse_the_archive(place: ArchivePlace, kind: bytes) -> None:
    archive = header("a", kind=kind, link=b"..") + tarred("a/x", b"x") + END
    assert "link" in place.refused("tarfile", archive)


@pytest.mark.parametrize(("first", "then"), [("a", "a/b"), ("dir/link", "dir/link/../../x")])
def test_a_chain_of_links_refuses_the_archive(place: ArchivePlace, first: str, then: str) -> None:
    chain = header(first, kind=b"2", link=b".") + header(then, kind=b"2", link=b"..") + tarred(f"{then}/x", b"x")
    assert place.refused("tarfile", chain + END).endswith("is a symbolic link")


def test_modes_are_not_taken_over(place: ArchivePlace) -> None:
    place.unpack("tarfile", header("a", mode=0o6777) + header("b", mode=0) + END)
    modes = {name: (place.root / "out" / name).stat().st_mode & 0o7777 for name in "ab"}
    assert modes["a"] == modes["b"]
    assert modes["a"] & 0o7133 == 0


@pytest.mark.parametrize("compression", COMPRESSED)
def test_every_compression_is_seen_in_the_first_bytes(place: ArchivePlace, compression: str) -> None:
    rows = b"".join(b"%d,%d\n" % (row, row * row) for row in range(200_000))
    archive = COMPRESSED[compression](tarred("in/a", rows) + tarred("b") + END)
    assert place.unpack("tarfile", archive) == {"b": b"", "in/a": rows}


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "xz", "zstd"])
def test_an_archive_that_unpacks_to_far_too_much_is_refused(place: ArchivePlace, compression: str) -> None:
    archive = COMPRESSED[compression](tarred("a", b"\0" * 40 * MiB) + END)
    assert place.refused("tarfile", archive) == "data: it unpacks to more than 100 times its size"


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "xz", "zstd"])
def test_so_is_one_that_does_after_its_end(place: ArchivePlace, compression: str) -> None:
    archive = COMPRESSED[compression](tarred("a", b"x") + bytes(40 * MiB))
    assert place.refused("tarfile", archive) == "data: it unpacks to more than 100 times its size"


def test_more_bytes_than_are_allowed_are_refused_before_they_come(place: ArchivePlace) -> None:
    archive = tarred("a", b"1234") + header("b", size=1 << 40)
    assert place.refused("tarfile", archive, max_bytes=1000) == "data: it unpacks to more than 1,000 bytes"
    assert place.unpack("tarfile", tarred("a", b"1234") + END, max_bytes=4) == {"a": b"1234"}


def test_too_many_members_are_refused(place: ArchivePlace) -> None:
    archive = b"".join(tarred(f"{number}") for number in range(11)) + END
    assert place.refused("tarfile", archive, max_files=10) == "data: it has more than 10 members"
    assert len(place.unpack("tarfile", archive, max_files=11)) == 11


@pytest.mark.parametrize("kind", [b"x", b"g", b"L"])
def test_a_header_of_gigabytes_is_not_read(place: ArchivePlace, kind: bytes) -> None:
    archive = gzip.compress(header("long", size=1 << 33, kind=kind) + b"\0" * 20 * MiB)
    assert place.refused("tarfile", archive, max_ratio=1e9) == "data: it has a header of 8,589,934,592 bytes"


def test_a_header_of_gigabytes_takes_no_memory(place: ArchivePlace) -> None:
    archive = header("long", size=1 << 33, kind=b"x") + b"1" * 20 * MiB
    tracemalloc.start()
    try:
        place.refused("tarfile", archive)
        assert tracemalloc.get_traced_memory()[1] < 5 * MiB
    finally:
        tracemalloc.stop()


def test_headers_without_a_member_do_not_go_on_for_ever(place: ArchivePlace) -> None:
    flood = tarred("g", pax_records({"comment": "x"}), b"g") * 11
    assert place.refused("tarfile", flood + END, max_files=10) == "data: it has more than 10 members"
    assert place.refused("tarfile", pax(comment="x") * 2 + END) == "data: several headers describe one member"
    assert place.refused("tarfile", pax(comment="x") + END) == "data: a header is damaged"


@pytest.mark.parametrize(
    ("extended", "why"),
    [
        (pax(path="a") + tarred("././@LongLink", b"b\0", b"L"), None),
        (tarred("././@LongLink", b"b\0", b"L") * 2, "several headers describe one member"),
        (tarred("g", pax_records({"path": "b"}), b"g"), "several headers describe one member"),
        (tarred("g", pax_records({"size": "9"}), b"g"), "several headers describe one member"),
        (pax(**{"GNU.sparse.major": "1"}), "it holds a file with holes"),
        (pax(size="-1"), "a header is damaged"),
        (pax(size="٣"), "a header is damaged"),
        (pax(size="9" * 5000), "a header is damaged"),
        (tarred("pax", b"99 path=a\n", b"x"), "a header is damaged"),
        (tarred("pax", b"0 path=a\n", b"x"), "a header is damaged"),
        (tarred("pax", b"path=a\n", b"x"), "a header is damaged"),
        (tarred("pax", b"9 path=a\0", b"x"), "a header is damaged"),
        (tarred("pax", b"\xb2 path=a\n", b"x"), "a header is damaged"),
    ],
)
def test_headers_that_say_a_thing_twice_or_badly_are_refused(
    place: ArchivePlace, extended: bytes, why: str | None
) -> None:
    said = place.refused("tarfile", extended + tarred("a", b"x") + END)
    assert said == f"data: {why or 'several headers describe one member'}"


def test_extended_headers_say_name_and_size_and_nothing_else_is_used(place: ArchivePlace) -> None:
    extended = pax(path="ü" * 120, size="3", uid="0", mtime="1", linkpath="/etc/passwd")
    archive = tarred("g", pax_records({"comment": "of git"}), b"g") + extended
    archive += header("short", size=8**11 - 1) + b"abc".ljust(512, b"\0")
    archive += tarred("././@LongLink", b"l" * 200 + b"\0", b"L") + tarred("short", b"x")
    archive += tarred("name", b"y", prefix=b"prefix")
    assert place.unpack("tarfile", archive + END) == {"ü" * 120: b"abc", "l" * 200: b"x", "prefix/name": b"y"}


def test_what_gnu_writes_where_posix_has_a_prefix_is_no_name(place: ArchivePlace) -> None:
    archive = tarred("name", b"x", magic=b"ustar  \0", prefix=b"12345") + END
    assert place.unpack("tarfile", archive) == {"name": b"x"}


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "xz", "zstd"])
def test_damaged_compression_is_refused(place: ArchivePlace, compression: str) -> None:
    archive = bytearray(COMPRESSED[compression](tarred("a", bytes(range(256)) * 40) + END))
    archive[len(archive) // 2] ^= 0xFF
    said = place.refused("tarfile", bytes(archive))
    assert said.startswith("data: ")


def test_the_checksum_behind_gzip_is_compared(place: ArchivePlace) -> None:
    archive = bytearray(gzip.compress(tarred("a", b"x") + END))
    archive[-8] ^= 1
    assert place.refused("tarfile", bytes(archive)) == "data: its compressed data is damaged"


@pytest.mark.parametrize("compression", COMPRESSED)
def test_an_archive_that_is_cut_off_anywhere_is_refused(place: ArchivePlace, compression: str) -> None:
    whole = COMPRESSED[compression](tarred("a", b"x" * 700) + tarred("b", b"y" * 10) + END)
    places = range(0, len(whole) - 1024, 100) if compression == "plain" else range(0, len(whole), 7)
    for kept in places:
        assert place.refused("tarfile", whole[:kept]) in (
            "data: it is cut off",
            "data: its compressed data is damaged",
            NONE_OF_THEM,
            TOO_SHORT,
        )


@pytest.mark.parametrize("compression", COMPRESSED)
def test_bytes_that_the_last_member_has_lost_are_missed(place: ArchivePlace, compression: str) -> None:
    archive = tarred("a", b"1,2\r\n" * 300) + END
    assert place.refused("tarfile", COMPRESSED[compression](archive.replace(b"\r\n", b"\n"))) == "data: it is cut off"


@pytest.mark.parametrize("compression", COMPRESSED)
def test_something_after_the_end_is_refused(place: ArchivePlace, compression: str) -> None:
    archive = COMPRESSED[compression](tarred("a", b"x") + END + tarred("hidden", b"y") + END)
    assert place.refused("tarfile", archive) == "data: something comes after its end"


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "xz", "zstd"])
def test_something_after_the_compressed_data_is_refused(place: ArchivePlace, compression: str) -> None:
    archive = COMPRESSED[compression](tarred("a", b"x") + END)
    assert place.refused("tarfile", archive + b"garbage") in (
        "data: its compressed data is damaged",
        "data: it is cut off",
    )
    assert place.unpack("tarfile", archive + bytes(5000)) == {"a": b"x"}  # a tape's padding


def test_streams_one_after_the_other_are_one_archive(place: ArchivePlace) -> None:
    archive = tarred("a", b"x" * 600) + END
    assert place.unpack("tarfile", gzip.compress(archive[:700]) + gzip.compress(archive[700:])) == {"a": b"x" * 600}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"some text",
        b"PK\3\4" + b"\0" * 600,
        bytes(511),
        b"\xff" * 1024,
        b"x" * 512,
        gzip.compress(b"n\n1\n"),
    ],
)
def test_what_is_no_tar_archive_is_refused(place: ArchivePlace, content: bytes) -> None:
    assert place.refused("tarfile", content) in (TOO_SHORT, NONE_OF_THEM, "data: a header is damaged")


def test_a_header_that_asks_for_gigabytes_of_dictionary_is_refused(place: ArchivePlace) -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "dict_size": 512 * MiB}]
    archive = lzma.compress(tarred("a", b"x") + END, filters=filters)
    assert place.refused("tarfile", archive) == "data: its compressed data is damaged"


@pytest.mark.parametrize("size", [b"\x80" + b"\xff" * 11, b"\xff" * 12, b"99999999999\0", b"-1\0".ljust(12, b"\0")])
def test_a_size_that_is_none_is_refused(place: ArchivePlace, size: bytes) -> None:
    block = bytearray(header("a"))
    block[124:136] = size
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    assert place.refused("tarfile", bytes(block) + END) == "data: a header is damaged"


def test_no_byte_that_is_changed_makes_anything_but_a_refusal(place: ArchivePlace) -> None:
    archive = pax(path="long/name", size="3") + header("a", 3) + b"abc".ljust(512, b"\0") + END
    for at in range(len(archive)):
        found = place.outcome("tarfile", archive[:at] + bytes([archive[at] ^ 0x5A]) + archive[at + 1 :])
        assert found.startswith("data: ") if isinstance(found, str) else len(found) <= 1


def made_by_python(format: int) -> Iterator[bytes]:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=format) as made:
        for name, content in (("in/a.csv", b"x" * 9), ("l" * 150 + "/" + "m" * 90, b"long"), ("ü", b"")):
            info = tarfile.TarInfo(name)
            info.size = len(content)
            made.addfile(info, io.BytesIO(content))
    yield target.getvalue()


@pytest.mark.parametrize("format", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_what_others_write_is_read(place: ArchivePlace, format: Any) -> None:
    (archive,) = made_by_python(format)
    assert place.unpack("tarfile", archive) == {
        "in/a.csv": b"x" * 9,
        "l" * 150 + "/" + "m" * 90: b"long",
        "ü": b"",
    }
