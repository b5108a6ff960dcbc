"""Steps that move files: what is listed, fetched, put and deleted, what is done once only, and what is refused."""

import json
from collections.abc import Callable
from itertools import product
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from firn_runtime.state import checked_results
from firn_runtime.step import StepResult
from firn_schemas.connectors.files import SftpOptions
from runtime.shelf import Shelf, ShelfFiles
from runtime.workbench import Workbench


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def work(bench: Callable[..., Workbench], shelf: Shelf) -> Workbench:
    return bench(there=ShelfFiles(shelf))


def do(work: Workbench, type: str, **inputs: Any) -> StepResult:
    return work.do(type, {"resource": "there", **inputs})


def again(work: Workbench, type: str, **inputs: Any) -> StepResult:
    """Do the step once more in the same run, as a retry or a resumption does it."""
    work.runs -= 1
    return do(work, type, **inputs)


def moved(result: StepResult) -> tuple[Any, Any]:
    assert result.results.keys() - {"versions"} == {"files", "count"}
    return result.results["files"], result.results["count"]


def refused(work: Workbench, type: str, **inputs: Any) -> ConnectorError:
    with pytest.raises(ConnectorError) as caught:
        do(work, type, **inputs)
    assert "\n" not in caught.value.message
    return caught.value


STAYS = "; what is there stays, and the next run fetches it"


def deleted(count: int, *warnings: str) -> StepResult:
    return StepResult(results={"count": count}, warnings=warnings)


def local(work: Workbench, name: str) -> bytes:
    return (work.files / name).read_bytes()


def put(work: Workbench, name: str, content: bytes = b"x") -> str:
    path: Path = work.files / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return name


def of(shelf: Shelf, what: str) -> list[str]:
    return [name for asked, name in shelf.asked if asked == what]


def test_two_steps_put_no_file_to_one_place(work: Workbench, shelf: Shelf) -> None:
    first, second = put(work, "a/x", b"1"), put(work, "b/x", b"2")
    do(work, "upload", files=first, dest_path="in")
    with pytest.raises(ConnectorError, match=r"`in/x` is where `main\.data` puts a file too"):
        work.do("upload", {"resource": "there", "files": second, "dest_path": "in"}, "other")
    assert shelf.files == {"in/x": b"1"}


# what an outsider sends is limited


def test_a_download_takes_no_more_than_the_platform_allows_also_in_several_attempts(
    bench: Callable[..., Workbench], shelf: Shelf
) -> None:
    work = bench(there=ShelfFiles(shelf, SftpOptions(max_bytes=5)))
    shelf.files = {"a": b"123", "b": b"45", "c": b"6"}
    assert do(work, "download", files=["a", "b"], dest_dir="in").bytes == 5
    error = refused(work, "download", files=["a", "b", "c"], dest_dir="in", parallelism=1)
    assert error.error_class == "data"
    assert error.message == "`c`: the files of the step have more than 5 bytes together"
    assert error.help == "raise the resource's `max_bytes`, or take them in several steps"
    del shelf.files["c"]
    shelf.files["c"] = b""
    assert again(work, "download", files=["a", "b", "c"], dest_dir="in").bytes == 5
    shelf.files["c"] = b"6"
    (work.files / "in/c").unlink()
    with pytest.raises(ConnectorError, match="`c`: the files of the step have more than 5 bytes"):
        again(work, "download", files=["a", "b", "c"], dest_dir="in")
    assert of(shelf, "get").count("c from 0") == 1


def test_a_name_longer_than_any_is_refused(work: Workbench, shelf: Shelf) -> None:
    shelf.listed = ["x" * 4097]
    assert "whose name has more than 4,096 characters" in refused(work, "list_files").message


# list_files


def test_files_are_listed_by_their_names_from_the_root_on_sorted(work: Workbench, shelf: Shelf) -> None:
    shelf.files = dict.fromkeys(("in/b.csv", "in/a.csv", "in/x.txt", "in/old/c.csv", "d.csv"), b"x")
    result = do(work, "list_files", path="in", pattern="*.csv")
    assert result.results == {"files": ["in/a.csv", "in/b.csv"], "count": 2, "has_data": True}
    assert not result.no_data


