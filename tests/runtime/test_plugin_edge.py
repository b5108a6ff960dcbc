"""What a run does with a plug-in's code: what it lends, what it believes, and that no word of it gets out unmasked."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from firn_runtime import api
from firn_runtime.api import (
    ConnectorBase,
    ConnectorError,
    Listed,
    Step,
    StepResult,
    StoredFile,
    Written,
    list_connectors,
    list_steps,
    register_connector,
    register_step,
)
from firn_runtime.errors import ArtifactRefused
from firn_runtime.events import Event
from firn_runtime.options import Edge
from firn_runtime.outcome import RunResult
from firn_runtime.plugins import registered as registry
from firn_runtime.run import run_artifact
from runtime.artifacts import job, payload, resource, spelled, step

CANARY = "CANARY-31fe70-of-a-plugin"
TOKEN = {"$secret": {"ref": "token"}}
CONFIG: dict[str, Any] = {
    "required": ["token"],
    "properties": {"token": {"writeOnly": True}, "port": {"type": "integer"}, "deep": {"type": "object"}},
}


class Quiet(ConnectorBase[Any, Any]):
    """Connects to nothing."""

    def connect(self) -> None:
        """Nothing to open."""

    def close(self) -> None:
        """Nothing to close."""


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Let nothing that a test registers stay."""
    yield
    registry._connectors.clear()
    registry._steps.clear()


def artifact(*steps: dict[str, Any], config: Any = None, mode: str = "internal_fast", **parts: Any) -> bytes:
    used = [{"name": "acme", "version": "1", "used_by": []}]
    secret = {"ref": "token", "variable": "TOKEN", "used_by": []}
    resources = {
        "acme": resource("acme", "one", {"token": TOKEN} | (config or {})),
        "storage": resource("files", "local", {"root": "out"}),
    }
    return spelled(
        payload(
            job("main", *steps),
            names={"acme": "acme", "storage": "storage"},
            resources=resources,
            features=["connector.acme.one", *(f"step.{one['type']}" for one in steps)],
            requires={"connectors": [], "environment": [], "secrets": [secret], "plugins": used},
            security={"mode": mode, "secret_mounts": []},
            **parts,
        )
    )


def run(folder: Path, content: bytes, told: list[Event] | None = None) -> RunResult:
    listeners = [told.append] if told is not None else []
    return run_artifact(content, Edge({"TOKEN": CANARY, "PORT": "5432"}, folder, listeners))


def connector(cls: type, *can: str) -> None:
    register_connector("acme", "one", cls, can=can, config=CONFIG)


def failure(folder: Path, capfd: pytest.CaptureFixture[str], *steps: dict[str, Any]) -> str:
    """Return what is said of the step that failed; the secret is in no event, output or file."""
    told: list[Event] = []
    result = run(folder, artifact(*steps), told)
    assert result.status == "FAILED"
    out = capfd.readouterr()
    assert CANARY not in repr(told) + out.out + out.err
    assert [file for file in folder.rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()] == []
    error = next(one.error for one in result.jobs[0].steps if one.error)
    return f"{error.error_class}: {error.message} {error.help}"


READ = step("rows", "read", resource="acme", table="orders")
WRITE = step("out", "write", **{"from": "rows"}, resource="storage", path="rows.csv", mode="replace")


def read_with(folder: Path, read: Any, *, bare: Any = None, **inputs: Any) -> str:
    """Run a read by this function and return what came out of it as CSV."""
    connector(type("Given", (Quiet,), {"read": read}), "readable")
    result = run(folder, artifact(step("rows", "read", resource="acme", table="orders", **inputs), WRITE))
    assert result.status == "SUCCESS", result
    return (folder / "out/rows.csv").read_text()


def test_rows_are_mappings_and_keep_what_they_are(tmp_path: Path) -> None:
    row = {"n": 2**40, "t": "é", "b": True, "d": date(2026, 1, 2), "p": Decimal("1.10"), "x": None, "l": [1]}
    given = read_with(tmp_path, lambda self, inputs, context: iter([row]), schema={
        "n": "bigint", "t": "varchar", "b": "boolean", "d": "date", "p": "decimal(9,2)", "x": "double", "l": "integer[]"
    })  # fmt: skip
    assert given == "b,d,l,n,p,t,x\ntrue,2026-01-02,[1],1099511627776,1.10,é,\n"


