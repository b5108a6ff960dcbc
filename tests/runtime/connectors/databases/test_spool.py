"""The file that holds what a server has spelled."""

from pathlib import Path

from firn_runtime.connectors.databases.spool import opened


def test_a_session_that_wakes_past_its_lease_writes_nothing_into_anothers_spool(tmp_path: Path) -> None:
    file = tmp_path / "rows.csv"
    with opened(file) as paused:
        paused.write(b"1\n2\n")
        paused.flush()
        with opened(file) as spool:
            spool.write(b"1\n2\n3\n")
        paused.write(b"4\n")
    assert file.read_bytes() == b"1\n2\n3\n"
