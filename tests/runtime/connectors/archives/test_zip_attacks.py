"""ZIP archives that lie: in their sizes, headers and ends, by links and bombs, with both drivers that read them."""

import io
import struct
import zipfile
from typing import Any

import pytest

from runtime.connectors.archives.hostile import BLOCK_DEVICE, FIFO, SOCKET, SYMLINK, Packed, deflated, zipped
from runtime.connectors.archives.place import CANARY, ArchivePlace

pytestmark = pytest.mark.parametrize("driver", ["zipfile", "pyzipper"])
OVERLAP = "data: its members overlap"
NO_ZIP = "data: it is no whole ZIP archive: its end is missing, or something comes after it"
BETWEEN = "data: something lies behind its member `a` that belongs to none"
MEMBER = zipped(Packed("hidden", b"x" * 99))[: 30 + len("hidden") + len(deflated(b"x" * 99))]
"""A member as it lies in an archive, in no directory."""
LATER = 8
TWO_WAYS = "data: its member `a` is described in two ways that differ"
MiB = 1024 * 1024


@pytest.fixture
def place(tmp_path: Any) -> ArchivePlace:
    return ArchivePlace(tmp_path)


@pytest.mark.parametrize(
    ("mode", "why"),
    [
        (SYMLINK, "is a symbolic link"),
        (FIFO, "is neither a file nor a folder"),
        (SOCKET, "is neither a file nor a folder"),
        (BLOCK_DEVICE, "is neither a file nor a folder"),
        (0o020644, "is neither a file nor a folder"),
        (0o040755, "is neither a file nor a folder"),
    ],
)
def test_what_is_no_file_refuses_the_archive(place: ArchivePlace, driver: str, mode: int, why: str) -> None:
    said = place.refused(driver, zipped(Packed("good", b"x"), Packed("a", b"../../etc", mode=mode)))
    assert said == f"data: its member `a` {why}"


def test_content_of_a_folder_is_not_left_out(place: ArchivePlace, driver: str) -> None:
    archive = zipped(Packed("a/", b"x", 0o040755), Packed("b", b"y"))
    assert place.refused(driver, archive) == "data: its member `a/` is a folder with content"
    empty = zipped(Packed("a/", b"", 0o040755), Packed("b", b"y"))  # packed it has two bytes, as Java's are
    assert place.unpack(driver, empty) == {"b": b"y"}


def test_a_link_and_a_file_through_it_refuse_the_archive(place: ArchivePlace, driver: str) -> None:
    archive = zipped(Packed("a", b"..", mode=SYMLINK), Packed("a/x", b"x"))
    assert place.refused(driver, archive) == "data: its member `a` is a symbolic link"


def test_modes_are_not_taken_over(place: ArchivePlace, driver: str) -> None:
    place.unpack(driver, zipped(Packed("a", b"x", mode=0o106777), Packed("b", b"x", mode=0o100000)))
    modes = {name: (place.root / "out" / name).stat().st_mode & 0o7777 for name in "ab"}
    assert modes["a"] == modes["b"]
    assert modes["a"] & 0o7133 == 0


def test_members_that_share_their_data_are_no_archive(place: ArchivePlace, driver: str) -> None:
    many = [Packed(f"{number}", b"kernel" * 1000, offset=0) for number in range(100)]
    assert place.refused(driver, zipped(*many)) == OVERLAP


def test_a_member_that_begins_within_another_is_refused(place: ArchivePlace, driver: str) -> None:
    first, second = Packed("a", b"x" * 99, method=0), Packed("b", b"y", method=0)
    inner = zipped(second)[: 30 + 1 + 1]
    quoted = first._replace(content=inner.ljust(99, b"\0"))
    whole = zipped(quoted, second._replace(offset=31))
    assert place.refused(driver, whole) == OVERLAP


def test_a_member_that_reaches_into_the_next_one_is_refused(place: ArchivePlace, driver: str) -> None:
    reaching = Packed("a", b"x" * 10, method=0, packed_size=45, size=45, crc=0)
    assert place.refused(driver, zipped(reaching, Packed("b", b"y" * 60))) == OVERLAP


