"""A share of a real Samba: what is listed, fetched and put, what is refused, and what becomes of half a transfer."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.connector import StoredFile
from firn_runtime.connectors.smb.link import Handle
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_runtime.probing import Use
from firn_schemas.secret import Secret
from runtime.connectors.sinks import PUBLICATION
from runtime.refusals import refused
from runtime.workbench import Workbench, connector
from servers.cable import cable
from servers.samba import Share, share

CANARY = "canary-9b74c989"
STOPPED = Failure("R309", "process", "the run was stopped")
MARK = "0123456789abcdef-00000000"


@pytest.fixture(scope="module")
def server() -> Iterator[Share]:
    with share(CANARY) as one:
        yield one


@pytest.fixture
def place(server: Share) -> Iterator[Share]:
    """The server, with an empty share."""
    yield server
    for path in sorted(server.folder.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() and not path.is_symlink() else path.unlink()


def smb(one: Share, **more: Any) -> Any:
    settings: dict[str, Any] = {"server": one.host, "port": one.port, "share": "data", "user": one.user}
    return connector("smb", "smbprotocol", **(settings | {"password": Secret(one.password)} | more))


@pytest.fixture
def opened(place: Share) -> Iterator[Callable[..., Any]]:
    """Make stores; they are closed in the end."""
    made: list[Any] = []

    def make(**more: Any) -> Any:
        made.append(smb(place, **more))
        made[-1].connect()
        return made[-1].store()

    yield make
    for one in made:
        one.close()


def put(store: Any, folder: Path, name: str, content: bytes, mark: str = MARK) -> StoredFile:
    (folder / "source").write_bytes(content)
    stored: StoredFile = store.put(folder / "source", name, mark, lambda: None)
    return stored


def test_a_file_is_put_listed_fetched_and_deleted(opened: Callable[..., Any], place: Share, tmp_path: Path) -> None:
    store, content = opened(), os.urandom(3_000_001)
    stored = put(store, tmp_path, "in/2026/Prüfung 1.bin", content)
    assert (place.folder / "in/2026/Prüfung 1.bin").read_bytes() == content
    assert stored == store.stat("in/2026/Prüfung 1.bin") == next(iter(store.list("", recursive=True)))
    store.get(stored, tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == content
    assert [store.delete(stored.name), store.delete(stored.name), store.stat(stored.name)] == [True, False, None]


def test_the_version_that_is_meant_is_deleted_and_no_other(
    opened: Callable[..., Any], place: Share, tmp_path: Path
) -> None:
    store = opened()
    first, second = (
        put(store, tmp_path, "a.csv", content, mark) for content, mark in ((b"1", "m1-1"), (b"22", "m2-1"))
    )
    refusal = refused(lambda: store.delete("a.csv", first.version))
    assert refusal.error_class == "conflict"
    assert (place.folder / "a.csv").read_bytes() == b"22"
    assert store.delete("a.csv", second.version)
    assert not store.delete("a.csv", second.version)


def test_a_listing_is_of_files_alone(opened: Callable[..., Any], place: Share) -> None:
    (place.folder / "a/b").mkdir(parents=True)
    for name in ("x", "a/y", "a/b/z"):
        (place.folder / name).write_bytes(b"1")
    store = opened()
    assert {one.name for one in store.list("", recursive=False)} == {"x"}
    assert {one.name for one in store.list("", recursive=True)} == {"x", "a/y", "a/b/z"}
    assert {one.name for one in store.list("a", recursive=True)} == {"a/y", "a/b/z"}
    assert list(store.list("gone", recursive=True)) == []
    assert store.stat("a") is None


def test_many_files_are_listed(opened: Callable[..., Any], place: Share) -> None:
    for number in range(2500):
        (place.folder / f"file-{number:05}-{'x' * 60}").touch()
    assert len({one.name for one in opened().list("", recursive=False)}) == 2500


def test_a_name_may_be_as_long_as_the_server_takes_it(opened: Callable[..., Any], tmp_path: Path) -> None:
    store, long = opened(), ["a" * 251 + end for end in (".csv", ".txt")]
    (tmp_path / "source").write_bytes(b"x")
    for name in (*long, long[0]):
        store.put(tmp_path / "source", name, "0123456789abcdef-01234567", lambda: None)
    assert sorted(one.name for one in store.list("", recursive=False)) == long


def test_an_empty_file_is_a_file(opened: Callable[..., Any], tmp_path: Path) -> None:
    store = opened()
    store.get(put(store, tmp_path, "e", b""), tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == b""


def test_nothing_outside_the_root_is_reached(opened: Callable[..., Any], place: Share, tmp_path: Path) -> None:
    (place.folder / "in").mkdir()
    (place.folder / "secret").write_text("x")
    (place.folder / "in/a").write_text("y")
    store = opened(root="/in/")
    assert [one.name for one in store.list("", recursive=True)] == ["a"]
    put(store, tmp_path, "deep/b", b"z")
    assert (place.folder / "in/deep/b").read_bytes() == b"z"


@pytest.mark.parametrize("folder", ["", "in"])
def test_a_root_that_is_not_there_is_no_empty_folder(opened: Callable[..., Any], folder: str, tmp_path: Path) -> None:
    store, file = opened(root="/gone/in"), f"{folder}/a".lstrip("/")
    acts: list[Callable[[], Any]] = [
        lambda: list(store.list(folder, recursive=True)),
        lambda: put(store, tmp_path, file, b"1"),
        lambda: store.stat(file),
        lambda: store.delete(file),
    ]
    for act in acts:
        with pytest.raises(ConnectorError, match=r"^the share has no folder `gone/in`$"):
            act()


STRANGE = [
    "..\\secret",
    "a\\b",
    "C:",
    "C:\\x",
    "a:stream",
    "a:stream:$DATA",
    "a/../b",
    "a//b",
    "/a",
    "a*",
    "a?",
    "<a>",
    'a"b',
    "a|b",
    "a.",
    "a ",
    "a/b. /c",
    "con",
    "NUL.txt",
    "com1",
    "a\x01b",
    "x" * 256,
]


@pytest.mark.parametrize("name", STRANGE)
def test_a_name_that_could_mean_something_else_is_refused(
    opened: Callable[..., Any], place: Share, tmp_path: Path, name: str
) -> None:
    store = opened()
    for act in (
        lambda: store.stat(name),
        lambda: store.delete(name),
        lambda: store.get(StoredFile(name, 1, ""), tmp_path / "got"),
        lambda: put(store, tmp_path, name, b"x"),
        lambda: list(store.list(name, recursive=False)),
    ):
        assert refused(act).error_class == "data"
    assert [*place.folder.iterdir()] == []


@pytest.mark.parametrize(
    "settings", [{"root": "/a/../.."}, {"share": "data\\in"}, {"share": "a/b"}, {"server": "a\\b"}]
)
def test_settings_that_are_no_names_are_refused(place: Share, settings: dict[str, str]) -> None:
    assert refused(smb(place, **settings).connect).error_class == "data"


def test_a_put_replaces_a_file_at_once_and_leaves_nothing_else(
    opened: Callable[..., Any], place: Share, tmp_path: Path
) -> None:
    store = opened()
    put(store, tmp_path, "d/x", b"old")
    put(store, tmp_path, "d/x", b"new", "fedcba9876543210-00000000")
    assert {one.name: one.read_bytes() for one in (place.folder / "d").iterdir()} == {"x": b"new"}


def test_a_put_goes_on_with_what_was_sent_under_its_mark(
    opened: Callable[..., Any], place: Share, tmp_path: Path
) -> None:
    part = place.folder / f".x.{MARK}.part"
    part.write_bytes(b"AAAA")
    put(opened(), tmp_path, "x", b"bbbbbbbb")
    assert (place.folder / "x").read_bytes() == b"AAAAbbbb"
    assert not part.exists()


def test_a_staged_file_that_is_too_long_is_begun_anew(opened: Callable[..., Any], place: Share, tmp_path: Path) -> None:
    (place.folder / f".x.{MARK}.part").write_bytes(b"A" * 100)
    put(opened(), tmp_path, "x", b"bb")
    assert (place.folder / "x").read_bytes() == b"bb"


def test_what_a_killed_attempt_of_the_same_publication_staged_is_removed(
    opened: Callable[..., Any], place: Share, tmp_path: Path
) -> None:
    mine, others = place.folder / f".x.{MARK[:-1]}9.part", place.folder / ".x.fedcba9876543210-00000000.part"
    mine.write_bytes(b"A")
    others.write_bytes(b"A")
    put(opened(), tmp_path, "x", b"bb")
    assert (mine.exists(), others.exists()) == (False, True)


def test_a_lost_lease_keeps_the_file_back(opened: Callable[..., Any], place: Share, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"new")
    (place.folder / "x").write_bytes(b"old")

    def lost() -> None:
        raise ConnectorError("conflict", "lost")

    refused(lambda: opened().put(tmp_path / "source", "x", MARK, lost))
    assert (place.folder / "x").read_bytes() == b"old"


def test_a_file_that_is_a_folder_is_not_replaced(opened: Callable[..., Any], place: Share, tmp_path: Path) -> None:
    (place.folder / "x").mkdir()
    store = opened()
    assert refused(lambda: put(store, tmp_path, "x", b"1")).error_class in ("conflict", "data")
    assert refused(lambda: store.delete("x")).error_class == "data"
    (place.folder / "y").write_bytes(b"1")
    assert refused(lambda: put(store, tmp_path, "y/z", b"1")).error_class == "data"


def test_a_get_goes_on_where_it_was_cut_off(opened: Callable[..., Any], place: Share, tmp_path: Path) -> None:
    (place.folder / "x").write_bytes(b"abcdef")
    store = opened()
    (tmp_path / "got").write_bytes(b"ABC")
    store.get(store.stat("x"), tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == b"ABCdef"


def test_a_file_that_is_another_by_now_is_a_conflict(opened: Callable[..., Any], place: Share, tmp_path: Path) -> None:
    (place.folder / "x").write_bytes(b"abc")
    store = opened()
    file = store.stat("x")
    (place.folder / "x").write_bytes(b"abcd")
    assert refused(lambda: store.get(file, tmp_path / "got")).error_class == "conflict"
    (place.folder / "x").unlink()
    assert refused(lambda: store.get(file, tmp_path / "got")).error_class == "conflict"


def test_links_that_lead_out_are_not_followed(opened: Callable[..., Any], place: Share, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/secret").write_text(CANARY)
    (place.folder / "file").symlink_to(tmp_path / "out/secret")
    (place.folder / "folder").symlink_to(tmp_path / "out")
    store = opened()
    assert [one.name for one in store.list("", recursive=True)] == []
    for name in ("file", "folder/secret"):
        refused(lambda name=name: store.get(StoredFile(name, 14, ""), tmp_path / "got"))
    refused(lambda: put(store, tmp_path, "folder/new", b"1"))
    assert [one.name for one in (tmp_path / "out").iterdir()] == ["secret"]


def test_a_dataset_is_written_to_a_share_and_read_from_it(bench: Callable[..., Workbench], place: Share) -> None:
    work = bench(share=smb(place))
    work.make("d", "select range as n, 'x' || range as t from range(1000)")
    written = work.write(PUBLICATION, resource="share", path="out/d.parquet")
    assert (written.rows, written.bytes) == (1000, (place.folder / "out/d.parquet").stat().st_size)
    work.do("read", {"resource": "share", "path": "out/*.parquet"}, "back")
    assert work.session.execute("select count(*), sum(n) from back") == [(1000, 499500)]


def test_several_files_are_fetched_side_by_side(bench: Callable[..., Workbench], place: Share) -> None:
    for number in range(40):
        (place.folder / f"{number:02}.csv").write_text(f"n\n{number}\n")
    work = bench(share=smb(place))
    work.do("read", {"resource": "share", "path": "*.csv"}, "back")
    assert work.session.execute("select count(*), sum(n) from back") == [(40, 780)]


def test_file_steps_list_fetch_put_and_delete(bench: Callable[..., Workbench], place: Share) -> None:
    work = bench(share=smb(place))
    (place.folder / "in").mkdir()
    for name in ("a.csv", "b.csv", "c.txt"):
        (place.folder / "in" / name).write_text(name)
    listed = work.do("list_files", {"resource": "share", "path": "in", "pattern": "*.csv"}).results
    assert listed["files"] == ["in/a.csv", "in/b.csv"]
    work.do("download", {"resource": "share", "files": listed["files"], "dest_dir": "here"})
    assert [one.read_text() for one in sorted((work.files / "here").iterdir())] == ["a.csv", "b.csv"]
    work.do("upload", {"resource": "share", "files": ["here/a.csv", "here/b.csv"], "dest_path": "out/2026"})
    work.do("delete_files", {"resource": "share", "files": listed["files"]})
    found = sorted(one.relative_to(place.folder).as_posix() for one in place.folder.rglob("*") if one.is_file())
    assert found == ["in/c.txt", "out/2026/a.csv", "out/2026/b.csv"]


def test_a_preflight_logs_in_and_changes_nothing(place: Share) -> None:
    (place.folder / "a.csv").write_text("n\n1\n")
    seen = list(smb(place).probe([Use("read", "a.csv"), Use("read", "b.csv"), Use("write", "c.csv")]))
    assert [(one.check, one.status) for one in seen] == [
        ("connection", "ok"),
        ("login", "ok"),
        ("read", "ok"),
        ("read", "failed"),
        ("write", "skipped"),
    ]
    assert [one.name for one in place.folder.iterdir()] == ["a.csv"]


@pytest.mark.parametrize(
    ("settings", "error_class", "message"),
    [
        ({"password": Secret("wrong-" + CANARY)}, "auth", "the login is refused"),
        ({"user": "somebody-else"}, "auth", "the login is refused"),
        ({"share": "elsewhere"}, "data", "the server has no such share"),
        ({"server": "files.invalid"}, "connection", ""),
    ],
)
def test_a_login_or_share_that_is_refused_is_said(
    place: Share, capfd: pytest.CaptureFixture[str], settings: dict[str, Any], error_class: str, message: str
) -> None:
    error = refused(smb(place, **settings).connect)
    assert (error.error_class, message in error.message) == (error_class, True)
    assert "".join(capfd.readouterr()) == ""


def test_a_server_that_does_not_encrypt_is_refused_before_the_login(tmp_path: Path) -> None:
    with share(CANARY, server_smb_encrypt="off") as one:
        error = refused(smb(one).connect)
        assert (error.error_class, "does not encrypt" in error.message) == ("connection", True)
        made = smb(one, options={"encrypt": False})
        made.connect()
        put(made.store(), tmp_path, "x", b"signed")
        assert (one.folder / "x").read_bytes() == b"signed"
        made.close()


@pytest.mark.parametrize("dialect", ["SMB2_10", "SMB3_00"])
def test_a_server_of_an_older_dialect_is_refused(dialect: str) -> None:
    with share(CANARY, server_max_protocol=dialect) as one:
        for encrypt in (True, False):
            error = refused(smb(one, options={"encrypt": encrypt}).connect)
            assert "speaks no SMB 3.0.2 or 3.1.1" in error.message


def test_smb_3_0_2_is_spoken(tmp_path: Path) -> None:
    with share(CANARY, server_max_protocol="SMB3_02") as one:
        made = smb(one)
        made.connect()
        put(made.store(), tmp_path, "x", b"1")
        made.close()


def test_a_server_that_takes_strangers_for_guests_does_not_get_files() -> None:
    with share(CANARY, map_to_guest="bad user") as one:
        for encrypt in (True, False):
            error = refused(smb(one, user="stranger", options={"encrypt": encrypt}).connect)
            assert error.error_class == "auth"


def test_a_server_that_signs_nothing_is_refused_or_signs_all_the_same(tmp_path: Path) -> None:
    with share(CANARY, server_signing="disabled", server_smb_encrypt="off") as one:
        made = smb(one, options={"encrypt": False})
        made.connect()
        put(made.store(), tmp_path, "x", b"1")
        made.close()


@pytest.mark.parametrize("encrypt", [True, False])
@pytest.mark.parametrize("byte", [100, 400, 650, 1500, 3000, 100_000])
def test_a_byte_that_was_changed_on_the_way_never_reaches_a_file(
    place: Share, tmp_path: Path, byte: int, encrypt: bool
) -> None:
    content = os.urandom(200_000)
    (place.folder / "x").write_bytes(content)
    with cable(place.host, place.port) as between:
        between.bent = byte
        made = smb(place, port=between.port, options={"encrypt": encrypt, "timeout": 5})
        try:
            made.connect()
            made.store().get(made.store().stat("x"), tmp_path / "got")
        except ConnectorError as error:
            assert CANARY not in error.message  # noqa: PT017  # what only says to wait may be bent unnoticed
        else:
            assert (tmp_path / "got").read_bytes() == content
        finally:
            made.close()


def unsigned(message: bytes) -> bytes:
    """Return an answer without its signature, once there is a session (MS-SMB2, section 2.2.1.2)."""
    if int.from_bytes(message[12:14], "little") in (0, 1):
        return message
    flags = int.from_bytes(message[16:20], "little") & ~8
    return message[:16] + flags.to_bytes(4, "little") + message[20:48] + bytes(16) + message[64:]


def in_the_clear(message: bytes) -> bytes:
    """Return an encrypted answer as one that anybody could have made: the third request is denied."""
    if not message.startswith(b"\xfdSMB"):
        return message
    status, command, flags = (0xC0000022).to_bytes(4, "little"), (3).to_bytes(2, "little"), (1).to_bytes(4, "little")
    head = b"\xfeSMB" + (64).to_bytes(2, "little") + bytes(2) + status + command + (1).to_bytes(2, "little") + flags
    return head + bytes(4) + (3).to_bytes(8, "little") + bytes(8) + message[44:52] + bytes(16) + b"\x09" + bytes(8)


@pytest.mark.parametrize(("forge", "encrypt"), [(unsigned, False), (in_the_clear, True)])
def test_an_answer_that_is_neither_signed_nor_encrypted_is_no_answer(
    place: Share, forge: Callable[[bytes], bytes], encrypt: bool
) -> None:
    with cable(place.host, place.port) as between:
        between.forge = forge
        made = smb(place, port=between.port, options={"encrypt": encrypt, "timeout": 5})
        error = refused(made.connect)
        assert (error.error_class, "is no answer" in error.message) == ("connection", True)
        made.close()


def test_a_server_that_lists_nothing_and_never_says_that_this_was_all_is_given_up() -> None:
    class Mute:
        def query_directory(self, *asked: Any) -> list[Any]:
            return []

    error = refused(lambda: next(Handle(cast(Any, None), Mute()).entries()))
    assert (error.error_class, "lists nothing" in error.message) == ("connection", True)


def test_no_more_is_fetched_of_a_share_than_the_platform_allows(bench: Callable[..., Workbench], place: Share) -> None:
    (place.folder / "a.csv").write_bytes(b"n\n42\n")
    work = bench(share=smb(place, options={"max_bytes": 4}))
    error = refused(lambda: work.do("read", {"resource": "share", "path": "*.csv"}))
    assert error.message == "the files of the step have more than 4 bytes together"


def test_a_transfer_that_was_cut_off_goes_on(place: Share, tmp_path: Path) -> None:
    content = os.urandom(6_000_000)
    (tmp_path / "source").write_bytes(content)
    with cable(place.host, place.port) as between:
        made = smb(place, port=between.port)
        between.sent = 4_000_000
        made.connect()
        store = made.store()
        error = refused(lambda: store.put(tmp_path / "source", "x", MARK, lambda: None))
        assert error.error_class == "connection"
        staged = (place.folder / f".x.{MARK}.part").stat().st_size
        assert (3_000_000 < staged < 4_000_000, (place.folder / "x").exists()) == (True, False)
        between.sent = 6_000_000 - staged + 100_000
        file = store.put(tmp_path / "source", "x", MARK, lambda: None)
        assert (place.folder / "x").read_bytes() == content
        between.sent, between.got = None, 4_000_000
        store.close()
        assert refused(lambda: store.get(file, tmp_path / "got")).error_class == "connection"
        assert 2_000_000 < (tmp_path / "got").stat().st_size < 4_000_000
        store.get(file, tmp_path / "got")
        assert (tmp_path / "got").read_bytes() == content
        made.close()


def test_a_server_that_has_ended_is_a_broken_connection(tmp_path: Path) -> None:
    with share(CANARY) as one:
        made = smb(one)
        made.connect()
        one.stop()
        assert refused(lambda: made.store().stat("x")).error_class == "connection"
        assert refused(lambda: put(made.store(), tmp_path, "x", b"1")).error_class == "connection"
        made.close()


class Mute:
    """A server that says one thing, and then nothing."""

    def __init__(self, words: bytes) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port, self._words, self._clients = self._listener.getsockname()[1], words, list[socket.socket]()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        try:
            while True:
                client, _ = self._listener.accept()
                self._clients.append(client)
                client.sendall(self._words)
        except OSError:
            pass

    def close(self) -> None:
        for one in (self._listener, *self._clients):
            one.close()


@pytest.mark.parametrize(
    ("words", "error_class"),
    [
        (b"", "timeout"),
        (b"\xff\xff\xff\xff", "connection"),
        (b"\0\xff\xff\xff" + b"x" * 100, "timeout"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "connection"),
        (b"\0\0\0\x40" + b"x" * 64, "connection"),
        (b"\0\0\0\x40" + b"\xfdSMB" + b"\0" * 60, "connection"),
    ],
)
def test_what_is_no_smb_is_an_error_and_nothing_else(
    place: Share, capfd: pytest.CaptureFixture[str], words: bytes, error_class: str
) -> None:
    mute = Mute(words)
    try:
        error = refused(smb(place, port=mute.port, options={"timeout": 1}).connect)
        assert error.error_class == error_class
        assert "".join(capfd.readouterr()) == ""
    finally:
        mute.close()


def test_a_server_that_never_answers_is_left_when_the_run_stops(place: Share) -> None:
    mute, token = Mute(b""), Token()
    try:
        threading.Timer(0.3, token.cancel, [STOPPED]).start()
        with working_for(token), pytest.raises(Ended):
            smb(place, port=mute.port, options={"timeout": 600}).connect()
    finally:
        mute.close()


def test_a_transfer_ends_when_the_run_stops(opened: Callable[..., Any], place: Share, tmp_path: Path) -> None:
    store, token = opened(), Token()
    with (tmp_path / "source").open("wb") as file:
        file.truncate(1 << 34)
    threading.Timer(0.3, token.cancel, [STOPPED]).start()
    with working_for(token), pytest.raises(Ended):
        store.put(tmp_path / "source", "x", MARK, lambda: None)
    assert not (place.folder / "x").exists()


def test_sessions_end_with_the_connector(place: Share) -> None:
    with cable(place.host, place.port) as between:
        before = threading.active_count()
        made = smb(place, port=between.port)
        made.connect()
        for _ in range(5):
            made.store().stat("x")
        assert between.connections == 1
        made.close()
        for _ in range(200):
            if threading.active_count() <= before:
                return
            time.sleep(0.02)
        assert threading.active_count() <= before


WITHOUT = """
import sys
sys.modules["smbprotocol"] = None  # as where it is not installed
from firn_runtime.errors import ConnectorError
from firn_schemas.secret import Secret
from runtime.workbench import connector
try:
    connector("smb", "smbprotocol", server="x", share="y", user="u", password=Secret("p")).connect()
except ConnectorError as error:
    print(error.message, "|", error.help)
"""


def test_a_driver_that_is_not_installed_is_named() -> None:
    command = [sys.executable, "-c", WITHOUT]
    env = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    answer = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    assert answer.stdout == 'the driver of SMB is not installed | pip install "firn-runtime[smb]"\n'
