"""Whole runs, as receivers of OpenTelemetry hear them: nothing of it changes how a run ends."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firn_runtime import Edge, FirnError, Options, run_artifact
from firn_runtime.events import Event
from runtime.artifacts import job, payload, resource, spelled, step
from runtime.connectors.server import Answer, Asked, serving
from runtime.observe.receivers import Heard, Seen, attributes, in_short, observed, receiving

FIRN = str(Path(sys.executable).parent / "firn")


def made(*jobs: dict[str, Any], **parts: Any) -> dict[str, Any]:
    """Return a payload whose flow is observed as `observability` says."""
    asked = parts.pop("observability")
    body = payload(*jobs, **parts)
    body["flows"]["flow"]["observability"] = asked
    return body


def run(folder: Path, body: dict[str, Any], options: Options | None = None, **environ: str) -> list[Event]:
    told: list[Event] = []
    run_artifact(spelled(body), Edge(environ, folder, [told.append]), options or Options())
    return told


def warnings(told: list[Event]) -> list[str]:
    return [event.message or "" for event in told if event.name == "warning"]


ONE = step("one", "sql", sql="select 1 as n union all select 2")
BAD = step("bad", "query", resource="compute", sql="select cast('x' as int) as n")
COMPUTE = {"names": {"compute": "compute"}, "resources": {"compute": resource("compute", "duckdb", {})}}


@pytest.fixture
def heard() -> Iterator[Heard]:
    with receiving() as found:
        yield found


@pytest.fixture
def nobody() -> Iterator[str]:
    """An endpoint where nothing answers."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{one.getsockname()[1]}"


def test_a_run_is_one_trace_of_run_jobs_and_steps(tmp_path: Path, heard: Heard) -> None:
    body = made(job("a", ONE), job("b", ONE, depends_on=["a"]), observability=observed(heard.url))
    told = run(tmp_path, body)
    spans = heard.spans
    assert list(spans) == ["step a.one", "job a", "step b.one", "job b", "run flow"]
    assert len({span.trace_id for span in spans.values()}) == 1
    root, parent = spans["run flow"], spans["job a"]
    assert (root.parent_span_id, parent.parent_span_id) == (b"", root.span_id)
    assert spans["step a.one"].parent_span_id == parent.span_id
    assert all(span.start_time_unix_nano <= span.end_time_unix_nano for span in spans.values())
    assert attributes(spans["step a.one"].attributes) == {
        "firn.run.id": told[0].run,
        "firn.flow.name": "flow",
        "firn.run.resumed": 0,
        "firn.job.name": "a",
        "firn.step.id": "one",
        "firn.step.type": "sql",
        "firn.status": "SUCCESS",
        "firn.rows": 2,
        "firn.attempts": 1,
    }
    assert {span.status.code for span in spans.values()} == {1}
    assert warnings(told) == []


def test_the_resource_says_what_ran_and_the_artifacts_attributes_win(tmp_path: Path, heard: Heard) -> None:
    said = {"service.name": "daily", "team": {"$env": {"name": "TEAM"}}, "tier": 1, "cost": 0.5, "gold": True}
    run(tmp_path, made(job("a"), observability=observed(heard.url, attributes=said)), TEAM="blue")
    (found,) = heard.resources
    assert found.pop("firn.artifact.digest").startswith("sha256:")
    assert found.pop("telemetry.sdk.version")
    assert found == {
        "service.name": "daily",
        "service.version": "1.0.0",
        "deployment.environment.name": "test",
        "firn.flow.name": "flow",
        "telemetry.sdk.language": "python",
        "telemetry.sdk.name": "firn",
        "team": "blue",
        "tier": 1,
        "cost": 0.5,
        "gold": True,
    }


