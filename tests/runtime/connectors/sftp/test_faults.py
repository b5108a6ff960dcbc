"""Servers that break, lie or never end, and what is left of a transfer then."""

import asyncio
import os
import socket
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from firn_runtime.cancel import Ended, Token, working_for
from firn_runtime.connector import FileStore, StoredFile
from firn_runtime.errors import ConnectorError
from firn_runtime.events import Failure
from firn_schemas.secret import Secret
from runtime.workbench import connector
from servers.rogue_sftp import Doorkeeper, Line, Rogue, rogue, saying
from servers.sshd import Server, server

CANARY = "canary-41c0-faults"


@pytest.fixture(scope="module")
def sshd() -> Server:
    return server()


def resource(port: int, known_hosts: str, **more: Any) -> Any:
    place = {"host": "127.0.0.1", "port": port, "user": "tester", "known_hosts": known_hosts, "root": "/"}
    return connector("sftp", "asyncssh", **{**place, "password": Secret(CANARY), **more})


@contextmanager
def opened(there: Rogue, **more: Any) -> Iterator[FileStore]:
    one = resource(there.port, there.known_hosts, **more)
    try:
        one.connect()
        yield one.store()
    finally:
        one.close()


def told(error: ConnectorError) -> tuple[str, str]:
    everything = f"{error!r}{error.message}{error.help}{error.__cause__!r}{error.__context__!r}"
    assert CANARY not in everything
    assert error.message.isprintable()
    return error.error_class, error.message


def broken(one: Any) -> tuple[str, str]:
    with pytest.raises(ConnectorError) as caught:
        one.connect()
    one.close()
    return told(caught.value)


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([], "the connection to `127.0.0.1`, port {} broke"),
        ([b"SSH-2.0-x\r\n"], "the connection to `127.0.0.1`, port {} broke"),
        ([b"SSH-1.5-x\r\n"], "`127.0.0.1`, port {} does not speak SSH 2"),
        ([b"HTTP/1.1 400 Bad Request\r\n\r\n"], "the connection to `127.0.0.1`, port {} broke"),
        ([b"SSH-2.0-x\r\n", b"\xff" * 64], "`127.0.0.1`, port {} does not speak SSH as it should"),
        ([b"x" * 100_000], "`127.0.0.1`, port {} does not speak SSH as it should"),
        ([b"\0\n" * 5000], "`127.0.0.1`, port {} does not speak SSH as it should"),
    ],
)
def test_a_server_that_hangs_up_or_is_none_of_ssh(answers: list[bytes], words: str) -> None:
    with saying(*answers) as port:
        assert broken(resource(port, "x ssh-ed25519 AAAA")) == ("connection", words.format(port))


def test_a_server_that_says_nothing_is_not_waited_for_longer_than_timeout() -> None:
    with socket_that_is_silent() as port:
        error_class, message = broken(resource(port, "x ssh-ed25519 AAAA", options={"timeout": 1}))
    assert (error_class, message) == ("timeout", f"no answer from `127.0.0.1`, port {port} within `timeout`")


@contextmanager
def socket_that_is_silent() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def test_a_line_that_is_cut_anywhere_on_the_way_in_fails_and_the_next_call_comes_through(sshd: Server) -> None:
    line = Line(sshd.port)
    known = f"[127.0.0.1]:{line.port} {sshd.host_key}"
    one = resource(line.port, known, password=Secret(sshd.password), root=str(sshd.root()))
    try:
        one.connect()
        one.close()
        whole = line.passed
        for cut in [*range(1, 60, 13), *range(60, whole - 150, 97)]:
            line.left = cut
            error_class, _ = broken(one)
            assert error_class == "connection", cut
        line.left = None
        one.connect()
        assert list(one.store().list("", recursive=True)) == []
        one.close()
    finally:
        line.close()


class ClosesAtLogin(Doorkeeper):
    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self.conn = conn

    def begin_auth(self, username: str) -> bool:
        self.conn.abort()
        return True


class ClosesAtPassword(ClosesAtLogin):
    def begin_auth(self, username: str) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self.conn.disconnect(11, f"no, {password}")
        return False