def test_a_value_that_the_engine_would_bend_to_the_schema_is_refused(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [{"d": Decimal("1.005"), "t": datetime(2026, 1, 2, 10, tzinfo=UTC)}]
    connector(type("Given", (Quiet,), {"read": lambda self, inputs, context: rows}), "readable")
    read = step("rows", "read", resource="acme", table="orders", schema={"t": "timestamp", "d": "decimal(9,2)"})
    assert "the column `d` holds what is no DECIMAL(9,2)" in failure(tmp_path, capfd, read, WRITE)


def test_types_are_found_in_all_rows(tmp_path: Path) -> None:
    rows = ({"n": 1.5 if number == 2999 else number} for number in range(3000))
    assert read_with(tmp_path, lambda self, inputs, context: rows).endswith("\n2998.0\n1.5\n")


def test_rows_may_be_a_file_in_the_folder_that_was_lent(tmp_path: Path) -> None:
    def read(self: Any, inputs: Any, context: Any) -> Path:
        (context.scratch / "part.csv").write_text("a,b\n1,x\n")
        return Path(context.scratch / "part.csv")

    assert read_with(tmp_path, read) == "a,b\n1,x\n"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "gave neither rows nor a file"),
        ("text", "gave neither rows nor a file"),
        ({"a": 1}, "gave neither rows nor a file"),
        ([1], "gave a row that is none"),
        ([{"a": object()}], "gave a row that is none"),
        ([{1: 2}], "gave a row that is none"),
        ([{"a": 2**80}], "gave a row that is none"),
        ([], "gave no rows, so their columns are unknown"),
        (Path("/etc/passwd"), "gave a file from `read` that is not there"),
        (Path("../../../state.db"), "gave a file from `read` that is not there"),
    ],
)
def test_what_is_no_rows_is_one_sentence(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], given: Any, why: str
) -> None:
    connector(type("Given", (Quiet,), {"read": lambda self, inputs, context: given}), "readable")
    assert why in failure(tmp_path, capfd, READ)


def test_settings_are_records_that_nobody_can_change(tmp_path: Path) -> None:
    seen: list[Any] = []

    class Looks(Quiet):
        def read(self, inputs: Any, context: Any) -> Any:
            config = self.config
            seen.extend([config.port, config.deep["list"], str(config.token), config.token.reveal(), self.facts.flow])
            for change in (lambda: setattr(config, "port", 1), lambda: config.deep.update(a=1)):
                with pytest.raises((AttributeError, TypeError)):
                    change()
            yield {"id": 1}

    connector(Looks, "readable")
    settings = {"port": {"$env": {"name": "PORT"}}, "deep": {"list": [1, 2]}}
    assert run(tmp_path, artifact(READ, config=settings)).status == "SUCCESS"
    assert seen == [5432, (1, 2), "***", CANARY, "flow"]


class Leaky(Quiet):
    """Tells its secret wherever it can."""

    def __repr__(self) -> str:
        return f"Leaky({self.config.token.reveal()})"


def leaking(method: str, error: type[BaseException]) -> type:
    def act(self: Any, *_: Any) -> Any:
        secret = self.config.token.reveal()
        print(secret, repr(self))
        raise error(secret) if error is not ConnectorError else ConnectorError("auth", f"{secret}\x1b[1m", secret)

    return type("Leaks", (Leaky,), {"read": lambda self, inputs, context: iter([{"id": 1}])} | {method: act})


@pytest.mark.parametrize(
    "error", [ValueError, SystemExit, ConnectorError, RecursionError, GeneratorExit, KeyboardInterrupt]
)
@pytest.mark.parametrize("method", ["connect", "read"])
def test_no_exception_of_a_plug_in_shows_a_secret(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], method: str, error: type[BaseException]
) -> None:
    connector(leaking(method, error), "readable")
    said = failure(tmp_path, capfd, READ)
    if error is ConnectorError:
        assert said == "auth: *** [1m ***"
    else:
        assert said.startswith(f"process: the plug-in `registered` failed in `{method}` ({error.__name__})")


