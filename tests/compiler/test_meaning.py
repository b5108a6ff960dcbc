"""What changes the digest and what does not; what the artifact says of a flow."""

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.projects import FLOW, PLATFORM, compiled, source
from compiler.styles import styled
from firn_compiler.assembly import Request
from firn_compiler.document import value_of
from firn_compiler.pipeline import Compilation, validate_project
from firn_compiler.yaml_source import parse

FLIGHTS = Path(__file__).parents[2] / "platform-examples" / "02-flights"
CHANCE = st.integers(0, 2**32).map(random.Random)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(-1e6, 1e6).filter(lambda number: not number.is_integer())
    | st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S", "Zs"]) | st.sampled_from("\n\t\u200b\u2028"))
    | st.sampled_from(
        ["no", "010", "1:30", "~", "null", "True", "1e3", "a: b", "a #b", "- x", "*a", "x\ny\n", " x", ""]
    )
)
KEYS = st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20
)


def tree_of(text: str | bytes) -> dict[str, Any]:
    parsed = parse(source("flow.yaml", text))
    assert not parsed.found
    assert parsed.document is not None
    found: dict[str, Any] = value_of(parsed.document.root)
    return found


def flights() -> tuple[dict[str, Any], dict[str, Any], dict[str, str]]:
    """Return an example as trees: its flow, its platform, and the file that the platform extends."""
    platform = tree_of((FLIGHTS / "platform" / "prod" / "platform.yaml").read_bytes()) | {"environment": "prod"}
    base = (FLIGHTS / "platform" / "base" / "platform.yaml").read_text()
    return tree_of((FLIGHTS / "flow.yaml").read_bytes()), platform, {"../base/platform.yaml": base}


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


def test_how_many_files_are_moved_at_once_is_a_matter_of_operation() -> None:
    step = "  - {id: fetched, type: download, inputs: {resource: storage, files: a, dest_dir: raw, parallelism: N}}\n"
    slow, fast = (payload(compiled(FLOW + step.replace("N", count)))["flows"]["hello"] for count in "28")
    assert slow["fingerprint"]["data"] == fast["fingerprint"]["data"]
    assert slow["fingerprint"]["operation"] != fast["fingerprint"]["operation"]


def test_a_changed_step_changes_the_fingerprints_of_itself_and_of_what_follows() -> None:
    def prints(flow: str) -> list[str]:
        steps = payload(compiled(flow))["flows"]["hello"]["jobs"][0]["steps"]
        return [step["fingerprint"]["data"] for step in steps]

    first, second = prints(FLOW), prints(FLOW.replace("orders.parquet", "other.parquet"))
    assert first[0] == second[0]
    assert first[1] != second[1]
    assert not set(first) & set(prints(FLOW.replace("orders.csv", "other.csv")))


def test_a_step_under_a_lock_stands_on_its_resource_as_any_other() -> None:
    write = "{type: write, inputs: {from: orders, resource: storage, path: o.parquet, mode: replace}}"
    locked = FLOW + f"  - {{id: locked, type: with_lock, inputs: {{key: k, step: {write}}}}}\n"

    def prints(platform: str) -> list[str]:
        steps = payload(compiled(locked, platform=platform))["flows"]["hello"]["jobs"][0]["steps"]
        return [step["fingerprint"]["data"] for step in steps if step["id"] == "locked"]

    assert prints(PLATFORM) != prints(PLATFORM.replace("root: out", "root: elsewhere"))


def test_nothing_of_the_machine_is_in_the_artifact() -> None:
    text = (compiled().artifact or b"").decode()
    assert not any(
        word in text for word in (str(Path.cwd()), str(FLIGHTS.parents[1]), "/tmp", "/root", "/home", "0.1.0")
    )


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
    history = {place.pointer: [value for _, value in place.replaced] for place in result.places}
    assert history["/flows/hello/resources/src/config/root"] == ["base"]


@pytest.mark.parametrize(("value", "lowered"), [("7", 7), ("text", "text"), ("true", True)])
def test_a_variable_keeps_its_type_where_it_is_the_whole_value(value: str, lowered: Any) -> None:
    flow = FLOW + "  - {id: look, type: check_items, inputs: {items: ['{{ var.v }}', 'a{{ var.v }}b']}}\n"
    result = compiled(flow.replace("steps:", f"variables: {{v: {value}}}\nsteps:"))
    items = payload(result)["flows"]["hello"]["jobs"][0]["steps"][-1]["inputs"]["items"]
    assert items == [lowered, f"a{value}b"]


