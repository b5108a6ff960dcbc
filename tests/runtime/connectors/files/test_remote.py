"""What every place of files does that gives a FileStore: its files are read and written through the scratch folder."""

from collections.abc import Callable
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from firn_runtime.probing import Use
from firn_schemas.connectors.files import SftpOptions
from runtime.connectors.sinks import PUBLICATION
from runtime.shelf import Shelf, ShelfFiles
from runtime.workbench import Workbench


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def work(bench: Callable[..., Workbench], shelf: Shelf) -> Workbench:
    return bench(there=ShelfFiles(shelf))


def read(work: Workbench, path: str) -> list[tuple[Any, ...]]:
    work.do("read", {"resource": "there", "path": path})
    return work.rows()


def refused(work: Workbench, path: str) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        read(work, path)
    return caught.value


def write(work: Workbench, sql: str = "select 1 as n", **more: Any) -> Any:
    work.make("d", sql)
    return work.write(PUBLICATION, **{"resource": "there", "path": "out/x.csv"} | more)


def test_files_are_read_in_the_order_of_their_names(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"in/b.csv": b"n\n2\n", "in/a.csv": b"n\n1\n", "in/.b.csv.part": b"n\n9\n", "in/old/c.csv": b"n\n3\n"}
    assert read(work, "in/*.csv") == [(1,), (2,)]
    assert read(work, "in/**/*.csv") == [(1,), (2,), (3,)]
    assert read(work, "in/old/c.csv") == [(3,)]


def test_only_the_folder_that_a_pattern_begins_with_is_listed(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"in/2026/a.csv": b"n\n1\n"}
    read(work, "in/2026/*.csv")
    assert [name for what, name in shelf.asked if what == "list"] == ["in/2026"]


def test_a_file_that_is_not_there_is_said_by_its_path(work: Workbench) -> None:
    error = refused(work, "in/*.csv")
    assert (error.error_class, error.message) == ("data", "no file matches `in/*.csv`")
    assert error.help == "looked on the shelf, below `root`"


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "in/../../x.csv", "in//x.csv", "other/x.csv"])
def test_a_server_that_lists_a_name_outside_the_folder_is_refused(work: Workbench, shelf: Shelf, name: str) -> None:
    shelf.files = {"in/a.csv": b"n\n1\n"}
    shelf.listed = [name]
    error = refused(work, "in/*")
    assert error.error_class == "data"
    assert "no path of a file below the folder" in error.message


def test_what_a_terminal_would_obey_is_not_shown(work: Workbench, shelf: Shelf) -> None:
    shelf.listed = ["in/../\x1b[2Jx\n" + "y" * 500]
    message = refused(work, "in/*").message
    assert message.isprintable()
    assert len(message) < 300


def test_two_names_that_some_file_systems_take_for_one_are_refused(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"in/A.csv": b"n\n1\n", "in/a.csv": b"n\n2\n"}
    assert "would be one file" in refused(work, "in/*.csv").message
    assert ("get", "in/A.csv from 0") not in shelf.asked


def test_a_file_that_is_a_folder_too_is_refused(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"in/a.csv": b"n\n1\n", "in/a.csv/b.csv": b"n\n2\n"}
    assert "is a file, and a folder of" in refused(work, "in/**/*").message


def test_a_file_that_changes_while_it_is_fetched_is_a_conflict(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"in/a.csv": b"n\n1\n"}
    shelf.before_get = lambda name: shelf.files.update({name: b"n\n2\n"})
    error = refused(work, "in/a.csv")
    assert (error.error_class, error.message) == ("conflict", "`in/a.csv` has changed")


def test_a_read_that_would_fetch_more_than_the_platform_allows_fetches_nothing(
    bench: Callable[..., Workbench], shelf: Shelf
) -> None:
    work = bench(there=ShelfFiles(shelf, SftpOptions(max_bytes=7)))
    shelf.files = {"a.csv": b"n\n1\n", "b.csv": b"n\n2\n"}
    with pytest.raises(ConnectorError, match="more than 7 bytes together") as caught:
        work.do("read", {"resource": "there", "path": "*.csv"})
    assert caught.value.error_class == "data"
    assert not [name for asked, name in shelf.asked if asked == "get"]


def test_a_file_is_put_in_the_place_of_another(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"out/x.csv": b"old"}
    written = write(work)
    assert shelf.files == {"out/x.csv": b"n\n1\n"}
    assert (written.rows, written.bytes) == (1, 4)


def test_a_file_is_added_to_a_folder_under_the_name_of_its_publication(work: Workbench, shelf: Shelf) -> None:
    write(work, path="out", mode="append", format="csv")
    write(work, path="out", mode="append", format="csv")
    assert list(shelf.files) == [f"out/part-{PUBLICATION.mark}.csv"]


def test_the_same_publication_is_put_once_even_where_a_reader_took_the_file_away(work: Workbench, shelf: Shelf) -> None:
    first = write(work)
    shelf.files.clear()
    assert write(work) == first
    assert shelf.files == {}


def test_a_put_that_was_cut_off_is_gone_on_with(work: Workbench, shelf: Shelf) -> None:
    shelf.cuts = [3]
    with pytest.raises(ConnectorError, match=r"x\.csv`: the connection broke"):
        write(work)
    assert shelf.files == {}
    assert write(work).rows == 1
    assert shelf.files == {"out/x.csv": b"n\n1\n"}
    assert ("put", "out/x.csv from 3") in shelf.asked


def test_an_attempt_whose_scratch_is_lost_does_not_go_on_with_other_bytes(work: Workbench, shelf: Shelf) -> None:
    shelf.cuts = [3]
    with pytest.raises(ConnectorError):
        write(work, "select 12345 as n")
    for file in work.scratch(*PUBLICATION.key[1:]).iterdir():
        file.unlink()
    write(work, "select 12345 as n")
    assert shelf.files == {"out/x.csv": b"n\n12345\n"}
    assert ("put", "out/x.csv from 0") in shelf.asked[-1:]


def test_a_run_that_has_lost_its_lease_publishes_nothing(work: Workbench, shelf: Shelf) -> None:
    def lost() -> None:
        raise ConnectorError("conflict", "another run has taken over")

    work.make("d", "select 1 as n")
    with pytest.raises(ConnectorError, match="taken over"):
        work.write(PUBLICATION, lost, resource="there", path="out/x.csv")
    assert shelf.files == {}


@pytest.mark.parametrize("mode", ["insert_overwrite", "upsert"])
def test_modes_that_one_file_cannot_do_are_refused(work: Workbench, mode: str) -> None:
    with pytest.raises(ConnectorError, match=mode):
        write(work, mode=mode)


def test_a_preflight_lists_the_root_and_looks_for_what_is_read(shelf: Shelf) -> None:
    shelf.files = {"a.csv": b"n\n1\n"}
    uses = [Use("read", "*.csv"), Use("read", "none.csv"), Use("write", "out.csv"), Use("read", "out.csv")]
    seen = list(ShelfFiles(shelf).probe(uses))
    assert [one.status for one in seen] == ["ok", "ok", "ok", "failed", "skipped", "skipped"]
    assert seen[0].message == "the shelf answers"
    assert seen[2].message == "`*.csv` is there (1 file)"
