"""Typed nodes to values, and conditions to true or false."""

import os
from typing import Any

import pytest

from firn_runtime.resolve import Scope, Unresolved, misshapen, nodes

SCOPE = Scope({"DAY": "today"}, {}, {"jobs": {"a": {"outputs": {"n": 3, "rows": [{"x": None}]}}}, "run": {"id": "r1"}})


def op(name: str, *arguments: Any) -> dict[str, Any]:
    return {"$op": {"name": name, "args": list(arguments)}}


N = {"$ref": "jobs.a.outputs.n"}


@pytest.mark.parametrize(
    ("node", "value"),
    [
        (N, 3),
        ({"$ref": "jobs.a.outputs.rows[0].x"}, None),
        ({"$ref": "jobs.a.outputs.m", "default": "0"}, "0"),
        ({"$env": {"name": "DAY"}}, "today"),
        ({"$env": {"name": "HOUR", "default": "now"}}, "now"),
        ({"$concat": ["a-", N, "-", {"$ref": "run.id"}, True]}, "a-3-r1true"),
        ({"$literal": {"$ref": "x"}}, {"$ref": "x"}),
        ({"a": [N, {"b": N}]}, {"a": [3, {"b": 3}]}),
        (op(">", N, 2.5), True),
        (op("==", N, "3"), False),
        (op("!=", N, None), True),
        (op("and", op("<", N, 1), op("<", N, "text")), False),
        (op("or", op(">", N, 1), op("<", N, "text")), True),
        (op("not", op(">=", "b", "a")), False),
    ],
)
def test_a_node_has_its_value(node: Any, value: Any) -> None:
    assert SCOPE.resolve(node) == value


@pytest.mark.parametrize(
    ("node", "sentence"),
    [
        ({"$ref": "jobs.b.outputs.n"}, "there is no value at `jobs.b.outputs.n`"),
        ({"$env": {"name": "HOUR"}}, "the environment variable `HOUR` is not set"),
        ({"$concat": ["a", [1]]}, "a list cannot become part of a text"),
        (op("<", N, "3"), "`<` compares two numbers or two texts, not a number and text"),
        (op("not", N), "a condition needs true or false, not a number"),
        ({"$secret": {"ref": "a"}}, "a secret stands where none is allowed"),
        ({"$new": 1}, "the artifact holds a node of an unknown kind"),
    ],
)
def test_what_has_no_value_says_why(node: Any, sentence: str) -> None:
    with pytest.raises(Unresolved) as caught:
        SCOPE.resolve(node)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    "node",
    [
        {"$ref": 1},
        {"$ref": "a", "more": 1},
        {"$env": "A"},
        {"$env": {"name": 1}},
        {"$secret": {"key": "a"}},
        {"$secret": {"ref": "a", "more": "b"}},
        {"$concat": "a"},
        {"$literal": []},
        {"$op": {"name": "xor", "args": [1, 2]}},
        {"$op": {"name": "not", "args": [1, 2]}},
        {"$op": {"name": "==", "args": [1]}},
        {"$op": []},
        [{"a": {"$ref": None}}],
    ],
)
def test_a_node_that_the_compiler_never_writes_is_found(node: Any) -> None:
    assert list(misshapen(node, "x"))


def test_the_keys_of_a_literal_are_data_and_its_values_may_be_nodes() -> None:
    literal: Any = {"$literal": {"$ref": 7, "$env": {"name": "A"}, "$x": {"$env": {"name": "B"}}}}
    assert [(kind, path) for kind, path, _ in nodes(literal)] == [("$literal", ""), ("$env", "$literal.$x")]
    assert list(misshapen(literal, "x")) == []


def test_a_variable_whose_bytes_are_no_utf_8_is_named_and_not_shown() -> None:
    environ = {"HOST": os.fsdecode(b"caf\xe9")}
    with pytest.raises(Unresolved, match=r"^the environment variable `HOST` is not UTF-8 text$"):
        Scope(environ, {}).resolve({"$env": {"name": "HOST"}})