def test_a_member_that_reaches_into_the_directory_is_refused(place: ArchivePlace, driver: str) -> None:
    assert place.refused(driver, zipped(Packed("a", b"x", method=0, packed_size=40, size=40, crc=0))) == OVERLAP


def test_a_member_that_unpacks_to_far_too_much_is_refused(place: ArchivePlace, driver: str) -> None:
    said = place.refused(driver, zipped(Packed("a", b"\0" * 20 * MiB)))
    assert said == "data: it unpacks to more than 100 times its size"


def test_many_members_that_do_so_together_are_refused(place: ArchivePlace, driver: str) -> None:
    members = [Packed(f"{number}", b"\0" * MiB) for number in range(20)]
    assert place.refused(driver, zipped(*members)) == "data: it unpacks to more than 100 times its size"


def test_a_little_repetition_is_no_bomb(place: ArchivePlace, driver: str) -> None:
    assert place.unpack(driver, zipped(Packed("a", b"\0" * MiB))) == {"a": b"\0" * MiB}


def test_a_ratio_can_be_allowed(place: ArchivePlace, driver: str) -> None:
    assert len(place.unpack(driver, zipped(Packed("a", b"\0" * 20 * MiB)), max_ratio=2000)["a"]) == 20 * MiB


def test_more_bytes_than_are_allowed_are_refused_before_any_is_written(place: ArchivePlace, driver: str) -> None:
    archive = zipped(Packed("a", b"1234"), Packed("b", b"5", size=0xFFFFFFF0, packed_size=0xFFFFFFF0))
    assert place.refused(driver, archive, max_bytes=1000) == "data: it unpacks to more than 1,000 bytes"
    assert place.unpack(driver, zipped(Packed("a", b"1234")), max_bytes=4) == {"a": b"1234"}


@pytest.mark.parametrize("method", [0, 8])
def test_a_member_that_holds_more_than_it_says_is_refused(place: ArchivePlace, driver: str, method: int) -> None:
    said = place.refused(driver, zipped(Packed("a", b"x" * 5 * MiB, size=10, method=method)))
    assert said == "data: its member `a` holds more than it says"


@pytest.mark.parametrize("method", [0, 8])
def test_a_member_that_holds_less_than_it_says_is_refused(place: ArchivePlace, driver: str, method: int) -> None:
    said = place.refused(driver, zipped(Packed("a", b"x", size=10, method=method)))
    assert said == "data: its member `a` holds less than it says"


def test_too_many_members_are_refused(place: ArchivePlace, driver: str) -> None:
    archive = zipped(*(Packed(f"{number}", b"x") for number in range(11)))
    assert place.refused(driver, archive, max_files=10) == "data: it has more than 10 members"
    assert len(place.unpack(driver, archive, max_files=11)) == 11


def test_a_directory_that_counts_ten_million_members_is_not_read(place: ArchivePlace, driver: str) -> None:
    count, size = 10_000_000, 460_000_000
    end64 = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, 0)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, size, 1)
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path = place.root / "a.zip"
    with open(path, "wb") as file:  # a hole where the directory would be
        file.truncate(size)
        file.seek(size)
        file.write(end64 + locator + end)
    with pytest.raises(Exception, match="it has more than 10,000 members"):
        place.connector(driver).unpack(["a.zip"], "out", lambda _: True, "mark", lambda: None)


def test_a_directory_that_is_large_without_members_is_not_read(place: ArchivePlace, driver: str) -> None:
    archive = bytearray(zipped(Packed("a", b"x"), comment=b""))
    archive[-22:-22] = bytes(10 * MiB)
    end = struct.unpack("<4s4H2LH", archive[-22:])
    archive[-22:] = struct.pack("<4s4H2LH", *end[:5], end[5] + 10 * MiB, end[6], 0)
    assert place.refused(driver, bytes(archive)) == "data: its directory is too large for its members"


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_directory_that_counts_wrongly_is_refused(place: ArchivePlace, driver: str, count: int) -> None:
    said = place.refused(driver, zipped(Packed("a", b"x"), Packed("b", b"x"), count=count))
    assert said in ("data: its directory holds more than it counts", "data: its directory is damaged")