def test_a_failure_is_an_exception_of_its_step_and_blocked_jobs_have_no_status(tmp_path: Path, heard: Heard) -> None:
    body = made(job("a", BAD), job("b", ONE, depends_on=["a"]), observability=observed(heard.url), **COMPUTE)
    told = run(tmp_path, body)
    error = next(event.error for event in told if event.error)
    spans = heard.spans
    failed = spans["step a.bad"]
    assert (failed.status.code, failed.status.message) == (2, error.message)
    assert attributes(failed.attributes)["error.type"] == "R307"
    (event,) = failed.events
    assert event.name == "exception"
    assert attributes(event.attributes)["exception.type"] == "data"
    assert attributes(event.attributes)["exception.message"] == error.message
    assert [spans[name].status.code for name in ("job a", "job b", "run flow")] == [2, 0, 2]
    assert attributes(spans["job b"].attributes)["firn.status"] == "BLOCKED"


def test_attempts_are_events_of_their_step(tmp_path: Path, heard: Heard) -> None:
    answers = iter([Answer(status=503), Answer(status=503)])
    with serving(lambda _: next(answers, Answer([{"n": 1}]))) as api:
        got = step("got", "read", resource="api", path="/x")
        got |= {"retry": {"max_attempts": 3, "backoff": 0, "max_backoff": 0, "on": ["server_error"]}}
        parts: dict[str, Any] = {
            "names": {"api": "api"},
            "resources": {"api": resource("rest", "httpx", {"base_url": api.url})},
        }
        run(tmp_path, made(job("a", got), observability=observed(heard.url), **parts))
    span = heard.spans["step a.got"]
    assert [event.name for event in span.events] == ["firn.retry", "firn.retry"]
    assert [attributes(event.attributes)["firn.attempt"] for event in span.events] == [2, 3]
    assert [attributes(event.attributes)["exception.type"] for event in span.events] == ["server_error"] * 2
    assert attributes(span.attributes)["firn.attempts"] == 3
    retried = heard.metrics["firn.retries"].sum.data_points
    assert [one.as_int for one in retried] == [2]


def test_sessions_of_a_run_share_a_trace_and_no_span(tmp_path: Path, heard: Heard) -> None:
    flag = tmp_path / "there.csv"
    files = {"names": {"files": "files"}, "resources": {"files": resource("files", "local", {"root": "."})}}
    body = made(
        job("a", ONE),
        job("b", step("r", "read", resource="files", path="there.csv"), depends_on=["a"]),
        **files,
        observability=observed(heard.url),
    )
    run(tmp_path, body)
    first = len(heard.requests)
    flag.write_text("n\n1\n")
    run(tmp_path, body, Options(resume="last"))
    assert len(heard.requests) > first
    spans = [span for one in heard.requests for span in one.spans.values()]
    assert len({span.trace_id for span in spans}) == 1
    assert len({span.span_id for span in spans}) == len(spans)
    resumed = [span for span in spans if attributes(span.attributes)["firn.run.resumed"] == 1]
    (job_a,) = (span for span in resumed if span.name == "job a")
    assert [(event.name, attributes(event.attributes)["firn.step.id"]) for event in job_a.events] == [
        ("firn.reused", "one")
    ]


PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_a_run_is_a_part_of_the_trace_of_what_started_it(tmp_path: Path, heard: Heard) -> None:
    run(tmp_path, made(job("a"), observability=observed(heard.url)), TRACEPARENT=PARENT)
    root = heard.spans["run flow"]
    assert (root.trace_id.hex(), root.parent_span_id.hex()) == (PARENT[3:35], PARENT[36:52])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00-",
        PARENT.replace("0af7", "0AF7"),
        f"ff{PARENT[2:]}",
        f"00-{'0' * 32}-{PARENT[36:]}",
        f"{PARENT[:36]}{'0' * 16}-01",
    ],
)
def test_a_parent_that_is_none_is_no_parent(tmp_path: Path, heard: Heard, text: str) -> None:
    run(tmp_path, made(job("a"), observability=observed(heard.url)), TRACEPARENT=text)
    assert heard.spans["run flow"].parent_span_id == b""


