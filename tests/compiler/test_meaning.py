"""What changes the digest and what does not; what the artifact says of a flow."""

from typing import Any

import orjson
import pytest

from compiler.projects import FLOW, PLATFORM, compiled, source
from firn_compiler.assembly import Request
from firn_compiler.pipeline import Compilation, validate_project
from firn_compiler.stages.places import places


def payload(compilation: Compilation) -> dict[str, Any]:
    assert compilation.artifact is not None, compilation.diagnostics
    body: dict[str, Any] = orjson.loads(compilation.artifact)["payload"]
    return body


@pytest.mark.parametrize(
    "flow",
    [
        "# a comment\n" + FLOW,
        FLOW.replace("\n", "\r\n"),
        FLOW.replace("name: hello\n", "").replace("steps:\n", "name: hello\nsteps:\n"),
        FLOW.replace("orders.csv", '"orders.csv"'),
        FLOW.replace("{profile: files}", "\n    profile: files"),
        FLOW.replace("profile: files", "profile: &p files"),
        "\ufeff" + FLOW,
        FLOW + "\n\n",
    ],
    ids=["comment", "line endings", "key order", "quotes", "block style", "anchor", "byte order mark", "blank lines"],
)
def test_what_means_the_same_has_the_same_bytes(flow: str) -> None:
    assert compiled(flow).artifact == compiled().artifact


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("orders.csv", "other.csv"),
        ("1.0.0", "1.0.1"),
        ("name: hello", "name: hallo"),
        ("type: read", "type: read\n    description: x"),
    ],
)
def test_what_means_something_else_has_another_digest(old: str, new: str) -> None:
    assert compiled(FLOW.replace(old, new)).digest != compiled().digest


def test_a_word_for_people_changes_only_the_fingerprint_of_words() -> None:
    before = payload(compiled())["flows"]["hello"]["fingerprint"]
    after = payload(compiled(FLOW + "description: for people\n"))["flows"]["hello"]["fingerprint"]
    assert before["data"] == after["data"]
    assert before["operation"] == after["operation"]
    assert before["words"] != after["words"]


def test_a_changed_step_changes_the_fingerprints_of_itself_and_of_what_follows() -> None:
    def prints(flow: str) -> list[str]:
        steps = payload(compiled(flow))["flows"]["hello"]["jobs"][0]["steps"]
        return [step["fingerprint"]["data"] for step in steps]

    first, second = prints(FLOW), prints(FLOW.replace("orders.parquet", "other.parquet"))
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert not set(first) & set(prints(FLOW.replace("orders.csv", "other.csv")))


def test_nothing_of_the_machine_is_in_the_artifact() -> None:
    text = (compiled().artifact or b"").decode()
    assert not any(word in text for word in ("/work/main", "/tmp", "/root", "/home", "0.1.0"))


def test_requirements_name_what_has_to_be_there_and_who_uses_it() -> None:
    platform = PLATFORM.replace("root: data", "root: '{{ env.DATA:data }}'")
    assert payload(compiled(platform=platform))["requires"] == {
        "connectors": [{"kind": "files", "driver": "local", "used_by": ["resources.src", "resources.storage"]}],
        "environment": [{"name": "DATA", "optional": True, "used_by": ["resources.src.config.root"]}],
        "secrets": [],
    }


def test_the_flow_overrides_the_platform_which_overrides_the_base_and_null_removes() -> None:
    base = 'version: "1.0.0"\nconnectors:\n  files: {type: local, config: {root: base}, options: {compression: gzip}}\n'
    leaf = "extends: base.yaml\n" + PLATFORM.replace("config: {root: data}", "config: {root: leaf}")
    flow = FLOW.replace("{profile: files}", "{profile: files, options: {compression: null}}")
    result = compiled(flow, leaf, {"base.yaml": base})
    assert payload(result)["resources"]["src"]["config"] == {"root": "leaf"}
    assert payload(result)["resources"]["src"]["options"] == {"compression": "auto"}
    assert result.project is not None
    history = {place.pointer: [value for _, value in place.replaced] for place in places(result.project)}
    assert history["/flows/hello/resources/src/config/root"] == ["base"]


@pytest.mark.parametrize(("value", "lowered"), [("7", 7), ("text", "text"), ("true", True)])
def test_a_variable_keeps_its_type_where_it_is_the_whole_value(value: str, lowered: Any) -> None:
    flow = FLOW.replace("orders.csv}", "orders.csv, params: {x: '{{ var.v }}', y: 'a{{ var.v }}b'}}")
    result = compiled(flow.replace("steps:", f"variables: {{v: {value}}}\nsteps:"))
    params = payload(result)["flows"]["hello"]["jobs"][0]["steps"][0]["inputs"]["params"]
    assert params == {"x": lowered, "y": f"a{value}b"}


def test_the_command_line_overrides_the_platform_which_overrides_the_flow() -> None:
    flow = FLOW.replace("orders.csv", "{{ var.a }}-{{ var.b }}-{{ var.c }}").replace(
        "steps:", "variables: {a: flow, b: flow, c: flow}\nsteps:"
    )
    flow = flow.replace("path: {{", "path: '{{").replace("}}}", "}}'}")
    result = compiled(flow, PLATFORM + "variables: {b: platform, c: platform}\n", c="command")
    assert payload(result)["flows"]["hello"]["jobs"][0]["steps"][0]["inputs"]["path"] == "flow-platform-command"


def test_run_time_values_become_typed_nodes() -> None:
    flow = FLOW.replace("orders.csv", "'in/{{ env.DAY:today }}/x-{{ run.id }}.csv'")
    path = payload(compiled(flow))["flows"]["hello"]["jobs"][0]["steps"][0]["inputs"]["path"]
    parts = ["in/", {"$env": {"name": "DAY", "default": "today"}}, "/x-", {"$ref": "run.id"}, ".csv"]
    assert path == {"$concat": parts, "prefix": "in/"}


def test_a_condition_becomes_a_tree() -> None:
    flow = """\
name: hello
version: "1.0.0"
jobs:
  - id: probe
    steps:
      - id: count
        type: query
        inputs: {resource: compute, sql: select 1 as n}
        outputs: {n: "{{ result.rows[0].n }}"}
  - id: act
    depends_on: [probe]
    when: not jobs.probe.outputs.n > 0 or jobs.probe.outputs.n == 'none'
    steps: []
"""
    reference = {"$ref": "jobs.probe.outputs.n"}
    above = {"$op": {"name": ">", "args": [reference, 0]}}
    assert payload(compiled(flow))["flows"]["hello"]["jobs"][1]["when"] == {
        "$op": {
            "name": "or",
            "args": [{"$op": {"name": "not", "args": [above]}}, {"$op": {"name": "==", "args": [reference, "none"]}}],
        }
    }


def test_a_variable_that_only_a_platform_knows_is_no_mistake_without_one() -> None:
    flow = FLOW.replace("orders.csv}", "'{{ var.file }}', columns: '{{ var.columns }}'}").replace(
        "name: hello", "name: hello\ndescription: '{{ var.words }}'"
    )
    request = Request((source("flow.yaml", flow),), None, "", {}, lambda *_: None, lambda *_: None)
    assert validate_project(request).diagnostics == ()
