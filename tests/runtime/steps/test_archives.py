"""The archive steps: what they take, give and leave, in one folder with the steps around them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.connector import RunFacts
from firn_runtime.errors import ArtifactRefused, ConnectorError
from firn_runtime.prepare import refuse_archive_drivers
from firn_schemas.artifact import Payload
from firn_schemas.decode import decode
from runtime.artifacts import payload, resource
from runtime.workbench import Workbench, connector


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Workbench]:
    files = tmp_path / "work" / ".files"
    files.mkdir(parents=True)
    zips, tars = connector("archive", "zipfile"), connector("archive", "tarfile")
    zips.facts = tars.facts = RunFacts(files=files)
    made = Workbench(tmp_path, {"zips": zips, "tars": tars, "data": connector("files", "local", root=str(files))})
    yield made
    made.close()


def filled(bench: Workbench) -> None:
    for number in range(3):
        (bench.files / f"part-{number}.csv").write_text(f"id\n{number}\n")


@pytest.mark.parametrize(("archives", "name"), [("zips", "all.zip"), ("tars", "all.tar.gz")])
def test_what_one_step_packs_another_unpacks_and_a_third_reads(bench: Workbench, archives: str, name: str) -> None:
    filled(bench)
    parts = [f"part-{number}.csv" for number in range(3)]
    packed = bench.do("archive_create", {"resource": archives, "files": parts, "dest_path": f"to/{name}"})
    assert packed.results == {"path": f"to/{name}", "bytes": (bench.files / "to" / name).stat().st_size}
    found = bench.do("archive_extract", {"resource": archives, "archives": f"to/{name}", "dest_dir": "in"})
    assert found.results == {"files": [f"in/{one}" for one in parts], "count": 3}
    bench.do("read", {"resource": "data", "path": "in/*.csv"})
    assert bench.rows() == [(0,), (1,), (2,)]


def test_one_file_may_be_named_without_a_list(bench: Workbench) -> None:
    filled(bench)
    bench.do("archive_create", {"resource": "zips", "files": "part-1.csv", "dest_path": "a.zip"})
    found = bench.do("archive_extract", {"resource": "zips", "archives": "a.zip", "dest_dir": "in"})
    assert found.results["files"] == ["in/part-1.csv"]


@pytest.mark.parametrize(
    ("patterns", "count"),
    [
        (["*"], 3),
        (["*.csv"], 3),
        (["*-1*", "in/part-[2-9].csv"], 2),
        (["in/*"], 3),
        (["**/*-1.csv"], 1),
        (["art*"], 0),
        (["*/*/*.csv"], 0),
        (["[.]*"], 0),
        ([".*"], 1),
        ([], 0),
    ],
)
def test_members_are_chosen_by_patterns_as_listed_files_are(bench: Workbench, patterns: list[str], count: int) -> None:
    (bench.files / "in").mkdir()
    parts = [f"in/part-{number}.csv" for number in range(3)]
    for one in parts:
        (bench.files / one).write_text("x")
    (bench.files / "in/.hidden").write_text("x")
    bench.do("archive_create", {"resource": "zips", "files": [*parts, "in/.hidden"], "dest_path": "a.zip"})
    inputs = {"resource": "zips", "archives": ["a.zip"], "dest_dir": "to", "members": patterns}
    found = bench.do("archive_extract", inputs)
    assert (found.results["count"], found.no_data) == (count, count == 0)


def test_more_names_than_the_state_keeps_are_counted_alone(bench: Workbench) -> None:
    names = [f"{number:0200d}.csv" for number in range(5300)]
    for one in names:
        (bench.files / one).touch()
    bench.do("archive_create", {"resource": "tars", "files": names, "dest_path": "a.tar"})
    found = bench.do("archive_extract", {"resource": "tars", "archives": "a.tar", "dest_dir": "to"})
    assert found.results == {"count": 5300}
    assert found.warnings == ("the names of the files are too many to be kept: the step has no result `files`",)
    assert len(list((bench.files / "to").iterdir())) == 5300


def test_an_archive_that_is_refused_fails_the_step(bench: Workbench) -> None:
    (bench.files / "a.zip").write_bytes(b"no archive")
    with pytest.raises(ConnectorError, match=r"the archive `a.zip` is refused: it is no whole ZIP archive"):
        bench.do("archive_extract", {"resource": "zips", "archives": "a.zip", "dest_dir": "in"})


@pytest.mark.parametrize(
    ("security", "allowed"),
    [
        ({}, True),
        ({"mode": "internal_fast"}, True),
        ({"archive_drivers": ["tarfile", "zipfile"]}, True),
        ({"mode": "enterprise", "archive_drivers": ["zipfile"]}, True),
        ({"archive_drivers": ["tarfile"]}, False),
        ({"archive_drivers": []}, False),
        ({"mode": "internal_fast", "archive_drivers": []}, False),
        ({"mode": "enterprise"}, False),
        ({"mode": "enterprise", "archive_drivers": ["tarfile"]}, False),
    ],
)
def test_a_run_holds_the_platforms_list_of_drivers(security: dict[str, Any], allowed: bool) -> None:
    parts = {"zips": resource("archive", "zipfile", {}), "data": resource("files", "local", {"root": "."})}
    made = decode(Payload, payload(resources=parts, security={"secret_mounts": [], **security}))
    if allowed:
        refuse_archive_drivers(made)
        return
    with pytest.raises(ArtifactRefused) as caught:
        refuse_archive_drivers(made)
    assert caught.value.code == "R108"
    assert caught.value.message == "the platform does not allow these archive drivers: `zipfile`"