def test_measurements_are_sums_and_spreads_of_one_session(tmp_path: Path, heard: Heard) -> None:
    body = made(job("a", ONE, BAD), job("b", ONE), observability=observed(heard.url), **COMPUTE)
    run(tmp_path, body)
    found = heard.metrics
    assert sorted(found) == [
        "firn.jobs",
        "firn.rows",
        "firn.run.duration",
        "firn.runs",
        "firn.step.duration",
        "firn.steps",
    ]

    def counts(name: str) -> list[tuple[str, str, str, int]]:
        assert (found[name].sum.aggregation_temporality, found[name].sum.is_monotonic) == (1, True)
        points = [(attributes(one.attributes), one.as_int) for one in found[name].sum.data_points]
        return sorted(
            (known.get("firn.job.name", ""), known.get("firn.step.id", ""), known["firn.status"], count)
            for known, count in points
        )

    assert counts("firn.runs") == [("", "", "FAILED", 1)]
    assert counts("firn.jobs") == [("a", "", "FAILED", 1), ("b", "", "SUCCESS", 1)]
    assert counts("firn.steps") == [("a", "bad", "FAILED", 1), ("a", "one", "SUCCESS", 1), ("b", "one", "SUCCESS", 1)]
    assert counts("firn.rows") == [("a", "one", "SUCCESS", 2), ("b", "one", "SUCCESS", 2)]
    spread = found["firn.step.duration"].histogram
    assert spread.aggregation_temporality == 1
    for point in spread.data_points:
        assert (point.count, sum(point.bucket_counts)) == (1, 1)
        assert len(point.bucket_counts) == len(point.explicit_bounds) + 1
        assert point.min == point.max == point.sum


@pytest.mark.parametrize(
    ("asked", "paths"),
    [
        ({}, {"/v1/traces", "/v1/metrics", "/api/v1/lineage"}),
        ({"traces": False}, {"/v1/metrics", "/api/v1/lineage"}),
        ({"metrics": False, "lineage": False}, {"/v1/traces"}),
        ({"otlp_endpoint": None}, {"/api/v1/lineage"}),
        ({"lineage_endpoint": None}, {"/v1/traces", "/v1/metrics"}),
    ],
)
def test_only_what_is_asked_for_is_sent(tmp_path: Path, asked: dict[str, Any], paths: set[str]) -> None:
    seen = set()

    def reply(request: Asked) -> Answer:
        seen.add(request.path)
        return Answer(b"")

    with receiving(reply) as heard:
        assert warnings(run(tmp_path, made(job("a"), observability=observed(heard.url, **asked)))) == []
    assert seen == paths


def test_receivers_that_are_not_there_are_one_warning_each_before_the_end(tmp_path: Path, nobody: str) -> None:
    told = run(tmp_path, made(job("a", ONE), observability=observed(nobody)))
    where = f"`127.0.0.1`, port {nobody.rpartition(':')[2]}, cannot be reached"
    assert sorted(warnings(told)) == [
        f"OpenLineage events are not all sent: {where}",
        f"OpenTelemetry metrics are not all sent: {where}",
        f"OpenTelemetry spans are not all sent: {where}",
    ]
    assert (told[0].name, told[-1].name, told[-1].status) == ("run.started", "run.finished", "SUCCESS")