class Gone(asyncssh.SFTPServer):
    def __init__(self, chan: Any) -> None:
        chan.get_connection().abort()
        super().__init__(chan)


class SessionEnds(asyncssh.SFTPServer):
    def __init__(self, chan: Any) -> None:
        chan.close()
        super().__init__(chan)


@pytest.mark.parametrize("door", [ClosesAtLogin, ClosesAtPassword])
def test_a_server_that_closes_at_the_door(door: Any) -> None:
    with rogue(door=door) as there:
        assert broken(resource(there.port, there.known_hosts))[0] == "connection"


@pytest.mark.parametrize("files", [None, Gone, SessionEnds])
def test_a_server_that_closes_when_files_are_asked_for(files: Any) -> None:
    with rogue(files) as there:
        assert broken(resource(there.port, there.known_hosts))[0] == "connection"


@contextmanager
def folder(tmp_path: Path, files: Any, **more: Any) -> Iterator[tuple[Path, FileStore]]:
    """Serve a folder by a class of files."""
    root = tmp_path / "served"
    root.mkdir()
    (root / "x").write_bytes(b"0123456789")

    class Served(files):  # type: ignore[misc]  # the class is an argument
        def __init__(self, chan: Any) -> None:
            super().__init__(chan, chroot=os.fsencode(root))

    with rogue(Served, **more) as there, opened(there) as store:
        yield root, store


class GoneWhileReading(asyncssh.SFTPServer):
    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        self.connection.abort()
        return b""

    def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
        self.connection.abort()
        return 0


def test_a_server_that_closes_in_the_middle_leaves_nothing_to_see(tmp_path: Path) -> None:
    with folder(tmp_path, GoneWhileReading) as (root, store):
        with pytest.raises(ConnectorError) as caught:
            store.get(StoredFile("x", 10, version(root / "x")), tmp_path / "target")
        assert told(caught.value)[0] == "connection"
        (tmp_path / "source").write_bytes(b"new")
        with pytest.raises(ConnectorError) as caught:
            store.put(tmp_path / "source", "y", "m", lambda: None)
        assert told(caught.value)[0] == "connection"
        assert [one.name for one in store.list("", recursive=True)] == ["x"]
        assert not (root / "y").exists()


def version(path: Path) -> str:
    return f"{path.stat().st_size}-{int(path.stat().st_mtime)}"


class GivesLess(asyncssh.SFTPServer):
    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        return super().read(file_obj, offset, min(size, max(0, 7 - offset)))


class GivesMore(asyncssh.SFTPServer):
    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        return b"x" * size


class GivesMuchMore(asyncssh.SFTPServer):
    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        return b"x" * (size + 1_000_000)


class GivesCrumbs(asyncssh.SFTPServer):
    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        return super().read(file_obj, offset, min(size, 3))


@pytest.mark.parametrize(
    ("files", "error_class", "words"),
    [
        (GivesLess, "conflict", "fetching `x`: the file is smaller than the server said"),
        (GivesMore, "conflict", "fetching `x`: the file is larger than the server said"),
        (GivesMuchMore, "connection", "fetching `x`: the server sends more than it was asked for"),
    ],
)
def test_a_file_of_another_size_than_told_is_not_taken(
    tmp_path: Path, files: Any, error_class: str, words: str
) -> None:
    with folder(tmp_path, files) as (root, store), pytest.raises(ConnectorError) as caught:
        store.get(StoredFile("x", 10, version(root / "x")), tmp_path / "target")
    assert told(caught.value) == (error_class, words)
    assert (tmp_path / "target").stat().st_size <= 10


def test_a_server_that_answers_in_crumbs_is_asked_for_the_rest(tmp_path: Path) -> None:
    with folder(tmp_path, GivesCrumbs) as (root, store):
        store.get(StoredFile("x", 10, version(root / "x")), tmp_path / "target")
    assert (tmp_path / "target").read_bytes() == b"0123456789"


