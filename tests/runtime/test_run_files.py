"""Files that steps left in the run's folder: what a resumed run takes for done, and what it does again."""

import os
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.run_files import FILES, NOTE, Kept, leaves, note
from firn_runtime.state.rows import StepRow
from firn_schemas.artifact import Step
from firn_schemas.decode import decode
from runtime.artifacts import step

DOWNLOAD = {"resource": "shop", "files": ["in/a"], "dest_dir": "raw"}
ROW = StepRow("job", "one", "SUCCESS", 1, "sha256:0", "2026-03-01T06:00:00+00:00")


def made(type: str, **inputs: Any) -> Step:
    one: Step = decode(Step, step("one", type, **inputs))
    return one


@pytest.mark.parametrize(
    ("type", "inputs", "expected"),
    [
        ("download", DOWNLOAD, True),
        ("archive_extract", {"resource": "zip", "archives": ["a.zip"], "dest_dir": "raw"}, True),
        ("archive_create", {"resource": "zip", "files": ["a"], "dest_path": "a.zip"}, True),
        ("write", {"from": "d", "resource": "workspace", "path": "a.csv", "mode": "replace"}, True),
        ("export", {"from": "d", "resource": "workspace", "path": "a.csv"}, True),
        ("upload", {"resource": "workspace", "files": ["a"], "dest_path": "b"}, True),
        ("with_lock", {"key": "k", "step": {"type": "download", "inputs": DOWNLOAD}}, True),
        ("write", {"from": "d", "resource": "lake", "path": "a.csv", "mode": "replace"}, False),
        ("upload", {"resource": "lake", "files": ["a"], "dest_path": "b"}, False),
        ("list_files", {"resource": "workspace"}, False),
        ("delete_files", {"resource": "workspace", "files": ["a"]}, False),
        ("sql", {"sql": "select 1"}, False),
    ],
)
def test_some_steps_leave_files(type: str, inputs: dict[str, Any], expected: bool) -> None:
    assert leaves(made(type, **inputs)) is expected


@pytest.fixture
def left(tmp_path: Path) -> Path:
    """Return the workspace of a run in which a download has left two files."""
    scratch, files = tmp_path / "job" / "one", tmp_path / FILES
    scratch.mkdir(parents=True)
    (files / "raw").mkdir(parents=True)
    for name in "ab":
        (files / "raw" / name).write_text("content")
    note(made("download", **DOWNLOAD), {"files": ["raw/a", "raw/b"], "count": 2}, scratch, files)
    return tmp_path


def lacks(workspace: Path) -> bool:
    return Kept(workspace, ()).lacks("job", made("download", **DOWNLOAD), ROW)


def test_what_is_all_there_is_done(left: Path) -> None:
    assert not lacks(left)


def test_a_file_that_is_gone_or_has_another_size_is_lacking(left: Path) -> None:
    (left / FILES / "raw/a").write_text("other content")
    assert lacks(left)
    (left / FILES / "raw/a").unlink()
    assert lacks(left)


def test_what_a_later_step_has_put_in_the_place_of_a_file_is_not_taken_away(left: Path) -> None:
    (left / FILES / "raw/a").write_text("other content")
    unpacked, scratch = made("archive_extract", resource="zip", archives=["x"], dest_dir="raw"), left / "job/two"
    scratch.mkdir()
    note(unpacked, {"files": ["raw/a"], "count": 1}, scratch, left / FILES)
    time = (left / "job/one" / NOTE).stat().st_mtime_ns
    for later, expected in ((1, False), (-1, True)):
        os.utime(scratch / NOTE, ns=(time + later, time + later))
        assert lacks(left) is expected
    os.utime(scratch / NOTE, ns=(time + 1, time + 1))
    (left / FILES / "raw/b").write_text("other content")
    assert lacks(left)


def test_a_note_that_is_gone_or_was_cut_off_is_none(left: Path) -> None:
    whole = left / "job/one" / NOTE
    whole.write_text(whole.read_text()[:-4])
    assert lacks(left)
    whole.unlink()
    assert lacks(left)


def test_files_whose_names_are_too_many_to_be_kept_are_unpacked_again(left: Path) -> None:
    """Their step has no result that names them, and nothing tells whether all of them are still there."""
    unpacked = made("archive_extract", resource="zip", archives=["a.zip"], dest_dir="raw")
    note(unpacked, {"count": 5000}, left / "job/one", left / FILES)
    assert Kept(left, ()).lacks("job", unpacked, ROW)


def test_an_archive_is_known_by_its_path(left: Path) -> None:
    archive = made("archive_create", resource="zip", files=["raw/a"], dest_path="a.zip")
    (left / FILES / "a.zip").write_text("packed")
    note(archive, {"path": "a.zip", "bytes": 6}, left / "job/one", left / FILES)
    assert not Kept(left, ()).lacks("job", archive, ROW)
    (left / FILES / "a.zip").unlink()
    assert Kept(left, ()).lacks("job", archive, ROW)


def test_a_dataset_is_looked_for_among_the_datasets(left: Path) -> None:
    made_dataset = ROW._replace(dataset="datasets.duckdb")
    read = made("read", resource="shop", path="a.csv")
    assert Kept(left, ()).lacks("job", read, made_dataset)
    assert not Kept(left, {("job", "one")}).lacks("job", read, made_dataset)