def test_a_receiver_that_never_answers_is_not_waited_for(tmp_path: Path) -> None:
    """It takes connections and says nothing; the deadline at the end is 3 s, its own answer would be waited for 10."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        asked = observed(f"http://127.0.0.1:{silent.getsockname()[1]}", metrics=False)
        told = run(tmp_path, made(job("a"), observability=asked))
    late = "the receiver did not take all of it before the deadline at the end of the run"
    assert sorted(warnings(told)) == [
        f"OpenLineage events are not all sent: {late}",
        f"OpenTelemetry spans are not all sent: {late}",
    ]
    assert told[-1].status == "SUCCESS"


def test_what_was_done_until_sigterm_is_sent(tmp_path: Path, heard: Heard) -> None:
    endless = step("long", "sql", sql="select sum(sin(range)) as n from range(400000000000)")
    (tmp_path / "a.json").write_bytes(spelled(made(job("a", endless), observability=observed(heard.url))))
    command = [FIRN, "run", "a.json", "--log-format", "json", "--grace", "0"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        while "step.started" not in process.stdout.readline():
            pass
        process.terminate()
        process.communicate(timeout=60)
    finally:
        process.kill()  # what does not end must not outlive its test
    assert process.returncode == 143
    assert {name: span.status.code for name, span in heard.spans.items()} == {
        "step a.long": 2,
        "job a": 2,
        "run flow": 2,
    }
    assert heard.spans["step a.long"].status.message == "the run was stopped by SIGTERM"
    assert in_short(heard.lineage) == [Seen("START", "flow"), Seen("ABORT", "flow")]


def test_a_receiver_that_refuses_a_part_is_a_warning(tmp_path: Path) -> None:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    some = ExportTraceServiceResponse()
    some.partial_success.rejected_spans = 1
    with receiving(lambda _: Answer(some.SerializeToString())) as heard:
        told = run(tmp_path, made(job("a"), observability=observed(heard.url, metrics=False, lineage=False)))
    assert warnings(told) == ["OpenTelemetry spans are not all sent: the receiver refused 1 of 2"]


def test_what_a_receiver_that_says_yes_says_besides_is_its_own_affair(tmp_path: Path) -> None:
    with receiving(lambda _: Answer(b"\xff\xff{not protobuf}")) as heard:
        assert warnings(run(tmp_path, made(job("a"), observability=observed(heard.url)))) == []


def test_a_wrong_endpoint_is_a_warning_that_does_not_show_it(tmp_path: Path) -> None:
    told = run(tmp_path, made(job("a"), observability=observed("http://me:s3cret@otel")))
    assert len(warnings(told)) == 3
    assert "s3cret" not in str(told)
    assert told[-1].status == "SUCCESS"


def test_an_endpoint_may_come_from_the_snapshot_of_the_environment(tmp_path: Path, heard: Heard) -> None:
    host, port = heard.url.rsplit(":", 1)
    endpoint = {"$concat": [f"{host}:", {"$env": {"name": "PORT"}}]}
    run(tmp_path, made(job("a"), observability=observed(heard.url, otlp_endpoint=endpoint)), PORT=port)
    assert "run flow" in heard.spans


def test_a_variable_that_an_endpoint_needs_is_missed_before_the_run(tmp_path: Path) -> None:
    asked = observed("http://x", otlp_endpoint={"$env": {"name": "OTLP"}})
    with pytest.raises(FirnError, match="`OTLP`"):
        run(tmp_path, made(job("a"), observability=asked))


def test_an_endpoint_that_only_the_run_could_know_is_none(tmp_path: Path, heard: Heard) -> None:
    node = {"$ref": "run.id"}
    asked = observed(heard.url, otlp_endpoint=node, attributes={"late": node, "$env": {"name": "X"}, "many": [1]})
    told = run(tmp_path, made(job("a"), observability=asked), X="x")
    assert len(warnings(told)) == 2
    assert told[-1].status == "SUCCESS"
    tags = {one["key"] for one in heard.lineage[0]["run"]["facets"]["tags"]["tags"]}
    assert tags.isdisjoint(["late", "many"])


def test_a_variable_that_is_not_utf_8_is_no_attribute(tmp_path: Path, heard: Heard) -> None:
    asked = observed(heard.url, attributes={"odd": {"$env": {"name": "ODD"}}, "team": "sales"})
    assert warnings(run(tmp_path, made(job("a"), observability=asked), ODD="a\udcffb")) == []
    assert heard.resources[0]["team"] == "sales"
    assert "odd" not in heard.resources[0]
    assert len(heard.lineage) == 2


def test_a_secret_cannot_be_a_part_of_telemetry(tmp_path: Path) -> None:
    asked = observed("http://x", attributes={"token": {"$secret": {"ref": "x"}}})
    with pytest.raises(FirnError, match="a secret stands where none is allowed"):
        run(tmp_path, made(job("a"), observability=asked))


def test_nothing_else_in_the_environment_sends_anything_anywhere(tmp_path: Path, heard: Heard) -> None:
    (tmp_path / "compiled_artifacts.json").write_bytes(
        spelled(made(job("a"), observability={"traces": True, "metrics": True, "lineage": True}))
    )
    with receiving() as elsewhere:
        url = elsewhere.url
        names = ("", "_TRACES", "_METRICS")
        more = {f"OTEL_EXPORTER_OTLP{name}_ENDPOINT": url for name in names}
        more |= {"OTEL_EXPORTER_OTLP_HEADERS": "authorization=canary", "OTEL_RESOURCE_ATTRIBUTES": "a=canary"}
        more |= {"OTEL_SERVICE_NAME": "canary", "OTEL_SDK_DISABLED": "true", "OPENLINEAGE_URL": url, "HTTP_PROXY": url}
        more |= {"OTEL_TRACES_SAMPLER": "always_off", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip"}
        environ = os.environ | more
        subprocess.run([FIRN, "run"], cwd=tmp_path, env=environ, check=True, capture_output=True)
        body = made(job("a"), observability=observed(heard.url))
        (tmp_path / "compiled_artifacts.json").write_bytes(spelled(body))
        done = subprocess.run([FIRN, "run"], cwd=tmp_path, env=environ, check=True, capture_output=True, text=True)
    assert [elsewhere.bodies(path) for path in ("/v1/traces", "/v1/metrics", "/api/v1/lineage")] == [[], [], []]
    assert heard.resources[0]["service.name"] == "flow"
    assert "canary" not in str(heard.resources) + str(heard.spans) + done.stdout + done.stderr
    assert done.stderr == ""


HEARING = """
import sys
from firn_runtime.cli import firn
{before}
try:
    firn.main(["run"], standalone_mode=False)