class GrowsMeanwhile(asyncssh.SFTPServer):
    def read(self, file_obj: Any, offset: int, size: int) -> Any:
        found = super().read(file_obj, offset, min(size, 10))
        with open(os.path.join(self._chroot or b"", b"x"), "ab") as file:
            file.write(b"more")
        return found


def test_a_file_that_grows_while_it_is_fetched_is_a_conflict(tmp_path: Path) -> None:
    with folder(tmp_path, GrowsMeanwhile) as (root, store), pytest.raises(ConnectorError) as caught:
        store.get(StoredFile("x", 10, version(root / "x")), tmp_path / "target")
    assert told(caught.value) == ("conflict", "fetching `x`: the file is not the one that was listed")


class LosesBytes(asyncssh.SFTPServer):
    def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
        return super().write(file_obj, offset, data[:-1])


def test_a_server_that_loses_bytes_publishes_nothing(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"new")
    with folder(tmp_path, LosesBytes) as (root, store), pytest.raises(ConnectorError) as caught:
        store.put(tmp_path / "source", "y", "m", lambda: None)
    assert told(caught.value)[0] == "server_error"
    assert not (root / "y").exists()


class Full(asyncssh.SFTPServer):
    def write(self, file_obj: Any, offset: int, data: bytes) -> Any:
        raise asyncssh.SFTPFailure(f"disk full, and your password is {CANARY}")


class NotAllowed(asyncssh.SFTPServer):
    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        raise asyncssh.SFTPPermissionDenied(f"not for {CANARY}")


@pytest.mark.parametrize(
    ("files", "error_class", "words"),
    [
        (Full, "server_error", "sending `y`: the server could not do it"),
        (NotAllowed, "auth", "sending `y`: the server does not allow it"),
    ],
)
def test_what_a_server_says_is_not_quoted(tmp_path: Path, files: Any, error_class: str, words: str) -> None:
    (tmp_path / "source").write_bytes(b"new")
    with folder(tmp_path, files) as (root, store), pytest.raises(ConnectorError) as caught:
        store.put(tmp_path / "source", "y", "m", lambda: None)
    assert told(caught.value) == (error_class, words)
    assert not (root / "y").exists()


def listing(*names: bytes) -> Any:
    class Lists(asyncssh.SFTPServer):
        async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
            for name in names:
                yield asyncssh.SFTPName(name, attrs=regular())

    return Lists


def regular() -> asyncssh.SFTPAttrs:
    return asyncssh.SFTPAttrs(type=1, permissions=stat.S_IFREG | 0o644, size=1, mtime=0, atime=0)


@pytest.mark.parametrize(
    "name",
    [
        b"../x",
        b"/etc/passwd",
        b"a/b",
        b"",
        b"a\0b",
        b"a\nb",
        b"\x1b]0;title\x07",
        b"a\x7f",
        b"\xff\xfe",
        "a\u2028b".encode(),
        b"x" * 5000,
    ],
)
def test_a_listed_name_that_is_none_is_refused_and_shown_harmless(tmp_path: Path, name: bytes) -> None:
    with folder(tmp_path, listing(b"good", name)) as (_, store), pytest.raises(ConnectorError) as caught:
        list(store.list("", recursive=True))
    error_class, message = told(caught.value)
    assert error_class == "data"
    assert "which is no name of a file" in message
    assert len(message) < 300


class Endless(asyncssh.SFTPServer):
    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        while True:
            yield asyncssh.SFTPName(b"again", attrs=regular())


def test_a_listing_without_end_is_given_up(tmp_path: Path) -> None:
    with rogue(Endless) as there, opened(there, options={"max_files": 1000}) as store:
        with pytest.raises(ConnectorError) as caught:
            list(store.list("", recursive=False))
        assert told(caught.value)[0] == "data"


class Deep(asyncssh.SFTPServer):
    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        yield asyncssh.SFTPName(b"deeper", attrs=asyncssh.SFTPAttrs(type=2, permissions=stat.S_IFDIR | 0o755, size=0))

    def realpath(self, path: bytes) -> bytes:
        return path


def test_folders_without_end_are_given_up(tmp_path: Path) -> None:
    with rogue(Deep) as there, opened(there) as store:
        with pytest.raises(ConnectorError) as caught:
            list(store.list("", recursive=True))
        assert told(caught.value)[0] == "data"