@pytest.mark.parametrize(
    "lie",
    [
        {"local_name": b"b"},
        {"local_name": b"../a"},
        {"local_method": 0},
        {"local_size": 9},
    ],
)
def test_a_local_header_that_says_something_else_is_refused(place: ArchivePlace, driver: str, lie: Any) -> None:
    assert place.refused(driver, zipped(Packed("a", b"x")._replace(**lie))) == TWO_WAYS


def test_a_member_that_is_not_where_the_directory_says_is_refused(place: ArchivePlace, driver: str) -> None:
    archive = zipped(Packed("b", b"x" * 200, method=0), Packed("a", b"y", offset=50))
    assert place.refused(driver, archive) in (OVERLAP, "data: its member `a` is not where the directory says")


@pytest.mark.parametrize("more", [b"\0", b"garbage", b"PK\5\6", zipped(Packed("b", b"x"))[:-22]])
def test_data_after_the_end_is_refused(place: ArchivePlace, driver: str, more: bytes) -> None:
    assert place.refused(driver, zipped(Packed("a", b"x")) + more) == NO_ZIP


def test_a_second_archive_behind_the_first_is_refused(place: ArchivePlace, driver: str) -> None:
    one, other = zipped(Packed("a", b"x")), zipped(Packed("b", b"y"))
    assert place.refused(driver, one + other) == NO_ZIP  # its directory is not where its end says


def test_two_ends_of_which_a_comment_holds_one_are_refused(place: ArchivePlace, driver: str) -> None:
    hidden = zipped(Packed("b", b"y"))
    assert place.refused(driver, zipped(Packed("a", b"x"), comment=hidden[-22:])) == NO_ZIP


def test_a_comment_is_none_of_our_business(place: ArchivePlace, driver: str) -> None:
    assert place.unpack(driver, zipped(Packed("a", b"x"), comment=b"made today" * 5000)) == {"a": b"x"}


def test_something_between_the_directory_and_the_end_is_refused(place: ArchivePlace, driver: str) -> None:
    assert place.refused(driver, zipped(Packed("a", b"x"), gap=b"hidden")) == NO_ZIP


@pytest.mark.parametrize("before", [b"#!/bin/sh\n", MEMBER])
def test_something_before_the_first_member_is_refused(place: ArchivePlace, driver: str, before: bytes) -> None:
    said = place.refused(driver, moved(zipped(Packed("a", b"x")), before))
    assert said == "data: something lies before its first member"


@pytest.mark.parametrize("flags", [0, LATER])
def test_a_member_that_only_a_reader_from_the_front_sees_is_refused(
    place: ArchivePlace, driver: str, flags: int
) -> None:
    data = deflated(b"x")
    hiding = Packed("a", b"x", data=data + MEMBER, packed_size=len(data), flags=flags)
    assert place.refused(driver, zipped(hiding, Packed("b", b"y"))) == BETWEEN
    assert place.refused(driver, zipped(Packed("b", b"y"), hiding)) == BETWEEN


@pytest.mark.parametrize("kept", [0, 1, 10, 31, 60, 100, -1, -10])
def test_an_archive_that_is_cut_off_is_refused(place: ArchivePlace, driver: str, kept: int) -> None:
    archive = zipped(Packed("a", b"some content"), Packed("b", b"more"))
    assert place.refused(driver, archive[:kept]) == NO_ZIP


def test_a_wrong_checksum_is_refused(place: ArchivePlace, driver: str) -> None:
    assert place.refused(driver, zipped(Packed("a", b"x", crc=7))) == "data: the checksum of its member `a` is wrong"


