"""Names in archives: whatever an archive calls its members, nothing is written but below the folder it is for."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.connectors.archives.hostile import END, Packed, pax, tarred, zipped
from runtime.connectors.archives.place import DRIVERS, ArchivePlace


def archive_of(driver: str, *names: str) -> bytes:
    """Return an archive of members with these names; the tar archive says them in extended headers."""
    members = [(name, b"" if name.endswith("/") else b"x") for name in names]
    if driver == "tarfile":
        return b"".join(pax(path=name) + tarred("short", content) for name, content in members) + END
    return zipped(*(Packed(name, content) for name, content in members))


@pytest.fixture
def place(tmp_path: Path) -> ArchivePlace:
    return ArchivePlace(tmp_path)


DOTS = "has an empty part, `.` or `..` in its name"


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../x", DOTS),
        ("a/../../x", DOTS),
        ("a/..", DOTS),
        ("a/../x", DOTS),
        ("./../x", DOTS),
        ("..", DOTS),
        (".", DOTS),
        ("a/./x", DOTS),
        ("a//x", DOTS),
        ("", DOTS),
        ("/x", "has an absolute path"),
        ("//server/share/x", "has an absolute path"),
        ("/", DOTS),
        (".//x", "has an absolute path"),
        ("C:\\x", "has a backslash in its name"),
        ("C:/x", "begins with a drive"),
        ("c:x", "begins with a drive"),
        ("\\\\server\\share\\x", "has a backslash in its name"),
        ("..\\x", "has a backslash in its name"),
        ("a\\b", "has a backslash in its name"),
        ("x\0.csv", "has a control character in its name"),
        ("a\nb", "has a control character in its name"),
        ("\x1b[2J", "has a control character in its name"),
        ("x" * 256, "has a name that is too long"),
        ("é" * 128, "has a name that is too long"),
        ("/".join("x" * 33), "has a name that is too long"),
        ("/".join(["x" * 200] * 6), "has a name that is too long"),
    ],
)
def test_a_name_that_could_lead_elsewhere_refuses_the_archive(
    place: ArchivePlace, driver: str, name: str, why: str
) -> None:
    said = place.refused(driver, archive_of(driver, "good.csv", name))
    assert said.startswith("data: its member `")
    assert said.endswith(why)


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", ["../", "/", "a/../", "C:/"])
def test_a_folder_of_such_a_name_does_too(place: ArchivePlace, driver: str, name: str) -> None:
    assert "its member `" in place.refused(driver, archive_of(driver, name))


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize(
    "names",
    [
        ("a.csv", "a.csv"),
        ("a.csv", "./a.csv"),
        ("a.csv", "A.CSV"),
        ("straße", "STRASSE"),
        ("caf\u00e9", "cafe\u0301"),
        ("CAF\u00c9", "cafe\u0301"),
        ("a", "a/"),
        ("a/", "a"),
        ("A/b", "a"),
    ],
)
def test_two_members_that_are_one_file_somewhere_refuse_the_archive(
    place: ArchivePlace, driver: str, names: tuple[str, ...]
) -> None:
    said = place.refused(driver, archive_of(driver, *names))
    assert "is there twice, or as one that differs only in case or in accents" in said or "that is a file" in said


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("names", [("a", "a/b"), ("A", "a/b/c")])
def test_a_member_below_a_file_refuses_the_archive(place: ArchivePlace, driver: str, names: tuple[str, ...]) -> None:
    assert place.refused(driver, archive_of(driver, *names)).endswith("lies below a member that is a file")


@pytest.mark.parametrize("driver", DRIVERS)
def test_folders_count_too(place: ArchivePlace, driver: str) -> None:
    names = [f"{number}/{number}/{number}/x" for number in range(4)]
    assert place.refused(driver, archive_of(driver, *names), max_files=10) == (
        "data: it would make more than 10 folders"
    )


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_long_name_is_cut_in_what_is_said(place: ArchivePlace, driver: str) -> None:
    said = place.refused(driver, archive_of(driver, "`\u202e" + "y" * 300))
    assert f"its member `\ufffd\ufffd{'y' * 118}…` has" in said


@pytest.mark.parametrize("driver", DRIVERS)
@pytest.mark.parametrize("name", ["a.csv", "in/ü/日本.csv", "..a", "a..b/c...", ".hidden", "a b", "-rf", "x" * 255])
def test_other_names_are_kept_as_they_are(place: ArchivePlace, driver: str, name: str) -> None:
    assert place.unpack(driver, archive_of(driver, name)) == {name: b"x"}


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_leading_dot_is_left_out_as_tar_writes_it(place: ArchivePlace, driver: str) -> None:
    assert place.unpack(driver, archive_of(driver, "./", "./a/", "./a/b.csv")) == {"a/b.csv": b"x"}


def test_a_name_of_a_zip_archive_that_is_not_utf8_is_dos(place: ArchivePlace) -> None:
    content = zipped(Packed(b"pr\x81fung.csv", b"x"))
    assert place.refused("zipfile", content) == "data: it has a name that is not UTF-8, as it says"
    plain = content.replace(b"\x14\0\0\x08\x08\0", b"\x14\0\0\0\x08\0")  # the flag that says UTF-8, in both headers
    assert place.unpack("zipfile", plain) == {"prüfung.csv": b"x"}


@pytest.mark.parametrize(
    ("field", "name"),
    [
        (struct.pack("<BL", 1, zlib.crc32(b"pr.csv")) + "prüfung.csv".encode(), "prüfung.csv"),
        (struct.pack("<BL", 1, zlib.crc32(b"other")) + b"x.csv", "pr.csv"),
        (struct.pack("<BL", 2, zlib.crc32(b"pr.csv")) + b"x.csv", "pr.csv"),
        (b"\1", "pr.csv"),
    ],
)
def test_a_name_of_a_zip_archive_may_be_told_in_unicode_beside(place: ArchivePlace, field: bytes, name: str) -> None:
    extra = struct.pack("<2H", 0x7075, len(field)) + field
    assert place.unpack("zipfile", zipped(Packed("pr.csv", b"x", extra=extra))) == {name: b"x"}


@pytest.mark.parametrize(
    ("name", "why"),
    [
        (b"../x", "its member `../x` has an empty part, `.` or `..` in its name"),
        (b"B", "its member `B` is there twice, or as one that differs only in case or in accents"),
        (b"\xff", "it has a name that is not UTF-8, as it says"),
    ],
)
def test_such_a_name_is_looked_at_as_others(place: ArchivePlace, name: bytes, why: str) -> None:
    field = struct.pack("<BL", 1, zlib.crc32(b"a")) + name
    extra = struct.pack("<2H", 0x7075, len(field)) + field
    assert place.refused("zipfile", zipped(Packed("b", b"x"), Packed("a", b"x", extra=extra))) == f"data: {why}"


@pytest.mark.parametrize("make", [lambda: tarred(b"\xff", b"x"), lambda: tarred("././@LongLink", b"\xff\0", b"L")])
def test_a_name_of_a_tar_archive_is_utf8(place: ArchivePlace, make: Callable[[], bytes]) -> None:
    assert place.refused("tarfile", make() + END) == "data: it has a name that is not UTF-8"


def test_a_symbolic_link_below_the_target_is_not_followed(place: ArchivePlace) -> None:
    (place.root / "out").mkdir()
    (place.root / "out" / "link").symlink_to(place.root.parent)
    with pytest.raises(Exception, match="leads out of its folder by a symbolic link"):
        place.unpack("zipfile", archive_of("zipfile", "link/x"))
    assert not (place.root.parent / "x").exists()


def test_a_symbolic_link_of_a_members_name_is_replaced_and_not_followed(place: ArchivePlace) -> None:
    (place.root / "out").mkdir()
    (place.root.parent / "theirs").write_text("theirs")
    (place.root / "out" / "x").symlink_to(place.root.parent / "theirs")
    assert place.unpack("zipfile", archive_of("zipfile", "x")) == {"x": b"x"}
    assert (place.root.parent / "theirs").read_text() == "theirs"
    assert not (place.root / "out" / "x").is_symlink()


@pytest.mark.parametrize("dest", ["../out", "/tmp/out", "a/../../out", "", ".", "a\0b"])
def test_the_target_itself_is_confined(place: ArchivePlace, dest: str) -> None:
    name = place.put("a.zip", archive_of("zipfile", "x"))
    with pytest.raises(Exception, match="must stay below the resource's root"):
        place.connector().unpack([name], dest, lambda _: True, "mark", lambda: None)