@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ({}, ["d.csv"]),
        ({"path": "."}, ["d.csv"]),
        ({"path": "in/"}, ["in/a.csv"]),
        ({"path": "in", "recursive": True}, ["in/a.csv", "in/old/c.csv"]),
        ({"recursive": True, "pattern": "[cd].csv"}, ["d.csv", "in/old/c.csv"]),
        ({"pattern": "in/*/*.csv"}, ["in/old/c.csv"]),
        ({"path": "in", "pattern": "**/c.*"}, ["in/old/c.csv"]),
        ({"path": "in", "pattern": ".*"}, ["in/.a.csv.0.part"]),
        ({"pattern": "D.csv"}, []),
    ],
)
def test_a_pattern_is_matched_as_a_shell_does_it(
    work: Workbench, shelf: Shelf, inputs: dict[str, Any], expected: list[str]
) -> None:
    names = ("in/a.csv", "in/.a.csv.0.part", "in/old/c.csv", "in/.old/e.csv", "d.csv")
    shelf.files = dict.fromkeys(names, b"x")
    assert do(work, "list_files", **inputs).results["files"] == expected


def test_nothing_found_is_no_data_and_fewer_than_are_needed_an_error(work: Workbench, shelf: Shelf) -> None:
    result = do(work, "list_files", path="in")
    assert result.results == {"files": [], "count": 0, "has_data": False}
    assert result.no_data
    shelf.files = {"in/a": b"x"}
    error = refused(work, "list_files", path="in", min_count=2)
    assert (error.error_class, error.message) == ("data", "1 files in `in` match `*`, fewer than `min_count: 2`")


@pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "in/../../x", "in/./x", "x", "in/a\0b"])
def test_a_server_that_lists_a_name_outside_the_folder_is_refused(work: Workbench, shelf: Shelf, name: str) -> None:
    shelf.listed = [name]
    assert "no path of a file below the folder" in refused(work, "list_files", path="in", recursive=True).message


@pytest.mark.parametrize("inputs", [{"path": "../x"}, {"path": "/x"}, {"pattern": "../*"}, {"path": "a/../../b"}])
def test_a_step_lists_nothing_outside_the_root(work: Workbench, inputs: dict[str, Any]) -> None:
    assert "must stay below" in refused(work, "list_files", **inputs).message