def test_an_error_that_was_made_wrong_is_an_error_all_the_same(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class Own(ConnectorError):
        def __init__(self, secret: str) -> None:
            self.message = [secret]  # type: ignore[assignment]  # what an author may do

    connector(leaking("read", Own), "readable")
    assert "the plug-in `registered` failed in `read` (Own)" in failure(tmp_path, capfd, READ)


def test_a_generator_that_fails_half_way_is_the_plug_ins_failure(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    class Half(Leaky):
        def read(self, inputs: Any, context: Any) -> Iterator[Any]:
            yield {"id": 1}
            raise KeyError(self.config.token.reveal())

    connector(Half, "readable")
    assert "failed in `read` (KeyError)" in failure(tmp_path, capfd, READ)


@pytest.mark.parametrize("error", [ValueError, SystemExit, ConnectorError])
def test_a_connector_that_cannot_be_made_refuses_the_run_and_shows_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], error: Any
) -> None:
    def init(self: Any, *, config: Any, options: Any) -> None:
        print(config.token.reveal())
        raise error("auth", config.token.reveal())

    connector(type("Broken", (Quiet,), {"__init__": init, "read": None}), "readable")
    with pytest.raises(ArtifactRefused) as caught:
        run(tmp_path, artifact(READ))
    out = capfd.readouterr()
    assert CANARY not in f"{caught.value} {caught.value.help} {out.out} {out.err}"
    assert caught.value.code == "R112"
    assert f"making its connector raised {error.__name__}" in str(caught.value)
    behind = caught.value.__context__
    assert behind is None or CANARY not in repr(behind)


def test_a_class_that_lacks_what_its_manifest_declares_refuses_the_run(tmp_path: Path) -> None:
    connector(Quiet, "readable", "queryable")
    with pytest.raises(ArtifactRefused, match="has no `read`, which its manifest declares"):
        run(tmp_path, artifact(READ))


def test_what_was_registered_is_not_for_enterprise(tmp_path: Path) -> None:
    connector(type("Given", (Quiet,), {"read": lambda *_: []}), "readable")
    with pytest.raises(ArtifactRefused) as caught:
        run(tmp_path, artifact(READ, mode="enterprise"))
    assert caught.value.code == "R111"


def test_what_was_registered_never_stands_for_firns_own(tmp_path: Path) -> None:
    register_connector("files", "local", type("Evil", (Quiet,), {}), config=CONFIG)
    connector(type("Given", (Quiet,), {"read": lambda *_: iter([{"id": 1}])}), "readable")
    assert run(tmp_path, artifact(READ, WRITE)).status == "SUCCESS"
    assert Listed("files.local") in list_connectors()


def test_the_api_loads_no_engine_and_has_what_it_names() -> None:
    code = "import firn_runtime.api, sys; print('duckdb' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
    assert all(getattr(api, name) for name in api.__all__)
    with pytest.raises(AttributeError):
        _ = api.nothing


def test_what_there_is_can_be_listed() -> None:
    connector(Quiet)
    register_step("acme_add", lambda inputs, context: StepResult({}))
    assert {Listed("acme.one", "registered"), Listed("db.postgres")} <= {*list_connectors()}
    assert {Listed("acme_add", "registered"), Listed("read")} <= {*list_steps()}


def test_a_write_gets_the_rows_and_says_how_many_it_has_written(tmp_path: Path) -> None:
    seen: list[Any] = []

    class Sink(Quiet):
        def read(self, inputs: Any, context: Any) -> Any:
            yield {"n": 1, "d": str(2**80)}

        def write(self, inputs: Any, context: Any) -> int:
            seen.extend(context.rows())
            file = context.file("rows.parquet")
            seen.append((inputs.mode, inputs.table, len(context.publication.mark), file.read_bytes()[:4]))
            context.still_ours()
            return 1

    connector(Sink, "readable", "writable")
    read = step("rows", "read", resource="acme", table="t", schema={"n": "bigint", "d": "hugeint"})
    write = step("out", "write", **{"from": "rows"}, resource="acme", table="t", mode="append")
    result = run(tmp_path, artifact(read, write))
    assert result.status == "SUCCESS", result
    assert seen == [{"n": 1, "d": str(2**80)}, ("append", "t", 16, b"PAR1")]
    assert result.jobs[0].steps[1].rows == 1


def test_a_query_gives_rows(tmp_path: Path) -> None:
    class Asked(Quiet):
        def query(self, sql: str, params: Any) -> Any:
            return [{"sql": sql, "params": list(params)}]

    connector(Asked, "queryable")
    register_step("acme_check", lambda inputs, context: StepResult({"seen": inputs.rows[0]["sql"]}),
                  inputs={"properties": {"rows": {"type": "array"}}}, results={"seen": "string"})  # fmt: skip
    steps = [
        step("asked", "query", resource="acme", sql="SELECT 1", params=[1]),
        step("seen", "acme_check", rows={"$ref": "steps.asked.rows"}),
    ]
    steps[0]["outputs"] = {"rows": {"$ref": "result.rows"}}
    steps[1]["inputs"] = {"rows": {"$ref": "steps.asked.outputs.rows"}}
    assert run(tmp_path, artifact(*steps)).status == "SUCCESS"