def test_the_command_line_overrides_the_platform_which_overrides_the_flow() -> None:
    flow = FLOW.replace("orders.csv", "{{ var.a }}-{{ var.b }}-{{ var.c }}.csv").replace(
        "steps:", "variables: {a: flow, b: flow, c: flow}\nsteps:"
    )
    flow = flow.replace("path: {{", "path: '{{").replace(".csv}", ".csv'}")
    result = compiled(flow, PLATFORM + "variables: {b: platform, c: platform}\n", c="command")
    assert payload(result)["flows"]["hello"]["jobs"][0]["steps"][0]["inputs"]["path"] == "flow-platform-command.csv"


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


@given(st.dictionaries(KEYS, VALUES), CHANCE)
def test_every_style_is_read_as_the_same_tree(tree: dict[str, Any], chance: random.Random) -> None:
    assert repr(sorted_keys(tree_of(styled(tree, chance)))) == repr(sorted_keys(tree))


def sorted_keys(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: sorted_keys(value[key]) for key in sorted(value)}
    return [sorted_keys(item) for item in value] if isinstance(value, list) else value


@given(CHANCE)
def test_no_style_of_flow_platform_or_base_changes_the_artifact(chance: random.Random) -> None:
    flow, platform, files = flights()
    expected = compiled(styled(flow, random.Random(0)), styled(platform, random.Random(0)), files)
    base = {name: styled(tree_of(text), chance).decode() for name, text in files.items()}
    again = compiled(styled(flow, chance), styled(platform, chance), base)
    assert expected.artifact is not None, expected.diagnostics
    assert again.artifact == expected.artifact, again.diagnostics


@given(VALUES, CHANCE)
def test_no_style_of_a_variable_changes_the_artifact(value: Any, chance: random.Random) -> None:
    tree = tree_of(FLOW) | {"variables": {"v": value}}
    assert compiled(styled(tree, chance)).artifact == compiled(styled(tree, random.Random(0))).artifact


@given(VALUES, VALUES)
def test_another_value_of_a_variable_has_another_digest(one: Any, other: Any) -> None:
    trees = [tree_of(FLOW) | {"variables": {"v": value}} for value in (one, other)]
    digests = [compiled(styled(tree, random.Random(0))).digest for tree in trees]
    same = repr(sorted_keys(one)) == repr(sorted_keys(other))
    assert (digests[0] == digests[1] and same) or digests[0] != digests[1] or "" in digests


def changed(value: Any) -> Iterator[Any]:
    """Yield every tree that differs from this one in a single place."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield {name: other for name, other in value.items() if name != key}
            yield {(f"{name}_x" if name == key else name): other for name, other in value.items()}
            yield from ({**value, key: new} for new in changed(item))
        yield {**value, "added": 1}
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield value[:index] + value[index + 1 :]
            yield [*value[: index + 1], copy.deepcopy(item), *value[index + 1 :]]
            yield from ([*value[:index], new, *value[index + 1 :]] for new in changed(item))
            if index and item != value[index - 1]:
                yield [*value[: index - 1], item, value[index - 1], *value[index + 1 :]]
    elif isinstance(value, bool) or value is None:
        yield from (not value, "x")
    elif isinstance(value, (int, float)):
        yield from (value + 1, -value - 1, str(value))
    else:
        yield from (f"{value}x", f"{value} ", value.upper() if value.upper() != value else "x", "", None, [value])


def test_every_single_change_of_a_flow_is_an_error_or_has_a_digest_of_its_own() -> None:
    flow, platform, files = flights()
    chance = random.Random(1)
    trees = [flow, *changed(flow)]
    results = [compiled(styled(tree, chance), styled(platform, chance), files) for tree in trees]
    assert_told_apart(trees, results)


def test_every_single_change_of_a_platform_is_an_error_or_has_a_digest_of_its_own() -> None:
    flow, platform, files = flights()
    chance = random.Random(2)
    trees = [platform, *changed(platform)]
    assert_told_apart(trees, [compiled(styled(flow, chance), styled(tree, chance), files) for tree in trees])


def assert_told_apart(trees: list[Any], results: list[Compilation]) -> None:
    """Check that whatever could be frozen has as many digests as it has meanings."""
    frozen = [
        (repr(sorted_keys(tree)), result.digest) for tree, result in zip(trees, results, strict=True) if result.ok
    ]
    assert len(dict(frozen)) == len({digest for _, digest in frozen}) > 10
    assert frozen[0][0] == repr(sorted_keys(trees[0]))
    assert all(result.diagnostics for result in results if not result.ok)
