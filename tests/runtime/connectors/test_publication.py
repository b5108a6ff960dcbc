"""A write is published once in every sink, and not at all by a run that others have taken over from."""

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from firn_runtime.errors import ConnectorError
from firn_runtime.publication import Publication
from runtime.connectors import sinks
from runtime.connectors.sinks import PUBLICATION, Sink
from runtime.workbench import Workbench

OLD = [(0, "old")]


class Writer:
    """A sink and a run that writes to it."""

    def __init__(self, sink: Sink, folder: Path) -> None:
        self.sink, self.folder = sink, folder
        self.work = Workbench(folder, {"sink": sink.resource()})

    def write(self, sql: str, publication: Publication = PUBLICATION, **more: Any) -> int:
        self.work.make("d", sql)
        return self.work.write(publication, resource="sink", **self.sink.inputs, **more).rows

    def rows(self, sql: str = "select n, name from t order by n") -> list[tuple[Any, ...]]:
        """Return what is there once the engine has let go of it."""
        self.work.close()
        rows = self.sink.rows(sql)
        self.work = Workbench(self.folder, {"sink": self.sink.resource()})
        return rows


@pytest.fixture(params=sinks.KINDS)
def writer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Writer]:
    made = Writer(sinks.make(request.param, tmp_path), tmp_path)
    yield made
    made.work.close()


databases = pytest.mark.parametrize("writer", sinks.DATABASES, indirect=True)
files = pytest.mark.parametrize("writer", ["csv", "parquet"], indirect=True)


def test_the_same_publication_again_gives_what_it_gave_and_touches_nothing(writer: Writer) -> None:
    assert writer.write("select 1 as n, 'first' as name") == 1
    again = PUBLICATION._replace(attempt=2, fence=9, artifact="sha256:2")
    assert writer.write("select range as n, 'second' as name from range(2)", again) == 1
    assert writer.rows() == [(1, "first")]


@pytest.mark.parametrize("change", [{"run": "r2"}, {"job": "other"}, {"step": "other"}, {"fingerprint": "sha256:2"}])
def test_another_publication_is_written(writer: Writer, change: dict[str, Any]) -> None:
    writer.write("select 1 as n, 'first' as name")
    assert writer.write("select range as n, 'second' as name from range(2)", PUBLICATION._replace(**change)) == 2
    assert writer.rows() == [(0, "second"), (1, "second")]


def test_a_run_that_lost_its_lease_does_not_publish(writer: Writer) -> None:
    def lost() -> None:
        raise ConnectorError("conflict", "the lock is lost")

    with pytest.raises(ConnectorError, match="the lock is lost"):
        writer.write("select 1 as n, 'new' as name", still_ours=lost)
    assert writer.rows() == OLD
    assert writer.sink.loads() == []
    assert writer.sink.staged() == []


@databases
def test_the_load_is_recorded_in_the_transaction_of_the_rows(writer: Writer) -> None:
    writer.write("select range as n, 'x' as name from range(3)", PUBLICATION._replace(attempt=2, fence=7))
    (row,) = writer.rows("select * from _firn_loads")
    assert row[:10] == ("flow", "r1", "main", "publish", "sha256:0", "sha256:1", 2, 7, 3, None)
    assert row[10:12] == (None, None)
    assert row[12].endswith("Z")


@databases
def test_there_is_one_row_for_each_step_of_a_run(writer: Writer) -> None:
    changes: list[dict[str, Any]] = [{}, {"fingerprint": "sha256:2"}, {"run": "r2"}]
    for change in changes:
        writer.write("select 1 as n, 'x' as name", PUBLICATION._replace(**change))
    found = writer.rows("select run, fingerprint from _firn_loads order by run")
    assert found == [("r1", "sha256:2"), ("r2", "sha256:0")]


@databases
def test_a_younger_lease_of_the_flow_refuses_an_older_run(writer: Writer) -> None:
    writer.write("select 2 as n, 'younger' as name", PUBLICATION._replace(run="r2", fence=6))
    with pytest.raises(ConnectorError, match="another run of the flow has taken over") as caught:
        writer.write("select 1 as n, 'older' as name", PUBLICATION._replace(fence=5))
    assert caught.value.error_class == "conflict"
    assert writer.rows() == [(2, "younger")]


