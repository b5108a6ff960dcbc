"""Rows through a named pipe: whole, or an error; and nobody waits for ever for the other end."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from firn_runtime.connectors.databases.pipe import piped


def writing(path: Path, *blocks: bytes, before: float = 0.0, error: Exception | None = None) -> Callable[[], None]:
    def write() -> None:
        time.sleep(before)
        with path.open("wb") as pipe:
            for block in blocks:
                pipe.write(block)
            if error is not None:
                raise error

    return write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.pipe"


def test_everything_that_is_written_is_read(path: Path) -> None:
    content = bytes(range(256)) * 10_000
    with piped(path, writing(path, content, content)) as blocks:
        assert b"".join(blocks) == content * 2
    assert not path.exists()


def test_nothing_is_nothing(path: Path) -> None:
    with piped(path, writing(path, before=0.2)) as blocks:
        assert list(blocks) == []


def test_a_writer_that_fails_is_an_error_after_what_it_wrote(path: Path) -> None:
    with piped(path, writing(path, b"some", error=ValueError("no"))) as blocks:
        assert next(blocks) == b"some"
        with pytest.raises(ValueError, match="no"):
            next(blocks)


def test_a_writer_that_fails_before_it_opens_the_pipe_is_an_error(path: Path) -> None:
    def write() -> None:
        raise ValueError("no")

    with piped(path, write) as blocks, pytest.raises(ValueError, match="no"):
        list(blocks)


def test_a_reader_that_ends_first_ends_the_writer(path: Path) -> None:
    with piped(path, writing(path, *[b"x" * 100_000] * 100)) as blocks:
        assert next(blocks)
    assert not path.exists()


def test_a_reader_that_ends_before_the_writer_has_come_does_not_wait_for_ever(path: Path) -> None:
    with pytest.raises(KeyError), piped(path, writing(path, b"x" * 10_000_000, before=0.3)):
        raise KeyError


def test_what_a_killed_attempt_left_is_in_nobodys_way(path: Path) -> None:
    path.write_text("left")
    with piped(path, writing(path, b"new")) as blocks:
        assert list(blocks) == [b"new"]