@pytest.mark.parametrize(
    "data", [b"garbage", b"", deflated(b"x" * 9)[:-2], deflated(b"x" * 9) + b"more", deflated(b"x") * 2]
)
def test_damaged_data_is_refused(place: ArchivePlace, driver: str, data: bytes) -> None:
    said = place.refused(driver, zipped(Packed("a", b"x" * 9, data=data)))
    assert said in ("data: its compressed data is damaged", "data: its member `a` holds less than it says")


@pytest.mark.parametrize("method", [1, 6, 9, 12, 14, 93, 97])
def test_rare_methods_of_compression_are_refused(place: ArchivePlace, driver: str, method: int) -> None:
    said = place.refused(driver, zipped(Packed("a", b"x", method=method)))
    assert said == "data: its member `a` is compressed in a way that is not supported"


@pytest.mark.parametrize("flags", [0x20, 0x40, 0x2000])
def test_patches_and_strong_encryption_are_refused(place: ArchivePlace, driver: str, flags: int) -> None:
    said = place.refused(driver, zipped(Packed("a", b"x", flags=flags)))
    assert said == "data: its member `a` is patched, or encrypted in a way that is not supported"


def test_an_encrypted_member_needs_the_right_driver_and_the_right_cipher(place: ArchivePlace, driver: str) -> None:
    said = place.refused(driver, zipped(Packed("a", b"x" * 20, flags=1)))
    old = "data: its member `a` is encrypted with the old cipher of ZIP, which is broken"
    assert said == {"zipfile": "auth: its member `a` is encrypted", "pyzipper": old}[driver]


@pytest.mark.parametrize("extra", [b"\1\0\xff\xff", b"\1\0\4\0abcd", b"\1\0\0\0\1\0\0\0", b""])
def test_wide_sizes_that_are_not_there_are_refused(place: ArchivePlace, driver: str, extra: bytes) -> None:
    said = place.refused(driver, zipped(Packed("a", b"x", size=0xFFFFFFFF, extra=extra)))
    assert said == "data: its directory is damaged"


def test_a_wide_size_is_believed_as_little_as_others(place: ArchivePlace, driver: str) -> None:
    wide = struct.pack("<2HQ", 1, 8, 1 << 63)
    archive = zipped(Packed("a", b"x", size=0xFFFFFFFF, extra=wide))
    assert place.refused(driver, archive) == "data: it unpacks to more than 10,737,418,240 bytes"


def test_no_byte_that_is_changed_or_lost_makes_anything_but_a_refusal(place: ArchivePlace, driver: str) -> None:
    members = {"a.csv": b"some,content\n" * 9, "in/b.csv": b"x"}
    archive = zipped(*(Packed(name, content) for name, content in members.items()))
    for at in range(len(archive)):
        for changed in (archive[:at], archive[:at] + bytes([archive[at] ^ 0xFF]) + archive[at + 1 :]):
            found = place.outcome(driver, changed)
            if isinstance(found, str):
                assert found.startswith(("data: ", "auth: "))
                assert CANARY not in found
            else:  # times, versions and what else has no say
                assert found == sorted(members.values())


def test_a_zip_archive_with_wide_sizes_and_sizes_behind_the_data_is_read(place: ArchivePlace, driver: str) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise io.UnsupportedOperation

        def tell(self) -> int:
            raise io.UnsupportedOperation

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as made:
        with made.open("a", "w", force_zip64=True) as member:
            member.write(b"wide" * 9)
        made.writestr("b", b"narrow")
    assert place.unpack(driver, pipe.getvalue()) == {"a": b"wide" * 9, "b": b"narrow"}


def moved(archive: bytes, before: bytes) -> bytes:
    """Return an archive of one member behind something else, with places that are right."""
    found = bytearray(before + archive)
    directory, end = (len(before) + archive.rindex(sign) for sign in (b"PK\1\2", b"PK\5\6"))
    struct.pack_into("<L", found, directory + 42, len(before))
    struct.pack_into("<L", found, end + 16, directory)
    return bytes(found)
