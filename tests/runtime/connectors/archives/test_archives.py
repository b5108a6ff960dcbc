"""Archives made and opened: what is the same each time, what is there at once or not at all, and what stays secret."""

import gzip
import os
import stat
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pyzipper

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.connector import RunFacts
from firn_runtime.errors import LeaseLost
from firn_runtime.events import Failure
from runtime.connectors.archives.hostile import END, Packed, tarred, zipped
from runtime.connectors.archives.place import CANARY, DRIVERS, ArchivePlace
from runtime.refusals import refused
from runtime.workbench import connector

KINDS = [
    ("zipfile", "a.zip", None),
    ("zipfile", "a.zip", "stored"),
    ("pyzipper", "a.zip", None),
    ("pyzipper", "a.zip", "stored"),
    ("tarfile", "a.tar", None),
    ("tarfile", "a.tgz", None),
    ("tarfile", "a.tar.gz", None),
    ("tarfile", "a.tar.bz2", None),
    ("tarfile", "a.TAR.XZ", None),
    ("tarfile", "a.tar.zst", None),
    ("tarfile", "archive", "zstd"),
    ("tarfile", "archive", "stored"),
]
ROWS = b"".join(b"%d,%d\n" % (row, row * row) for row in range(300_000))
FILES = {
    "in/a.csv": b"id,name\n" * 3000,
    "in/empty": b"",
    "in/deep/er/ü.csv": bytes(range(256)) * 9,
    "z" * 180 + "/" + "y" * 180: b"x",
}


@pytest.fixture
def place(tmp_path: Path) -> ArchivePlace:
    return ArchivePlace(tmp_path)


def unpack(made: Any, *archives: str, dest: str = "out", wanted: Callable[[str], bool] = lambda _: True) -> list[str]:
    names: list[str] = made.unpack(archives, dest, wanted, "mark", lambda: None)
    return names


def pack(made: Any, dest: str, *files: str, compression: str | None = None) -> int:
    size: int = made.pack(files, dest, compression, "mark", lambda: None)
    return size


def identities(place: ArchivePlace, *names: str) -> list[tuple[int, int]]:
    """Return what changes when a file is written anew."""
    found = [(place.root / name).stat() for name in names]
    return [(one.st_ino, one.st_mtime_ns) for one in found]