class Store:
    def __init__(self, bad: bool) -> None:
        self.bad = bad

    def list(self, folder: str, *, recursive: bool) -> Iterator[Any]:
        yield "text" if self.bad else StoredFile("a", 1, "1")
        raise ValueError(CANARY)


@pytest.mark.parametrize(("bad", "why"), [(True, "in another way than `StoredFile`"), (False, "`list` (ValueError)")])
def test_the_files_of_a_plug_in_are_behind_its_edge_too(tmp_path: Path, bad: bool, why: str) -> None:
    from firn_runtime.plugins.connector_edge import PluginConnector

    class Files(Quiet):
        def store(self) -> Any:
            return Store(bad)

    edge = PluginConnector(config=None, options=None, plugin="acme", made=Files)
    with pytest.raises(ConnectorError) as caught:
        list(edge.store().list("", recursive=True))
    assert why in caught.value.message
    assert CANARY not in f"{caught.value} {caught.value.help}"


def step_with(act: Any, **declared: Any) -> dict[str, Any]:
    connector(type("Given", (Quiet,), {"read": lambda *_: iter([{"id": 1}])}), "readable")
    register_step("acme_do", act, **declared)
    return step("done", "acme_do")


@pytest.mark.parametrize("told", [(5, 1, "v"), ("a", "1", "v"), ("a", None, "v"), ("a", -1, "v"), ("a", 1, 5)])
def test_a_file_that_is_told_of_in_another_shape_is_not_believed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], told: tuple[Any, Any, Any]
) -> None:
    store = SimpleNamespace(list=lambda folder, recursive: iter([StoredFile(*told)]))
    connector(type("Files", (Quiet,), {"store": lambda self: store}), "files")
    assert "told of a file in another way than `StoredFile`" in failure(
        tmp_path, capfd, step("list", "list_files", resource="acme", path="")
    )


def test_a_step_may_be_a_class(tmp_path: Path) -> None:
    class Adds(Step):
        def run(self, inputs: Any, context: Any) -> StepResult:
            return StepResult({"id": context.id, "at": context.started_at.tzinfo is not None})

    one = step_with(Adds, results={"id": "string", "at": "boolean"})
    result = run(tmp_path, artifact(one))
    assert result.status == "SUCCESS", result


def test_a_step_reads_datasets_and_makes_its_own(tmp_path: Path) -> None:
    def doubled(inputs: Any, context: Any) -> StepResult:
        assert context.file("rows", "rows.csv").read_text() == "id\n1\n"
        context.check()
        at = datetime(2026, 1, 1, tzinfo=UTC)
        done: StepResult = context.dataset({"id": 2 * row["id"], "at": at} for row in context.rows("rows"))
        return done

    one = step_with(doubled, makes_dataset=True)
    write = step("out", "write", **{"from": "done"}, resource="storage", path="rows.csv", mode="replace")
    result = run(tmp_path, artifact(READ, one, write))
    assert result.status == "SUCCESS", result
    assert (tmp_path / "out/rows.csv").read_text() == "id,at\n2,2026-01-01T00:00:00+00:00\n"


def test_a_step_has_the_connector_of_its_own_plug_in_as_it_was_written(tmp_path: Path) -> None:
    class Knows(Quiet):
        def read(self, *_: Any) -> Any: ...

        def extra(self) -> str:
            return str(self.config.token.reveal()[:6])

    one = step_with(
        lambda inputs, context: StepResult({"seen": context.resource("acme").extra()}), results={"seen": "string"}
    )
    connector(Knows, "readable")
    assert run(tmp_path, artifact(one)).status == "SUCCESS"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "did not give a `StepResult`"),
        ({"n": 1}, "did not give a `StepResult`"),
        (StepResult("n"), "did not give a `StepResult`"),  # type: ignore[arg-type]  # what an author may do
        (StepResult({"other": 1}), "gave a result that it does not declare"),
        (StepResult({CANARY: 1}), "gave a result that it does not declare"),
        (StepResult({"n": "1"}), "gave the result `n` in another type than it declares"),
        (StepResult({"n": True}), "gave the result `n` in another type than it declares"),
        (StepResult({"n": 1}, rows=-1), "counted its rows"),
        (StepResult({"n": 1}, rows="3"), "counted its rows"),  # type: ignore[arg-type]  # as above
        (StepResult({"n": 1}, rows=2**63), "counted its rows"),
        (StepResult({"n": 1}, warnings=(3,)), "gave a warning that is no text"),  # type: ignore[arg-type]  # as above
        (StepResult({"n": 1}, warnings=3), "gave a warning that is no text"),  # type: ignore[arg-type]  # as above
        (StepResult({"n": 1}), "made no dataset"),
    ],
)
def test_a_result_of_another_shape_is_not_believed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], given: Any, why: str
) -> None:
    one = step_with(lambda inputs, context: given, results={"n": "integer"}, makes_dataset=why == "made no dataset")
    assert why in failure(tmp_path, capfd, one)


