"""What a run has fetched, as the results of its steps tell it."""

from pathlib import Path
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from firn_runtime.fetched import UNSURE, Fetched, digest, fetched_again, spelled, told
from firn_schemas.artifact import Step
from firn_schemas.base import Json
from firn_schemas.decode import decode
from runtime.artifacts import step

DOWNLOAD = {"resource": "shop", "files": ["in/a", "in/b"], "dest_dir": "raw"}
SYSTEMS = {"shop": "sha256:1", "again": "sha256:1", "other": "sha256:2"}
A, B = digest("in/a"), digest("in/b")
VERSIONS = {A: digest("1"), B: digest("2")}


def made(type: str, **inputs: Any) -> Step:
    one: Step = decode(Step, step("one", type, **inputs))
    return one


def results(**more: Json) -> dict[str, Json]:
    return {"files": ["in/a"], "count": 1, **more}


def test_versions_are_read_as_they_were_spelled() -> None:
    assert told(spelled(VERSIONS)) == VERSIONS
    assert told(None) == {}


def test_a_file_that_was_another_the_first_time_is_not_sure_whatever_it_is_later() -> None:
    again = fetched_again(VERSIONS, {A: digest("1"), B: digest("3")})
    assert again == {A: digest("1"), B: UNSURE}
    assert fetched_again(again, VERSIONS) == again


def test_a_file_that_was_not_fetched_the_first_time_is_not_sure() -> None:
    assert fetched_again({A: digest("1")}, VERSIONS) == {A: digest("1"), B: UNSURE}
    assert fetched_again(VERSIONS, {A: digest("1")}) == {A: digest("1"), B: UNSURE}
    assert fetched_again({}, VERSIONS) == VERSIONS


def test_a_download_under_a_lock_is_one_too() -> None:
    fetched = Fetched(SYSTEMS)
    locked = made("with_lock", key="k", step={"type": "download", "inputs": DOWNLOAD})
    fetched.learn("a.one", locked, results(versions=spelled(VERSIONS)))
    assert fetched.of("shop") == VERSIONS
    assert fetched.of("again") == VERSIONS  # another name of the same system
    assert fetched.of("other") == {}


def test_what_the_run_has_put_there_since_is_no_longer_what_it_fetched() -> None:
    fetched = Fetched(SYSTEMS)
    fetched.learn("a.one", made("download", **DOWNLOAD), results(versions=spelled(VERSIONS)))
    fetched.learn("a.one", made("upload", resource="other", files=["x/a"], dest_path="in"), results())
    assert fetched.of("shop") == VERSIONS
    fetched.learn("a.one", made("upload", resource="shop", files=["x/a"], dest_path="in"), results())
    assert fetched.of("shop") == {B: digest("2")}


def test_no_step_fetches_to_where_another_does(tmp_path: Path) -> None:
    fetched, download = Fetched(SYSTEMS), made("download", **DOWNLOAD)
    fetched.claim("a.one", "workspace", ["raw/a"], tmp_path)
    fetched.claim("a.one", "workspace", ["raw/a", "raw/b"], tmp_path)
    with pytest.raises(ConnectorError, match=r"`raw/b` is where `a\.one` puts a file too"):
        fetched.claim("b.two", "workspace", ["raw/c", "raw/b"], tmp_path)  # it may not be there yet
    (tmp_path / "raw").mkdir()
    (tmp_path / "raw/a").touch()
    fetched.learn("a.one", download, {"files": ["raw/a", "raw/b"]})
    fetched.claim("b.two", "workspace", ["raw/b"], tmp_path)  # it has been removed
    with pytest.raises(ConnectorError, match=r"`raw/a` is where `a\.one` puts a file too"):
        fetched.claim("b.two", "workspace", ["raw/a"], tmp_path)


@pytest.mark.parametrize("resource", ["shop", "again"])
def test_no_step_puts_a_file_to_where_another_did(tmp_path: Path, resource: str) -> None:
    fetched, upload = Fetched(SYSTEMS), made("upload", resource="shop", files=["raw/a"], dest_path="done")
    fetched.learn("a.one", upload, {"files": ["done/a"]})
    fetched.claim("b.two", "other", ["done/a"], tmp_path)
    fetched.claim("b.two", resource, ["done/b"], tmp_path)
    with pytest.raises(ConnectorError, match=r"`done/a` is where `a\.one` puts a file too"):
        fetched.claim("b.two", resource, ["done/a"], tmp_path)  # whether a reader has taken it away is not known