class Elsewhere(asyncssh.SFTPServer):
    def realpath(self, path: bytes) -> bytes:
        return path if path.count(b"/") < 2 else b"/../etc/passwd"


def test_a_real_path_outside_the_root_is_not_asked_for(tmp_path: Path) -> None:
    with rogue(Elsewhere) as there, opened(there, root="/tmp") as store, pytest.raises(ConnectorError) as caught:
        store.stat("passwd")
    assert "leads out" in told(caught.value)[1]


class OnlyOldRenames(asyncssh.SFTPServer):
    """A server without OpenSSH's extensions."""

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> Any:
        raise asyncssh.SFTPOpUnsupported("no")

    def fsync(self, file_obj: Any) -> Any:
        raise asyncssh.SFTPOpUnsupported("no")


def test_a_server_without_extensions_takes_files_too(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"new")
    with folder(tmp_path, OnlyOldRenames) as (root, store):
        for name in ("y", "x", "in/z"):
            assert store.put(tmp_path / "source", name, "m", lambda: None).size == 3
        assert {one.name for one in store.list("", recursive=True)} == {"x", "y", "in/z"}
    assert (root / "x").read_bytes() == b"new"


class NoRenames(OnlyOldRenames):
    """A server whose store has no renames, as some in front of buckets, and no word for that."""

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        raise asyncssh.SFTPFailure("no")


class NoRenamesInPlace(OnlyOldRenames):
    """A server that lets nothing have the name of what was there."""

    def rename(self, oldpath: bytes, newpath: bytes) -> Any:
        if newpath.endswith(b"/x") and not oldpath.endswith(b".old.part"):
            raise asyncssh.SFTPFailure("no")
        return super().rename(oldpath, newpath)


@pytest.mark.parametrize("files", [NoRenames, NoRenamesInPlace])
def test_what_is_there_stays_where_a_server_renames_nothing_in_its_place(tmp_path: Path, files: Any) -> None:
    (tmp_path / "source").write_bytes(b"new")
    with folder(tmp_path, files) as (root, store):
        before = (root / "x").read_bytes()
        with pytest.raises(ConnectorError) as caught:
            store.put(tmp_path / "source", "x", "m", lambda: None)
    assert told(caught.value)[0] == "server_error"
    assert (root / "x").read_bytes() == before


def test_what_a_killed_attempt_has_moved_aside_is_removed_once_the_new_file_is_there(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"new")
    with folder(tmp_path, OnlyOldRenames) as (root, store):
        for name in ("x", "y"):
            (root / f".{name}.m.old.part").write_bytes(b"older")
            store.put(tmp_path / "source", name, "m", lambda: None)
        assert {one.name: one.read_bytes() for one in root.iterdir()} == {"x": b"new", "y": b"new"}


class Silent(asyncssh.SFTPServer):
    async def stat(self, path: bytes) -> Any:
        if path.endswith(b"x"):
            await asyncio.sleep(3600)
        return super().stat(path)


def test_an_answer_that_does_not_come_is_a_timeout_and_can_be_ended_before() -> None:
    with rogue(Silent) as there, opened(there, options={"timeout": 1}) as store:
        with pytest.raises(ConnectorError) as caught:
            store.stat("x")
        assert told(caught.value)[0] == "timeout"
    with rogue(Silent) as there, opened(there) as store:
        token = Token()
        threading.Timer(0.05, token.cancel, [Failure("R502", "cancelled", "enough")]).start()
        with working_for(token), pytest.raises(Ended):
            store.stat("x")


def test_a_disk_of_this_machine_that_fails_is_not_the_servers_fault(tmp_path: Path) -> None:
    with folder(tmp_path, asyncssh.SFTPServer) as (root, store), pytest.raises(ConnectorError) as caught:
        store.get(StoredFile("x", 10, version(root / "x")), tmp_path / "missing" / "target")
    assert told(caught.value) == (
        "process",
        "fetching `x`: `target` cannot be kept in the workspace: no such file or directory",
    )
