"""Flows that have not changed are not compiled again, and nobody can tell."""

import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from compiler.projects import FLOW, PLATFORM
from firn_compiler.assembly import Request
from firn_compiler.cache import FolderCache
from firn_compiler.cli import compile_command
from firn_compiler.pipeline import Compilation, compile_project
from firn_compiler.sources import project_request
from firn_schemas.base import Json

SECOND = FLOW.replace("name: hello", "name: second").replace("orders.parquet", "others.parquet")
SQL = """\
name: third
version: "1.0.0"
steps:
  - id: n
    type: sql
    inputs: {sql_file: q.sql}
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (("a", FLOW), ("b", SECOND), ("c", SQL)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "flow.yaml").write_text(text)
    (tmp_path / "c" / "q.sql").write_text("select 1 as n")
    (tmp_path / "platform.yaml").write_text(PLATFORM)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def compile_with(cache: FolderCache | None, **variables: Json) -> Compilation:
    request, unread = project_request(["."], "platform.yaml", None, variables)
    assert not unread
    return compile_project(request._replace(kept=cache))


def same(one: Compilation, other: Compilation) -> bool:
    return (one.diagnostics, one.artifact, one.places, one.texts) == (
        other.diagnostics,
        other.artifact,
        other.places,
        other.texts,
    )


EDITS = (
    ("a/flow.yaml", "orders.csv", "other.csv"),
    ("a/flow.yaml", "version", "# a comment\nversion"),
    ("b/flow.yaml", "mode: replace", "mode: replce"),
    ("b/flow.yaml", "name: second", "name: hello"),
    ("b/flow.yaml", "others.parquet", "orders.parquet"),
    ("c/q.sql", "1 as n", "2 as n"),
    ("c/q.sql", "select", "select {{ var.x:3 }} as x,"),
    ("platform.yaml", "root: out", "root: elsewhere"),
    ("platform.yaml", "environment: test", "environment: prod"),
    ("platform.yaml", "storage:", "variables: {x: 9}\nstorage:"),
)


@pytest.mark.parametrize("seed", range(6))
def test_cached_and_fresh_answers_are_the_same_over_random_edits(project: Path, seed: int) -> None:
    choice = random.Random(seed)
    cache = FolderCache(project / ".firn" / "cache")
    originals = {name: (project / name).read_text() for name, _, _ in EDITS}
    for _ in range(12):
        name, old, new = choice.choice(EDITS)
        text = (project / name).read_text()
        (project / name).write_text(text.replace(old, new, 1) if new not in text else originals[name])
        assert same(compile_with(cache), compile_with(None))
        assert same(compile_with(cache), compile_with(None))


def test_variables_that_differ_in_a_text_alone_are_not_the_same(project: Path) -> None:
    (project / "c" / "q.sql").write_text("select '{{ var.x }}' as n")
    cache = FolderCache(project / ".firn" / "cache")
    for x in (1, 1.0, "1", True):
        assert same(compile_with(cache, x=x), compile_with(None, x=x))
    assert compile_with(cache, x=1).artifact != compile_with(cache, x=1.0).artifact


def test_only_what_changed_is_compiled_again(project: Path) -> None:
    cache = FolderCache(project / ".firn" / "cache")
    first = compile_with(cache)
    assert first.project is not None
    assert [flow.name for flow in first.project.flows] == ["hello", "second", "third"]
    (project / "c" / "q.sql").write_text("select 2 as n")
    again = compile_with(cache)
    assert again.project is not None
    assert [flow.name for flow in again.project.flows] == ["third"]


@pytest.mark.parametrize("damage", [b"", b"x", b"0" * 64 + b"\n{}"])
def test_a_damaged_entry_is_no_entry(project: Path, damage: bytes) -> None:
    cache = FolderCache(project / ".firn" / "cache")
    compile_with(cache)
    for entry in cache.folder.iterdir():
        entry.write_bytes(damage)
    assert same(compile_with(cache), compile_with(None))


def test_an_entry_of_another_shape_is_no_entry(project: Path) -> None:
    cache = FolderCache(project / ".firn" / "cache")

    class Odd(FolderCache):
        def get(self, key: str) -> bytes | None:
            return b'{"found": 1}'

    assert same(compile_with(Odd(cache.folder)), compile_with(None))


def test_an_enterprise_platform_takes_nothing_that_a_repository_may_have_brought_along(project: Path) -> None:
    cache = FolderCache(project / ".firn" / "cache")
    (project / "a" / "flow.yaml").write_text(FLOW.replace("{profile: files}", "{type: local, config: {root: /etc}}"))
    assert compile_with(cache).artifact is not None
    brought_along = [entry.read_bytes().partition(b"\n")[2] for entry in cache.folder.iterdir()]
    (inline,) = [content for content in brought_along if b'"/etc"' in content]

    class Planted(FolderCache):
        def get(self, key: str) -> bytes | None:
            return inline

    assert b'"/etc"' in (compile_project(_alone(project, Planted(cache.folder))).artifact or b"")
    (project / "platform.yaml").write_text(f"{PLATFORM}security: {{mode: enterprise}}\n")
    refused = compile_project(_alone(project, Planted(cache.folder)))
    assert (refused.artifact, [one.code for one in refused.diagnostics]) == (None, ["E702"])


def _alone(project: Path, cache: FolderCache) -> Request:
    request, _ = project_request([str(project / "a")], "platform.yaml", None, {})
    return request._replace(kept=cache)


def test_a_folder_that_cannot_be_written_keeps_nothing(project: Path) -> None:
    (project / "file").write_text("")
    assert same(compile_with(FolderCache(project / "file" / "cache")), compile_with(None))


def test_the_command_keeps_its_results_beside_the_work_unless_told_not_to(project: Path) -> None:
    arguments = [".", "-p", "platform.yaml", "-o", "out.json"]
    assert CliRunner().invoke(compile_command, [*arguments, "--no-cache"]).exit_code == 0
    assert not (project / ".firn").exists()
    assert CliRunner().invoke(compile_command, arguments).exit_code == 0
    assert len(list((project / ".firn" / "cache").iterdir())) == 3
