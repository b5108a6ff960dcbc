"""The pipe between the engine and a driver, where one of them fails."""

import time
from pathlib import Path

import pytest

from firn_runtime.connectors.pipe import piped


def test_a_writer_that_comes_when_the_reader_has_failed_is_not_waited_for_in_vain(tmp_path: Path) -> None:
    pipe = tmp_path / "rows.pipe"

    def write() -> None:
        time.sleep(0.1)  # until the reader is gone
        pipe.write_bytes(b"rows")

    with pytest.raises(LookupError), piped(pipe, write):
        raise LookupError
    assert not pipe.exists()