except SystemExit:
    pass
print(sorted(name for name in sys.modules if name.startswith({names!r})))
"""


def in_a_process(folder: Path, body: dict[str, Any], names: tuple[str, ...], before: str = "") -> str:
    (folder / "compiled_artifacts.json").write_bytes(spelled(body))
    script = HEARING.format(names=names, before=before)
    done = subprocess.run([sys.executable, "-c", script], cwd=folder, check=True, capture_output=True, text=True)
    assert done.stderr == ""
    return done.stdout


def test_without_an_endpoint_nothing_is_imported_for_it(tmp_path: Path) -> None:
    names = ("opentelemetry", "google", "http", "ssl", "firn_runtime.observe.", "socket")
    asked = {"traces": True, "metrics": True, "lineage": True}
    modules = in_a_process(tmp_path, made(job("a"), observability=asked), names).splitlines()[-1]
    kept = ["firn_runtime.observe.plain", "firn_runtime.observe.words"]
    assert modules == str(kept)


def test_a_missing_extra_is_one_warning(tmp_path: Path, heard: Heard) -> None:
    asked = observed(heard.url, metrics=False)
    told = in_a_process(tmp_path, made(job("a"), observability=asked), (), "sys.modules['opentelemetry'] = None")
    assert (
        told.count("warning: OpenTelemetry spans are not all sent: the extra `firn-runtime[otel]` is not installed")
        == 1
    )
    assert told.count("warning") == 1
    assert "SUCCESS flow" in told
    assert len(heard.lineage) == 2