@databases
def test_other_flows_and_runs_without_a_lease_are_not_compared(writer: Writer) -> None:
    writer.write("select 2 as n, 'x' as name", PUBLICATION._replace(run="r2", fence=6))
    changes: list[dict[str, Any]] = [
        {"flow": "other", "fence": 5},
        {"run": "r3", "fence": 0},
        {"run": "r4", "fence": 6},
    ]
    for change in changes:
        assert writer.write("select 1 as n, 'x' as name", PUBLICATION._replace(**change)) == 1


@databases
def test_rows_of_old_runs_of_the_same_step_are_forgotten_after_90_days(writer: Writer) -> None:
    for run, step in (("old", "publish"), ("recent", "publish"), ("old", "other")):
        writer.write("select 1 as n, 'x' as name", PUBLICATION._replace(run=run, step=step))
    writer.rows()
    writer.work.close()
    writer.sink.do("update _firn_loads set published_at = '2020-01-01T00:00:00.000000Z' where run = 'old'")
    writer.work = Workbench(writer.folder, {"sink": writer.sink.resource()})
    writer.write("select 1 as n, 'x' as name", PUBLICATION._replace(run="new"))
    found = writer.rows("select run, step from _firn_loads order by run, step")
    assert found == [("new", "publish"), ("old", "other"), ("recent", "publish")]


@databases
def test_jobs_write_to_one_database_at_the_same_time(writer: Writer) -> None:
    failures: list[BaseException] = []

    def job(name: str) -> None:
        try:
            other = Side(writer.work, name)
            other.session.execute(f'create table datasets."{name}".d as select range as n from range(20000)')
            for run in range(5):
                other.write(PUBLICATION._replace(run=f"r{run}", job=name), resource="sink", table=name)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=job, args=(f"job{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert writer.rows("select count(*) from _firn_loads") == [(15,)]
    assert writer.sink.rows("select count(*) from job2") == [(20000,)]


class Side(Workbench):
    """Another job's view of the same engine."""

    def __init__(self, work: Workbench, job: str) -> None:
        self.folder, self.resources, self.engine = work.folder, work.resources, work.engine
        self.session = work.engine.session(job)


@files
def test_what_a_killed_attempt_staged_is_removed_and_nothing_else(writer: Writer) -> None:
    root = Path(writer.sink.config["root"])
    name = writer.sink.inputs["path"]
    ours = root / f".{name}.{PUBLICATION.mark}-0a1b2c3d.part"
    others = root / f".{name}.{PUBLICATION._replace(run='r2').mark}-0a1b2c3d.part"
    for path in (ours, others):
        path.write_text("half")
    writer.write("select 1 as n, 'x' as name")
    assert writer.sink.staged() == [others.name]


def announced(writer: Writer) -> Path:
    return writer.work.scratch(*PUBLICATION.key[1:]) / "intent.json"


CHANGES: dict[str, Callable[[Path, Path], object]] = {
    "the file was replaced": lambda file, intent: (file.rename(f"{file}.old"), file.write_bytes(b"another")),
    "the file was changed": lambda file, intent: file.write_bytes(b"another"),
    "the file is gone": lambda file, intent: file.unlink(),
    "the announcement is gone": lambda file, intent: intent.unlink(),
    "the announcement was cut off": lambda file, intent: intent.write_text(intent.read_text()[:20]),
    "the announcement is of another publication": lambda file, intent: intent.write_text(
        json.dumps(json.loads(intent.read_text()) | {"publication": "0"})
    ),
}


@files
@pytest.mark.parametrize("change", CHANGES)
def test_a_file_that_is_not_surely_ours_is_written_again(writer: Writer, change: str) -> None:
    writer.write("select 1 as n, 'first' as name")
    CHANGES[change](Path(writer.sink.config["root"]) / writer.sink.inputs["path"], announced(writer))
    assert writer.write("select range as n, 'second' as name from range(2)") == 2
    assert writer.rows() == [(0, "second"), (1, "second")]