def test_a_step_that_raises_tells_only_the_type(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def fails(inputs: Any, context: Any) -> StepResult:
        raise ValueError(context.resource("acme").config.token.reveal())

    one = step_with(fails)
    assert "failed in its step (ValueError)" in failure(tmp_path, capfd, one)


def test_a_step_that_writes_the_secret_into_the_environment_and_prints_it_is_masked(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def prints(inputs: Any, context: Any) -> StepResult:
        import os

        secret = context.resource("acme").config.token.reveal()
        monkeypatch.setenv("LEAKED", secret)
        print(json.dumps(dict(os.environ)))
        return StepResult({"n": 1}, warnings=(secret,))

    told: list[Event] = []
    assert run(tmp_path, artifact(step_with(prints, results={"n": "integer"})), told).status == "SUCCESS"
    out = capfd.readouterr()
    assert CANARY not in repr(told) + out.out + out.err


def test_a_result_that_is_the_secret_is_masked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    one = step_with(
        lambda inputs, context: StepResult({"t": context.resource("acme").config.token.reveal()}),
        results={"t": "string"},
    )
    one["outputs"] = {"t": {"$ref": "result.t"}}
    told: list[Event] = []
    run(tmp_path, artifact(one), told)
    assert CANARY not in repr(told) + capfd.readouterr().out
    assert [file for file in tmp_path.rglob("*") if file.is_file() and CANARY.encode() in file.read_bytes()] == []


class Treacherous(dict[str, Any]):
    """Looks like results, and raises its secret when anyone looks."""

    def items(self) -> Any:
        raise SystemExit(CANARY)

    keys = __iter__ = items


def test_results_that_raise_when_they_are_looked_at_are_the_plug_ins_failure(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    one = step_with(lambda inputs, context: StepResult(Treacherous(n=1)), results={"n": "integer"})
    assert "failed in its step (SystemExit)" in failure(tmp_path, capfd, one)


def warnings_of(told: list[Event]) -> list[str]:
    return [str(one.message) for one in told if one.name == "warning"]


def test_warnings_are_cut_and_hold_no_control_characters(tmp_path: Path) -> None:
    warnings = ("a\x1b[2J\nb", "x" * 5000, *(str(number) for number in range(500)))
    one = step_with(lambda inputs, context: StepResult({"n": 1}, warnings=warnings), results={"n": "integer"})
    told: list[Event] = []
    assert run(tmp_path, artifact(one), told).status == "SUCCESS"
    seen = warnings_of(told)
    assert seen[:2] == ["a [2J b", "x" * 1000]
    assert (len(seen), seen[-1]) == (101, "402 more warnings are not shown")


@pytest.mark.parametrize(
    "written",
    [
        Written(-1),
        Written(2**63),
        Written("1"),  # type: ignore[arg-type]  # what an author may do
        Written(1, bytes=-1),
        Written(1, inserted="1"),  # type: ignore[arg-type]  # as above
        Written(1, warnings=5),  # type: ignore[arg-type]  # as above
        Written(1, warnings=(object(),)),  # type: ignore[arg-type]  # as above
        2**63,
        True,
    ],
)
def test_what_a_write_says_in_another_shape_is_not_believed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], written: Any
) -> None:
    methods = {"read": lambda *_: iter([{"id": 1}]), "write": lambda *_: written}
    connector(type("Sink", (Quiet,), methods), "readable", "writable")
    write = step("out", "write", **{"from": "rows"}, resource="acme", table="t", mode="append")
    assert "did not say how many rows it has written" in failure(tmp_path, capfd, READ, write)


def test_warnings_of_a_write_hold_no_control_characters(tmp_path: Path) -> None:
    methods = {"read": lambda *_: iter([{"id": 1}]), "write": lambda *_: Written(1, warnings=("a\x1b[2J",))}
    connector(type("Sink", (Quiet,), methods), "readable", "writable")
    write = step("out", "write", **{"from": "rows"}, resource="acme", table="t", mode="append")
    told: list[Event] = []
    assert run(tmp_path, artifact(READ, write), told).status == "SUCCESS"
    assert warnings_of(told) == ["a [2J"]