def test_more_names_than_results_hold_are_refused_in_words(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {f"in/{number:05}-{'x' * 50}": b"" for number in range(20_000)}
    error = refused(work, "list_files", path="in")
    assert error.message.startswith("the names of 20,000 files take 1,240,001 bytes, and one step may name 1,048,576")
    assert "narrower" in error.help


# download


def test_files_are_fetched_into_a_folder_of_the_run_under_their_own_names(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"in/a.csv": b"one", "in/deep/b.csv": b"two!"}
    result = do(work, "download", files=["in/deep/b.csv", "in/a.csv"], dest_dir="raw/today")
    assert moved(result) == (["raw/today/b.csv", "raw/today/a.csv"], 2)
    assert (result.bytes, result.no_data) == (7, False)
    assert (local(work, "raw/today/a.csv"), local(work, "raw/today/b.csv")) == (b"one", b"two!")


def test_one_file_may_be_named_as_a_text_and_twice_is_once(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"a": b"1"}
    assert moved(do(work, "download", files="a", dest_dir=".")) == (["a"], 1)
    assert moved(do(work, "download", files=["a", "./a", "a"], dest_dir="x")) == (["x/a"], 1)


@pytest.mark.parametrize("type", ["download", "upload"])
def test_an_empty_list_of_files_is_no_data(work: Workbench, type: str) -> None:
    result = do(work, type, files=[], **({"dest_dir": "x"} if type == "download" else {"dest_path": "x"}))
    assert (moved(result), result.no_data) == (([], 0), True)


@pytest.mark.parametrize("other", ["in/b/x.csv", "in/b/X.csv"])
def test_two_files_of_one_name_are_refused_before_the_first_byte(work: Workbench, shelf: Shelf, other: str) -> None:
    shelf.files = {"in/a/x.csv": b"1", other: b"2"}
    error = refused(work, "download", files=["in/a/x.csv", other], dest_dir="raw")
    assert error.message == f"`in/a/x.csv` and `{other}` would be one file"
    assert "two steps" in error.help
    assert of(shelf, "get") == []


def test_two_spellings_of_one_letter_are_one_name(work: Workbench) -> None:
    assert "would be one file" in refused(work, "download", files=["a/\u00e9", "b/e\u0301"], dest_dir="x").message


def test_a_name_that_no_file_system_takes_is_refused_before_the_first_byte(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"a": b"1"}
    assert "longer than 255 bytes" in refused(work, "download", files=["a", "x" * 256], dest_dir="x").message
    assert shelf.asked == []


@pytest.mark.parametrize("name", ["../a", "/etc/passwd", "a/../../b", "", "."])
def test_a_name_that_leads_out_is_refused(work: Workbench, shelf: Shelf, name: str) -> None:
    for type, folder in (("download", "dest_dir"), ("upload", "dest_path"), ("delete_files", None)):
        given = {folder: "x"} if folder else {}
        assert refused(work, type, files=["a", name], **given).error_class == "data"
    for type, folder in (("download", "dest_dir"), ("upload", "dest_path")):
        if name not in ("", "."):
            assert "must stay below" in refused(work, type, files=["a"], **{str(folder): name}).message
    assert shelf.asked == []


def test_a_link_in_the_runs_folder_leads_nowhere(work: Workbench, shelf: Shelf, tmp_path: Path) -> None:
    shelf.files = {"a": b"new"}
    (work.files / "out").symlink_to(tmp_path)
    (tmp_path / "a").write_text("old")
    assert "symbolic link" in refused(work, "download", files=["a"], dest_dir="out").message
    assert "symbolic link" in refused(work, "upload", files=["out/a"], dest_path="x").message
    assert (tmp_path / "a").read_text() == "old"


def test_a_file_that_is_not_there_is_named(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"a": b"1"}
    error = refused(work, "download", files=["a", "b"], dest_dir="x")
    assert (error.error_class, error.message) == ("data", "there is no file `b`")


def test_a_retry_fetches_only_what_is_missing_and_goes_on_within_a_file(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {f"in/{name}": b"0123456789" for name in "abc"}
    inputs = {"files": sorted(shelf.files), "dest_dir": "raw", "parallelism": 1}
    shelf.cuts = [10, 4]
    error = refused(work, "download", **inputs)
    assert (error.error_class, error.message) == ("connection", "`in/b`: the connection broke")
    assert [one.name for one in (work.files / "raw").iterdir()] == ["a"]
    again(work, "download", **inputs)
    assert of(shelf, "get") == ["in/a from 0", "in/b from 0", "in/b from 4", "in/c from 0"]
    assert [local(work, f"raw/{name}") for name in "abc"] == [b"0123456789"] * 3
    assert {one.suffix for one in work.scratch("r1", "main", "data").iterdir()} == {".done", ".versions"}


def _done(work: Workbench) -> str:
    return next(one.name for one in work.scratch("r1", "main", "data").glob("*.done"))


def test_a_manifest_that_was_cut_off_costs_its_last_file(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {f"in/{name}": b"x" for name in "ab"}
    inputs = {"files": sorted(shelf.files), "dest_dir": "raw", "parallelism": 1}
    do(work, "download", **inputs)
    manifest = work.scratch("r1", "main", "data") / _done(work)
    manifest.write_bytes(manifest.read_bytes()[:-3])
    again(work, "download", **inputs)
    assert of(shelf, "get") == ["in/a from 0", "in/b from 0", "in/b from 0"]
    assert again(work, "download", **inputs).results["count"] == 2
    assert len(of(shelf, "get")) == 3


def test_a_file_of_another_version_is_not_gone_on_with(work: Workbench, shelf: Shelf) -> None:
    shelf.files, shelf.cuts = {"a": b"0123456789"}, [4]
    refused(work, "download", files=["a"], dest_dir="x")
    shelf.files["a"] = b"abcdefghij"
    again(work, "download", files=["a"], dest_dir="x")
    assert local(work, "x/a") == b"abcdefghij"


def test_a_file_that_changes_while_it_is_fetched_is_a_conflict(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"a": b"1"}
    shelf.before_get = lambda name: shelf.files.update({name: b"22"})
    assert refused(work, "download", files=["a"], dest_dir="x").error_class == "conflict"
    assert list((work.files).rglob("*")) == []


def test_as_many_files_as_asked_for_are_in_flight_at_once(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {str(number): b"x" for number in range(8)}
    together = Barrier(4, timeout=30)

    def before(_: str) -> None:
        together.wait()

    shelf.before_get = before
    assert do(work, "download", files=sorted(shelf.files), dest_dir="x", parallelism=4).results["count"] == 8


def test_after_an_error_those_in_flight_end_well_and_no_other_is_begun(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {f"{number:02}": b"x" for number in range(50)}
    together = Barrier(2, timeout=30)

    def before(name: str) -> None:
        if name in ("00", "01"):
            together.wait()
        if name == "00":
            raise ConnectorError("server_error", "the server is tired")

    shelf.before_get = before
    error = refused(work, "download", files=sorted(shelf.files), dest_dir="x", parallelism=2)
    assert error.message == "`00`: the server is tired"
    assert local(work, "x/01") == b"x"
    assert len(of(shelf, "get")) < 10


# upload


def test_files_of_the_run_are_put_below_a_folder_under_their_own_names(work: Workbench, shelf: Shelf) -> None:
    names = [put(work, "out/a.csv", b"one"), put(work, "out/deep/b.csv", b"two!")]
    result = do(work, "upload", files=names, dest_path="in/today")
    assert result.results == {"files": ["in/today/a.csv", "in/today/b.csv"], "count": 2}
    assert result.bytes == 7
    assert shelf.files == {"in/today/a.csv": b"one", "in/today/b.csv": b"two!"}


def test_a_file_that_is_missing_is_said_before_the_first_byte(work: Workbench, shelf: Shelf) -> None:
    put(work, "a")
    message = refused(work, "upload", files=["a", "b"], dest_path=".").message
    assert message == "there is no file `b` in the run's folder of files"
    assert shelf.asked == []


def test_a_half_sent_file_is_never_seen_and_the_rest_of_it_is_sent_by_the_next_attempt(
    work: Workbench, shelf: Shelf
) -> None:
    names = [put(work, name, b"0123456789") for name in "abc"]
    shelf.cuts = [10, 4]
    error = refused(work, "upload", files=names, dest_path="in", parallelism=1)
    assert error.message == "`b`: the connection broke"
    assert list(shelf.files) == ["in/a"]
    again(work, "upload", files=names, dest_path="in", parallelism=1)
    assert of(shelf, "put") == ["in/a from 0", "in/b from 0", "in/b from 4", "in/c from 0"]
    assert shelf.files == {f"in/{name}": b"0123456789" for name in "abc"}


def test_what_was_put_is_not_put_again_even_where_a_reader_took_it_away(work: Workbench, shelf: Shelf) -> None:
    names = [put(work, "a")]
    first = do(work, "upload", files=names, dest_path="in")
    shelf.files.clear()
    assert again(work, "upload", files=names, dest_path="in") == first
    assert shelf.files == {}


def test_two_files_to_one_name_are_refused(work: Workbench, shelf: Shelf) -> None:
    names = [put(work, "a/x"), put(work, "b/x")]
    assert "would be one file" in refused(work, "upload", files=names, dest_path="in").message
    assert shelf.asked == []


# delete_files


def test_files_are_deleted_and_those_that_were_gone_are_not_counted(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"in/a": b"1", "in/b": b"2", "in/c": b"3"}
    assert do(work, "delete_files", files=["in/a", "in/b", "gone"]).results == {"count": 2}
    assert list(shelf.files) == ["in/c"]
    assert do(work, "delete_files", files=["in/a", "in/b"]).results == {"count": 0}


def test_a_deletion_in_the_same_run_is_done_once_and_counted_the_same(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"a": b"1", "b": b"2"}
    do(work, "delete_files", files=["a", "b"])
    shelf.files = {"a": b"a newer one"}
    assert again(work, "delete_files", files=["a", "b"]).results == {"count": 2}
    assert shelf.files == {"a": b"a newer one"}


def test_what_took_the_place_of_a_fetched_file_is_not_deleted(work: Workbench, shelf: Shelf) -> None:
    """A partner may put a newer file there between the two steps: it would be lost, and nobody would know."""
    shelf.files = {"in/a": b"1", "in/b": b"2"}
    do(work, "download", files=["in/a", "in/b"], dest_dir="raw")
    shelf.files["in/a"] = b"a newer one"
    kept = "`in/a` is not the file that this run has fetched: another took its place"
    assert do(work, "delete_files", files=["in/a", "in/b"]) == deleted(1, f"{kept}{STAYS}")
    assert shelf.files["in/a"] == b"a newer one"
    do(work, "download", files=["in/a"], dest_dir="newer")
    do(work, "delete_files", files=["in/a", "in/b"])
    assert shelf.files == {}


def test_all_the_others_are_deleted_before_it_is_said_which_one_stays(work: Workbench, shelf: Shelf) -> None:
    """The next run fetches what is still there: rows that were published already would be published once more."""
    names = [f"in/{number:02}" for number in range(30)]
    shelf.files = dict.fromkeys(names, b"1")
    do(work, "download", files=names, dest_dir="raw")
    shelf.files["in/00"] = shelf.files["in/07"] = b"a newer one"
    first = do(work, "delete_files", files=names)
    kept = "`in/00` is not the file that this run has fetched: another took its place"
    assert first == deleted(28, f"{kept}; and so it is with 1 other file{STAYS}")
    assert list(shelf.files) == ["in/00", "in/07"]
    assert again(work, "delete_files", files=names) == first


def test_a_file_that_was_fetched_twice_and_was_not_the_same_stays(work: Workbench, shelf: Shelf) -> None:
    """Another of its name may have been published: the workspace was lost."""
    names = [f"in/{number:03}" for number in range(900)]
    shelf.files = dict.fromkeys(names, b"1")
    work.before = do(work, "download", files=names, dest_dir="raw").results
    shelf.files["in/004"] = b"a newer one"
    do(work, "download", files=names, dest_dir="raw")
    (warning,) = do(work, "delete_files", files=names).warnings
    assert warning.startswith("`in/004` may be newer")
    assert list(shelf.files) == ["in/004"]


def test_the_names_of_any_files_that_one_step_may_name_fit_into_its_results_beside_their_versions(
    work: Workbench, shelf: Shelf
) -> None:
    names = ["".join(one) for one in product("abcdefghijklmnopqrstuvwxyz", repeat=3)][:10_000]
    shelf.files = dict.fromkeys(names, b"")
    assert len(checked_results(do(work, "download", files=names, dest_dir=".").results)) > 60_000 + 10_000 * 12


def test_what_takes_the_place_of_a_file_in_the_instant_of_its_deletion_stays(work: Workbench, shelf: Shelf) -> None:
    shelf.files = dict.fromkeys("abcdefgh", b"1")
    do(work, "download", files=list("abcdefgh"), dest_dir="raw")
    shelf.before_delete = lambda name: shelf.files.update({"a": b"a newer one"} if name == "a" else {})
    kept = "`a` is not the file that this run has fetched: another took its place"
    assert do(work, "delete_files", files=list("abcdefgh")) == deleted(7, f"{kept}{STAYS}")
    assert shelf.files == {"a": b"a newer one"}


def test_what_the_system_lets_nobody_delete_is_a_conflict_once_the_others_are_gone(
    work: Workbench, shelf: Shelf
) -> None:
    """It was published: the next run would publish it once more."""
    shelf.files = dict.fromkeys("abcdefgh", b"1")
    do(work, "download", files=list("abcdefgh"), dest_dir="raw")

    def is_open(name: str) -> None:
        if name in "cd":
            raise ConnectorError("conflict", "another program has the file open")

    shelf.before_delete = is_open
    error = refused(work, "delete_files", files=list("abcdefgh"))
    told = "`c`: another program has the file open; and so it is with 1 other file"
    assert (error.error_class, error.message) == ("conflict", told)
    assert list(shelf.files) == ["c", "d"]


def test_what_the_run_itself_put_there_since_is_deleted(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"in/a": b"1"}
    do(work, "download", files=["in/a"], dest_dir="raw")
    put(work, "made/a", b"made of it")
    do(work, "upload", files=["made/a"], dest_path="in")
    do(work, "delete_files", files=["in/a"])
    assert shelf.files == {}


def test_an_empty_list_deletes_nothing(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"a": b"1"}
    assert do(work, "delete_files", files=[]).results == {"count": 0}
    assert shelf.asked == []


# all of them


def test_results_are_json(work: Workbench, shelf: Shelf) -> None:
    shelf.files = {"in/ü 1.csv": b"1"}
    listed = do(work, "list_files", path="in").results
    fetched = do(work, "download", files=listed["files"], dest_dir="x").results
    assert json.loads(json.dumps([listed, fetched])) == [listed, fetched]
