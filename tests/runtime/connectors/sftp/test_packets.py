"""An SFTP server whose packets lie: what it says is no answer, and nothing it does goes on without an end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.connector import FileStore
from firn_runtime.errors import ConnectorError
from firn_schemas.secret import Secret
from runtime.workbench import connector
from servers.raw_sftp import (
    ATTRS,
    CONTENT,
    DATA,
    FSTAT,
    GREETING,
    HANDLE,
    NAME,
    OPEN,
    READ,
    READDIR,
    REALPATH,
    STAT,
    STATUS,
    VERSION,
    Answer,
    Answers,
    attrs,
    names,
    number,
    raw,
    text,
)

CANARY = "canary-77ab-packets"
LIMITS = text(b"limits@openssh.com") + text(b"1")
EXTENDED, EXTENDED_REPLY = 200, 201


def listed(store: FileStore, _: Path) -> object:
    return [one.name for one in store.list("", recursive=True)]


def fetched(store: FileStore, folder: Path) -> object:
    file = store.stat("x")
    assert file is not None
    store.get(file, folder / "target")
    return (folder / "target").read_bytes()


def told(error: ConnectorError) -> str:
    assert CANARY not in f"{error!r}{error.message}{error.help}{error.__cause__!r}{error.__context__!r}"
    return f"{error.error_class}: {error.message}"


def does(
    act: Callable[[FileStore, Path], object],
    answers: Answers,
    folder: Path,
    version: Answer = GREETING,
) -> object:
    """Return what an act gives, or why it fails."""
    with raw(answers, version) as there:
        settings: dict[str, Any] = {"host": "127.0.0.1", "port": there.port, "known_hosts": there.known_hosts}
        settings |= {"user": "tester", "password": Secret(CANARY), "options": {"timeout": 10, "max_files": 100}}
        one: Any = connector("sftp", "asyncssh", root="/", **settings)
        try:
            one.connect()
            return act(one.store(), folder)
        except ConnectorError as error:
            return told(error)
        finally:
            one.close()


def test_an_honest_server_is_understood(tmp_path: Path) -> None:
    assert does(listed, {}, tmp_path) == []
    assert does(fetched, {}, tmp_path) == CONTENT


@pytest.mark.parametrize(
    ("act", "asked", "answer"),
    [
        (listed, REALPATH, names()),
        (listed, REALPATH, (NAME, number(2))),
        (listed, READDIR, (NAME, number(0xFFFFFFFF))),
        (listed, READDIR, (NAME, number(2) + text(b"x"))),
        (listed, READDIR, (HANDLE, text(b"x"))),
        (listed, READDIR, (STATUS, b"\0\0")),
        (listed, READDIR, (0xEE, b"")),
        (fetched, STAT, (ATTRS, number(1) + b"\0")),
        (fetched, OPEN, (HANDLE, number(99))),
        (fetched, READ, (DATA, number(1000) + b"x")),
        (fetched, READ, names(b"x")),
    ],
)
def test_an_answer_that_is_none_is_a_matter_of_the_connection(
    tmp_path: Path, act: Any, asked: int, answer: Answer
) -> None:
    said = does(act, {asked: lambda _: answer}, tmp_path)
    assert str(said).startswith("connection: ")
    assert str(said).endswith("the server does not speak SFTP as it should")


@pytest.mark.parametrize(
    ("version", "answers"),
    [
        ((VERSION, b"\0"), {}),
        ((VERSION, number(6) + text(b"supported2")), {}),
        ((NAME, number(3)), {}),
        ((VERSION, number(3) + LIMITS), {EXTENDED: lambda _: (EXTENDED_REPLY, b"\0")}),
    ],
)
def test_so_is_a_greeting_that_is_none(tmp_path: Path, version: Answer, answers: Answers) -> None:
    assert does(listed, answers, tmp_path, version) == "connection: the server does not speak SFTP as it should"


@pytest.mark.parametrize("name", [b".", b"..", b".x.mark.part", b"x"])
def test_a_listing_ends_whatever_it_repeats(tmp_path: Path, name: bytes) -> None:
    said = does(listed, {READDIR: lambda _: names(name)}, tmp_path)
    assert said == "data: listing `.`: there are more files than `max_files`"


def test_a_file_that_ends_before_its_size_is_not_asked_for_the_rest(tmp_path: Path) -> None:
    asked: list[bytes] = []

    def read(request: bytes) -> Answer:
        asked.append(request)
        return STATUS, number(1) + text(b"") + text(b"")

    def large(request: bytes) -> Answer:
        return ATTRS, attrs(0o040755 if request.endswith(b"/") else 0o100644, (1 << 63) - 1)

    said = does(fetched, {STAT: large, FSTAT: large, READ: read}, tmp_path)
    assert said == "conflict: fetching `x`: the file is smaller than the server said"
    assert len(asked) < 100
