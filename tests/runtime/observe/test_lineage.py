"""OpenLineage events of whole runs, judged by the specification's own schemas.

openlineage/ holds OpenLineage.json 2-0-2 and the facets' schemas, as the project publishes them (Apache-2.0).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from firn_runtime import Edge, Options, Stop, run_artifact
from firn_runtime.events import Event
from runtime.artifacts import job, payload, resource, spelled, step
from runtime.observe.receivers import Found, Heard, Seen, in_short, observed, receiving

SCHEMAS = [orjson.loads(file.read_bytes()) for file in (Path(__file__).parent / "openlineage").glob("*.json")]
REGISTRY: Registry[Any] = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in SCHEMAS)


def validate(value: Any) -> None:
    """Judge an event, and every facet in it, by the schema that it names."""
    if isinstance(value, list):
        for item in value:
            validate(item)
    if isinstance(value, dict):
        url = value.get("schemaURL", value.get("_schemaURL"))
        if url is not None:
            checker = Draft202012Validator.FORMAT_CHECKER
            Draft202012Validator({"$ref": url}, registry=REGISTRY, format_checker=checker).validate(value)
        for item in value.values():
            validate(item)


@pytest.fixture
def heard() -> Iterator[Heard]:
    with receiving() as found:
        yield found


def sourced(resource: str, dataset: str, column: str) -> list[dict[str, str]]:
    return [{"resource": resource, "dataset": dataset, "column": column}]


def loading(url: str, **parts: Any) -> dict[str, Any]:
    """Return a payload that reads a file, shapes it, and writes it to a database."""
    read = step("raw", "read", resource="files", path="in.csv", schema={"id": "bigint", "name": "text"})
    read |= {"columns": ["id", "name"], "lineage": {name: sourced("files", "in.csv", name) for name in ("id", "name")}}
    shaped = step("shaped", "sql", sql="select id as n, upper(name) as label from raw")
    columns = {"n": sourced("files", "in.csv", "id"), "label": sourced("files", "in.csv", "name")}
    shaped |= {"columns": ["n", "label"], "lineage": columns}
    write = step("out", "write", **{"from": "shaped"}, resource="db", table="labels", mode="replace")
    write |= {"columns": ["n", "label"], "lineage": columns}
    locked = step("kept", "with_lock", key="k", step={"type": "write", "inputs": write["inputs"] | {"table": "again"}})
    body = payload(
        job("load", read, shaped, write, locked),
        names={"files": "files", "db": "db"},
        resources={
            "files": resource("files", "local", {"root": "data"}),
            "db": resource("db", "duckdb", {"path": "out.duckdb"}),
        },
    )
    body["flows"]["flow"] |= {"observability": observed(url, attributes={"team": "blue", "pii": True})}
    body["flows"]["flow"] |= {"owner": "data@example.com", "description": "Loads labels."} | parts
    return body


def run(folder: Path, body: dict[str, Any], *listeners: Any, stop: Stop | None = None) -> None:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data" / "in.csv").write_text("id,name\n1,a\n2,b\n")
    run_artifact(spelled(body), Edge({}, folder, listeners, stop), Options())


def named(datasets: list[Found]) -> list[tuple[str, str]]:
    return [(one["namespace"], one["name"]) for one in datasets]


def facets(value: Found) -> Found:
    """Return the facets without what says whose they are."""
    return {name: {key: one for key, one in facet.items() if not key.startswith("_")} for name, facet in value.items()}


def test_a_run_is_a_job_and_each_step_that_reads_or_writes_outside_is_one(tmp_path: Path, heard: Heard) -> None:
    run(tmp_path, loading(heard.url))
    assert in_short(heard.lineage) == [
        Seen("START", "flow"),
        Seen("START", "flow.load.raw"),
        Seen("COMPLETE", "flow.load.raw"),
        Seen("START", "flow.load.out"),
        Seen("COMPLETE", "flow.load.out"),
        Seen("START", "flow.load.kept"),
        Seen("COMPLETE", "flow.load.kept"),
        Seen("COMPLETE", "flow"),
    ]
    assert {one["job"]["namespace"] for one in heard.lineage} == {"test"}


def test_every_event_and_facet_is_as_the_specification_says(tmp_path: Path, heard: Heard) -> None:
    run(tmp_path, loading(heard.url))
    assert len(heard.lineage) == 8
    for event in heard.lineage:
        validate(event)
        UUID(event["run"]["runId"])


def test_the_judge_of_events_refuses_what_is_wrong(tmp_path: Path, heard: Heard) -> None:
    from jsonschema import ValidationError

    run(tmp_path, loading(heard.url))
    event = heard.lineage[4]
    for place, wrong in (
        (event["run"], {"runId": "r1"}),
        (event, {"eventType": "END"}),
        (event["job"]["facets"]["sql"], {"query": 1}),
    ):
        right = dict(place)
        place |= wrong
        with pytest.raises(ValidationError):
            validate(event)
        place |= right
    validate(event)


def test_a_step_names_its_run_its_datasets_and_what_it_did(tmp_path: Path, heard: Heard) -> None:
    run(tmp_path, loading(heard.url))
    started, written = heard.lineage[0], heard.lineage[4]
    flow = {"run": {"runId": started["run"]["runId"]}, "job": {"namespace": "test", "name": "flow"}}
    assert facets(written["run"]["facets"])["parent"] == flow | {"root": flow}
    assert heard.lineage[3]["run"]["runId"] == written["run"]["runId"] != flow["run"]["runId"]
    source = ("file", str(tmp_path / "data/in.csv"))
    assert named(written["inputs"]) == [source]
    (output,) = written["outputs"]
    assert named([output]) == [(f"duckdb://{tmp_path}/out.duckdb", "main.labels")]
    origin = {"namespace": source[0], "name": source[1]}
    assert facets(output["facets"]) == {
        "schema": {"fields": [{"name": "n"}, {"name": "label"}]},
        "columnLineage": {
            "fields": {
                "n": {"inputFields": [origin | {"field": "id"}]},
                "label": {"inputFields": [origin | {"field": "name"}]},
            }
        },
    }
    assert facets(output["outputFacets"]) == {"outputStatistics": {"rowCount": 2}}
    query = "select id as n, upper(name) as label from raw"
    assert facets(written["job"]["facets"])["sql"] == {"query": query, "dialect": "duckdb"}


def test_a_read_has_its_columns_and_the_types_that_the_flow_declares(tmp_path: Path, heard: Heard) -> None:
    run(tmp_path, loading(heard.url))
    (source,) = heard.lineage[2]["inputs"]
    fields = [{"name": "id", "type": "bigint"}, {"name": "name", "type": "text"}]
    assert facets(source["facets"]) == {"schema": {"fields": fields}}
    assert facets(source["inputFacets"]) == {"inputStatistics": {"rowCount": 2, "size": 16}}
    assert heard.lineage[2]["outputs"] == []


def test_the_run_says_whose_it_is(tmp_path: Path, heard: Heard) -> None:
    run(tmp_path, loading(heard.url))
    (started, *_) = heard.lineage
    assert facets(started["job"]["facets"]) == {
        "documentation": {"description": "Loads labels."},
        "jobType": {"processingType": "BATCH", "integration": "FIRN", "jobType": "FLOW"},
        "ownership": {"owners": [{"name": "data@example.com"}]},
    }
    tags = {one["key"]: one["value"] for one in started["run"]["facets"]["tags"]["tags"]}
    assert (tags["team"], tags["pii"], tags["firn.flow.version"]) == ("blue", "true", "1.0.0")
    assert tags["firn.artifact.digest"].startswith("sha256:")


def test_column_lineage_stays_at_home_where_governance_says_so(tmp_path: Path, heard: Heard) -> None:
    run(tmp_path, loading(heard.url, governance={"emit_lineage": False}))
    assert set(heard.lineage[4]["outputs"][0]["facets"]) == {"schema"}


def test_a_failed_step_says_why_and_so_does_the_run(tmp_path: Path, heard: Heard) -> None:
    body = loading(heard.url)
    body["flows"]["flow"]["jobs"][0]["steps"][0]["inputs"]["path"] = "none.csv"
    run(tmp_path, body)
    *_, failed, ended = heard.lineage
    assert in_short([failed, ended]) == [Seen("FAIL", "flow.load.raw"), Seen("FAIL", "flow")]
    for event in (failed, ended):
        message = event["run"]["facets"]["errorMessage"]["message"]
        assert message == "R307: no file matches `none.csv` (flow.load.raw)"
        validate(event)


def test_a_run_that_was_asked_to_end_is_aborted(tmp_path: Path, heard: Heard) -> None:
    stop = Stop()

    def terminate(event: Event) -> None:
        if event.name == "step.finished":
            stop.terminate()

    run(tmp_path, loading(heard.url), terminate, stop=stop)
    assert in_short(heard.lineage)[-2:] == [Seen("COMPLETE", "flow.load.raw"), Seen("ABORT", "flow")]


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ({"$concat": ["by-day/", {"$ref": "run.started_at"}, ".csv"]}, "by-day/*.csv"),
        ({"$concat": ["x", {"$env": {"name": "DAY", "default": "1"}}, ".csv"]}, "x1.csv"),
        ({"$ref": "run.id"}, None),
    ],
)
def test_a_place_that_only_the_run_knows_has_a_star(tmp_path: Path, heard: Heard, path: Any, shown: str | None) -> None:
    body = loading(heard.url)
    write = body["flows"]["flow"]["jobs"][0]["steps"][2]
    write["inputs"] = {"from": "shaped", "resource": "files", "path": path, "mode": "replace", "format": "csv"}
    write["lineage"] = {}
    run(tmp_path, body)
    outputs = [
        name for one in heard.lineage for _, name in named(one["outputs"]) if one["job"]["name"] == "flow.load.out"
    ]
    assert set(outputs) == ({str(tmp_path / "data" / shown)} if shown else set())