def everything(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize(("driver", "name", "compression"), KINDS)
def test_what_is_packed_is_what_is_unpacked(
    place: ArchivePlace, driver: str, name: str, compression: str | None
) -> None:
    for file, content in FILES.items():
        place.put(file, content)
    made = place.connector(driver)
    size = pack(made, f"to/{name}", *FILES, compression=compression)
    assert size == (place.root / "to" / name).stat().st_size
    assert unpack(made, f"to/{name}") == sorted(f"out/{file}" for file in FILES)
    assert everything(place.root / "out") == FILES
    assert [one.name for one in (place.root / "to").iterdir()] == [name]


@pytest.mark.parametrize(("driver", "name", "compression"), [one for one in KINDS if one[0] != "pyzipper"])
def test_the_same_files_make_the_same_bytes(
    place: ArchivePlace, driver: str, name: str, compression: str | None
) -> None:
    made = place.connector(driver)
    contents = []
    for order, mode, when in ((1, 0o600, 1), (-1, 0o777, 2_000_000_000)):
        for file, content in FILES.items():
            place.put(file, content)
            os.chmod(place.root / file, mode)
            os.utime(place.root / file, (when, when))
        pack(made, name, *[*FILES][::order], compression=compression)
        contents.append((place.root / name).read_bytes())
    assert contents[0] == contents[1]


def test_members_have_no_owner_no_time_and_one_mode(place: ArchivePlace) -> None:
    place.put("a", "x")
    os.chmod(place.root / "a", 0o777)
    pack(place.connector(), "a.zip", "a")
    with zipfile.ZipFile(place.root / "a.zip") as made:
        (info,) = made.infolist()
        assert (info.date_time, info.external_attr >> 16) == ((1980, 1, 1, 0, 0, 0), stat.S_IFREG | 0o644)
    pack(place.connector("tarfile"), "a.tar", "a")
    listed = subprocess.run(["tar", "-tvf", place.root / "a.tar"], capture_output=True, text=True, check=True).stdout
    assert listed.split() == ["-rw-r--r--", "0/0", "1", "1980-01-01", "00:00", "a"]


def test_an_archive_is_replaced_at_once_and_nothing_is_left_beside(place: ArchivePlace) -> None:
    place.put("a", "x")
    place.put("a.zip", "what was there")
    before = []
    place.connector().pack(["a"], "a.zip", None, "mark", lambda: before.append((place.root / "a.zip").read_bytes()))
    assert before == [b"what was there"]
    assert zipfile.is_zipfile(place.root / "a.zip")
    assert sorted(one.name for one in place.root.iterdir()) == ["a", "a.zip"]


def test_a_run_that_lost_its_lease_publishes_nothing(place: ArchivePlace) -> None:
    def lost() -> None:
        raise LeaseLost("R405", "the run has lost its lock")

    place.put("a", "x")
    place.put("b.zip", zipped(Packed("b", b"x")))
    with pytest.raises(LeaseLost):
        place.connector().pack(["a"], "a.zip", None, "mark", lost)
    with pytest.raises(LeaseLost):
        place.connector().unpack(["b.zip"], "out", lambda _: True, "mark", lost)
    assert sorted(one.name for one in place.root.iterdir()) == ["a", "b.zip"]


@pytest.mark.parametrize(
    ("driver", "dest", "compression", "why"),
    [
        ("zipfile", "a.zip", "gzip", "a ZIP archive is not compressed with `gzip` here"),
        ("pyzipper", "a.zip", "zstd", "a ZIP archive is not compressed with `zstd` here"),
        ("tarfile", "a.tar", "deflate", "a tar archive is not compressed with `deflate`"),
        ("tarfile", "a.zip", None, "the ending of `a.zip` does not say how it is compressed"),
        ("tarfile", "../a.tar", None, "a path must stay below the resource's root"),
        ("zipfile", "in", None, "the archive `in` cannot hold itself"),
    ],
)
def test_an_archive_that_cannot_be_made(
    place: ArchivePlace, driver: str, dest: str, compression: str | None, why: str
) -> None:
    place.put("in", "x")
    assert refused(lambda: pack(place.connector(driver), dest, "in", compression=compression)).message == why
    assert [one.name for one in place.root.iterdir()] == ["in"]


@pytest.mark.parametrize("name", ["missing", "../outside", "folder", "link", "pipe"])
def test_only_files_below_the_root_are_packed_or_unpacked(place: ArchivePlace, name: str) -> None:
    (place.root.parent / "outside").write_text("x")
    (place.root / "folder").mkdir()
    (place.root / "link").symlink_to("../outside")
    os.mkfifo(place.root / "pipe")
    refused(lambda: pack(place.connector(), "a.zip", name))
    refused(lambda: unpack(place.connector(), name))
    assert sorted(one.name for one in place.root.iterdir()) == ["folder", "link", "pipe"]


class Meddling(Token):
    """Asked between two blocks, as a step is whether it shall end: then it meddles, once."""

    def __init__(self, act: Callable[[], object]) -> None:
        super().__init__()
        self._act: Callable[[], object] | None = act

    def check(self) -> None:
        act, self._act = self._act, None
        if act is not None:
            act()


def grow(file: Path) -> None:
    with file.open("ab") as opened:
        opened.write(b"more")


def change(file: Path) -> None:
    with file.open("r+b") as opened:
        opened.write(b"other")


def replace(file: Path) -> None:
    file.unlink()
    file.write_bytes(bytes(1 << 20))


CHANGES: dict[str, Callable[[Path], object]] = {
    "grows": grow,
    "shrinks": lambda file: os.truncate(file, 5),
    "keeps its size": change,
    "is another one": replace,
    "is gone": Path.unlink,
}


@pytest.mark.parametrize("how", CHANGES)
@pytest.mark.parametrize("driver", DRIVERS)
def test_a_file_that_changes_before_it_is_packed_to_its_end_is_a_conflict(
    place: ArchivePlace, driver: str, how: str
) -> None:
    place.put("a", b"a" * (1 << 20))
    place.put("b", b"b" * (1 << 20))
    name = "b" if how in ("is gone", "is another one") else "a"
    with working_for(Meddling(lambda: CHANGES[how](place.root / name))):
        error = refused(lambda: pack(place.connector(driver), "c.tar", "a", "b"))
    assert (error.error_class, error.message) == ("conflict", f"the file `{name}` was changed while it was packed")
    assert not [one.name for one in place.root.iterdir() if "c.tar" in one.name]


def test_several_archives_are_unpacked_together_or_not_at_all(place: ArchivePlace) -> None:
    place.put("a.zip", zipped(Packed("a", b"x")))
    place.put("b.zip", zipped(Packed("b", b"x", crc=1)))
    place.put("c.zip", zipped(Packed("c", b"x")))
    assert "the archive `b.zip` is refused" in refused(lambda: unpack(place.connector(), "a.zip", "b.zip")).message
    assert not (place.root / "out").exists()
    assert unpack(place.connector(), "a.zip", "c.zip") == ["out/a", "out/c"]


def test_two_archives_with_the_same_member_are_refused(place: ArchivePlace) -> None:
    place.put("a.zip", zipped(Packed("a", b"1")))
    place.put("b.zip", zipped(Packed("A", b"2")))
    assert "is in another archive of the step" in refused(lambda: unpack(place.connector(), "a.zip", "b.zip")).message


def test_what_nobody_asks_for_may_be_in_two_archives(place: ArchivePlace) -> None:
    for day in ("1", "2"):
        place.put(f"{day}.zip", zipped(Packed(f"{day}.csv", b"x"), Packed("readme.txt", day.encode())))
    found = unpack(place.connector(), "1.zip", "2.zip", wanted=lambda name: name.endswith(".csv"))
    assert found == ["out/1.csv", "out/2.csv"]


def test_only_members_that_are_wanted_are_unpacked_and_the_others_are_checked_all_the_same(place: ArchivePlace) -> None:
    place.put("a.tar", tarred("in/a.csv", b"x") + tarred("b.txt", b"y" * 600) + tarred("c.csv", b"z") + END)
    place.put("bad.tar", tarred("in/a.csv", b"x") + tarred("../b.txt", b"y") + END)
    made = place.connector("tarfile")
    assert unpack(made, "a.tar", wanted=lambda name: name.endswith(".csv")) == ["out/c.csv", "out/in/a.csv"]
    assert everything(place.root / "out") == {"in/a.csv": b"x", "c.csv": b"z"}
    assert "`..`" in refused(lambda: unpack(made, "bad.tar", wanted=lambda name: name.endswith(".csv"))).message


def test_a_new_folder_is_there_with_all_its_files_or_not_at_all(place: ArchivePlace) -> None:
    place.put("a.zip", zipped(Packed("a", b"x"), Packed("b/c", b"y")))
    seen: list[bool] = []
    place.connector().unpack(
        ["a.zip"], "to/out", lambda _: True, "mark", lambda: seen.append((place.root / "to/out").exists())
    )
    assert seen == [False]
    assert everything(place.root / "to") == {"out/a": b"x", "out/b/c": b"y"}


def test_in_a_folder_that_is_there_equal_files_are_left_others_replaced_and_strangers_kept(
    place: ArchivePlace,
) -> None:
    place.put("out/equal", "x")
    place.put("out/other", "y")
    place.put("out/stranger", "z")
    os.utime(place.root / "out/equal", (1, 1))
    before = identities(place, "out/equal", "out/other")
    place.put("a.zip", zipped(Packed("equal", b"x"), Packed("other", b"Y"), Packed("new/er", b"w")))
    assert unpack(place.connector(), "a.zip") == ["out/equal", "out/new/er", "out/other"]
    assert everything(place.root / "out") == {"equal": b"x", "other": b"Y", "stranger": b"z", "new/er": b"w"}
    after = identities(place, "out/equal", "out/other")
    assert (after[0] == before[0], after[1] == before[1]) == (True, False)


def test_unpacking_again_changes_nothing(place: ArchivePlace) -> None:
    place.put("a.zip", zipped(*(Packed(f"d{number}/f", b"%d" % number) for number in range(100))))
    names = unpack(place.connector(), "a.zip")
    before = identities(place, *names)
    assert unpack(place.connector(), "a.zip") == names
    assert identities(place, *names) == before


@pytest.mark.parametrize(
    ("there", "why"),
    [("out/a/b", "is a folder, and a member is a file of that name"), ("out", "is there, and is no folder")],
)
def test_what_is_no_file_is_not_replaced(place: ArchivePlace, there: str, why: str) -> None:
    place.put(there, "theirs")
    place.put("a.zip", zipped(Packed("0", b"x"), Packed("a", b"x")))
    error = refused(lambda: unpack(place.connector(), "a.zip"))
    assert error.error_class == "conflict"
    assert error.message.endswith(why)
    assert everything(place.root) == {there: b"theirs", "a.zip": (place.root / "a.zip").read_bytes()}


def test_a_file_where_a_member_needs_a_folder_is_not_replaced(place: ArchivePlace) -> None:
    place.put("out/a", "theirs")
    place.put("a.zip", zipped(Packed("0", b"x"), Packed("a/b", b"x")))
    error = refused(lambda: unpack(place.connector(), "a.zip"))
    message = "a member is `out/a/b`, and there is a file where its folder would be"
    assert (error.error_class, error.message) == ("conflict", message)
    assert everything(place.root / "out") == {"a": b"theirs"}


def test_what_the_machine_does_not_do_is_said(place: ArchivePlace) -> None:
    place.put("file", "x")
    place.put("a.zip", zipped(Packed("a", b"x")))
    error = refused(lambda: unpack(place.connector(), "a.zip", dest="file/out"))
    assert (error.error_class, error.message) == ("process", "cannot unpack into `file/out`: file exists")
    error = refused(lambda: pack(place.connector(), "file/b.zip", "a.zip"))
    assert (error.error_class, error.message) == ("process", "cannot make the archive `file/b.zip`: file exists")


def test_a_member_does_not_replace_the_archive_it_is_in(place: ArchivePlace) -> None:
    archive = zipped(Packed("a.zip", b"another"))
    place.put("in/a.zip", archive)
    error = refused(lambda: unpack(place.connector(), "in/a.zip", dest="in"))
    assert error.message == "a member would replace the archive `in/a.zip`"
    assert everything(place.root) == {"in/a.zip": archive}


def test_what_a_killed_attempt_left_is_removed(place: ArchivePlace) -> None:
    place.put("a.zip", zipped(Packed("a", b"x")))
    place.put(".out.mark.part/half", "h")
    place.put(".b.zip.mark.part", "half")
    assert unpack(place.connector(), "a.zip") == ["out/a"]
    pack(place.connector(), "b.zip", "out/a")
    assert sorted(one.name for one in place.root.iterdir()) == ["a.zip", "b.zip", "out"]
    assert everything(place.root / "out") == {"a": b"x"}


def test_without_a_root_files_lie_in_the_runs_own_folder(tmp_path: Path) -> None:
    made = connector("archive", "zipfile")
    made.facts = RunFacts(files=tmp_path / "run" / ".files")
    made.connect()
    (tmp_path / "run" / ".files").mkdir(parents=True)
    (tmp_path / "run" / ".files" / "a").write_text("x")
    pack(made, "a.zip", "a")
    assert unpack(made, "a.zip") == ["out/a"]
    assert (tmp_path / "run" / ".files" / "out" / "a").read_text() == "x"


def test_a_root_that_is_not_there_is_said_when_it_is_connected(tmp_path: Path) -> None:
    error = refused(lambda: connector("archive", "tarfile", root=str(tmp_path / "missing")).connect())
    assert error.message == f"there is no folder `{tmp_path}/missing`"


@pytest.mark.parametrize("driver", DRIVERS)
def test_work_that_shall_end_ends_between_two_blocks(place: ArchivePlace, driver: str) -> None:
    token = Token()
    archive = zipped(*(Packed(f"{number}", b"x") for number in range(9)))
    if driver == "tarfile":
        archive = b"".join(tarred(f"{number}", b"x") for number in range(9)) + END
    place.put(DRIVERS[driver], archive)
    seen: list[str] = []

    def stopping(name: str) -> bool:
        seen.append(name)
        token.reason = Failure("R309", "process", "the run was stopped")
        return True

    with working_for(token), pytest.raises(Ended):
        unpack(place.connector(driver), DRIVERS[driver], wanted=stopping)
    assert seen == ["0"]
    with working_for(token), pytest.raises(Ended):
        pack(place.connector(driver), "b.tar", DRIVERS[driver])
    assert [one.name for one in place.root.iterdir()] == [DRIVERS[driver]]


@pytest.mark.parametrize("content", [b"x", bytes(20 << 20)])
def test_the_thread_that_decompresses_is_gone_with_the_archive_opened_or_refused(
    place: ArchivePlace, content: bytes
) -> None:
    place.put("a.tar.gz", gzip.compress(tarred("a", content) + END))
    if len(content) == 1:
        assert unpack(place.connector("tarfile"), "a.tar.gz") == ["out/a"]
    else:
        assert "max_ratio" in (refused(lambda: unpack(place.connector("tarfile"), "a.tar.gz")).help or "")
    assert not [one.name for one in threading.enumerate() if one.name.startswith("firn-unpack")]


@pytest.mark.parametrize("more", [gzip.compress(b"") * 20_000, bytes(1 << 20)])
def test_work_that_shall_end_ends_also_where_nothing_comes_of_what_is_read(place: ArchivePlace, more: bytes) -> None:
    token = Token()
    place.put("a.tar", gzip.compress(tarred("a", b"x") + END) + more)

    def stopping(name: str) -> bool:
        token.reason = Failure("R309", "process", "the run was stopped")
        return False

    with working_for(token), pytest.raises(Ended):
        unpack(place.connector("tarfile"), "a.tar", wanted=stopping)


def encrypted(place: ArchivePlace, password: str = CANARY, bits: int = 256, version: int = 2) -> str:
    """Make an archive with pyzipper itself."""
    options = {"nbits": bits, "force_wz_aes_version": version}
    with pyzipper.AESZipFile(
        place.root / "a.zip", "w", zipfile.ZIP_DEFLATED, encryption=pyzipper.WZ_AES, encryption_kwargs=options
    ) as made:
        made.setpassword(password.encode())
        made.writestr("a.csv", ROWS)
        made.writestr("empty", b"")
    return "a.zip"


@pytest.mark.parametrize("bits", [128, 192, 256])
@pytest.mark.parametrize("version", [1, 2])
def test_what_others_encrypt_with_aes_is_read(place: ArchivePlace, bits: int, version: int) -> None:
    encrypted(place, bits=bits, version=version)
    unpack(place.connector("pyzipper"), "a.zip")
    assert everything(place.root / "out") == {"a.csv": ROWS, "empty": b""}


def test_what_is_encrypted_is_aes_256_and_shows_nothing(place: ArchivePlace) -> None:
    place.put("a", f"{CANARY} " * 99)
    pack(place.connector("pyzipper"), "a.zip", "a", compression="stored")
    content = (place.root / "a.zip").read_bytes()
    assert CANARY.encode() not in content
    with pyzipper.AESZipFile(place.root / "a.zip") as made:
        (info,) = made.infolist()
        assert (info.wz_aes_strength, info.wz_aes_version, info.CRC, info.flag_bits & 1) == (3, 2, 0, 1)
        made.setpassword(CANARY.encode())
        assert made.read("a") == (place.root / "a").read_bytes()


@pytest.mark.parametrize(
    ("password", "why"),
    [("another-password", "is encrypted with another password"), (None, "is encrypted")],
)
def test_a_wrong_password_is_a_matter_of_who_may(place: ArchivePlace, password: str | None, why: str) -> None:
    encrypted(place)
    error = refused(lambda: unpack(place.connector("pyzipper", password), "a.zip"))
    assert error.error_class == "auth"
    assert error.message == f"the archive `a.zip` is refused: its member `a.csv` {why}"
    assert not (place.root / "out").exists()


def test_a_password_is_needed_to_make_an_encrypted_archive(place: ArchivePlace) -> None:
    place.put("a", "x")
    error = refused(lambda: pack(place.connector("pyzipper", None), "a.zip", "a"))
    assert (error.error_class, error.message) == ("auth", "an encrypted archive needs the connector's `password`")
    assert [one.name for one in place.root.iterdir()] == ["a"]


def test_the_plain_driver_does_not_open_what_is_encrypted(place: ArchivePlace) -> None:
    encrypted(place)
    error = refused(lambda: unpack(place.connector(), "a.zip"))
    assert error.error_class == "auth"
    assert error.help == "the driver `pyzipper` opens archives that are encrypted with AES"


def test_members_that_are_not_wanted_need_no_password(place: ArchivePlace) -> None:
    encrypted(place)
    assert unpack(place.connector("pyzipper", None), "a.zip", wanted=lambda _: False) == []


def test_no_byte_that_is_changed_in_an_encrypted_archive_makes_anything_but_a_refusal(place: ArchivePlace) -> None:
    place.put("a.csv", "x" * 50)
    made = place.connector("pyzipper")
    pack(made, "a.zip", "a.csv")
    whole = (place.root / "a.zip").read_bytes()
    for at in range(len(whole)):
        found = place.outcome("pyzipper", whole[:at] + bytes([whole[at] ^ 0xFF]) + whole[at + 1 :])
        if isinstance(found, str):
            assert found.startswith(("data: ", "auth: "))
            assert CANARY not in found
        else:
            assert found == [b"x" * 50]


def test_a_connector_that_holds_a_password_does_not_show_it(place: ArchivePlace) -> None:
    made = place.connector("pyzipper")
    assert CANARY not in f"{made!r} {made.config!r} {vars(made)}"


@pytest.mark.parametrize("library", ["pyzipper", "backports", "Cryptodome", "zipfile", "tarfile"])
def test_libraries_are_not_imported_before_they_are_used(library: str) -> None:
    modules = "firn_runtime.connectors.archives.zip, firn_runtime.connectors.archives.tar"
    code = f"import sys, {modules}; sys.exit({library!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_where_python_brings_zstd_the_extra_is_not_asked_for(tmp_path: Path) -> None:
    """From Python 3.14 on there is `compression.zstd`, and no backport can be installed; here the backport plays it."""
    own = tmp_path / "compression"
    own.mkdir()
    (own / "__init__.py").touch()
    (own / "zstd.py").write_text("from backports.zstd import *\n")
    code = "from firn_runtime.connectors.archives.streams import zstd; print(zstd().__name__)"
    environ = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environ)
    assert done.stdout == "compression.zstd\n"
