"""Places that are made of run-time values: what the run adds never leads out of their literal beginning."""

import ntpath
import posixpath
import re
from typing import Any
from urllib.parse import quote, unquote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firn_runtime.resolve import Scope, Unresolved, misshapen

FOLDER, API = "exports/", "https://api.example.com/v1/"


def place(prefix: str, *rest: str) -> dict[str, Any]:
    """Return a place as the compiler writes it: the literal beginning, a value, and perhaps more."""
    return {"$concat": [prefix, {"$env": {"name": "V"}}, *rest], "prefix": prefix}


def resolved(value: Any, *rest: str, prefix: str = FOLDER) -> Any:
    node = place(prefix, *rest)
    assert list(misshapen(node, "path")) == []
    return Scope({"V": value}, {}).resolve(node)


def held(value: Any, *rest: str, prefix: str = FOLDER) -> bool:
    """Whether the run refuses the value, in the one sentence that shows the beginning and not the value."""
    said = ""
    try:
        resolved(value, *rest, prefix=prefix)
    except Unresolved as error:
        said = str(error)
    assert said in ("", f"a value of the run leads out of `{prefix}`")
    return said != ""


UP = [
    "..",
    "../x",
    "x/..",
    "x/../y",
    "../../../etc/passwd",
    "/..",
    "/../x",
    "//../x",
    "x//..//y",
    "..\\x",
    "x\\..\\y",
    "x/..\\y",
    "x\\../y",
    "./..",
    "x/./../../y",
]
ENCODED = [
    "%2e%2e",
    "%2E%2e/x",
    ".%2e/x",
    "%2e./x",
    "x%2f..%2fy",
    "..%2f",
    "..%2F",
    "x%5c..%5cy",
    "..%5C",
    "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "x%2F%2e%2E",
]
CONTROL = ["\0", "a\0.csv", "\n", "a\nb", "a\r\nHost: b", "\t", "\x1b[2J", "\x1f", "\x01"]
INSIDE = [
    "",
    "2026-01-01",
    "a/b/c",
    ".",
    "./x",
    "...",
    "....",
    "..x",
    "x..",
    "x..y",
    ".hidden",
    ". .",
    ".. ",
    " ..",
    "~",
    "~root",
    "$HOME",
    "*",
    "a b",
    "-rf",
    "C:",
    "%",
    "%2",
    "%zz",
    "100%",
    "%c0%ae%c0%ae",
]
"""Looks like a way out, or odd, and is a name like any other."""
ABSOLUTE = [
    "/",
    "/etc/passwd",
    "//host/share",
    "///x",
    "\\\\host\\share",
    "\\etc",
    "file:///etc/passwd",
    "https://evil.example",
]
HOSTS = ["@evil.example", "user:pw@evil.example/", ":8080", "//evil.example/x", "?x=1", "#x", "evil.example"]
LOOKALIKES = [
    "\uff0e\uff0e/x",
    "\u2025/x",
    "\u2024\u2024/x",
    "..\u2215x",
    "..\u2044x",
    "..\uff0fx",
    "..\uff3cx",
    "..\u29f8x",
    "\u200b../x",
    ".\u200b./x",
    ".\u0338./x",
]


@pytest.mark.parametrize("value", [*UP, *ENCODED, *CONTROL])
@pytest.mark.parametrize("prefix", [FOLDER, API, "a", "/data/", "out/day="])
def test_what_leads_out_is_held(prefix: str, value: str) -> None:
    whole = prefix if prefix.endswith("/") else prefix + "/"
    assert held(value, prefix=whole)
    assert held(f"/{value}", prefix=prefix)
    assert held(value, "/x.parquet", prefix=whole)


@pytest.mark.parametrize("value", [*INSIDE, *ABSOLUTE, *HOSTS, *LOOKALIKES])
def test_what_stays_inside_passes_as_it_is(value: str) -> None:
    assert resolved(value) == f"{FOLDER}{value}"
    assert resolved(value, "/x.parquet", prefix=API) == f"{API}{value}/x.parquet"


@pytest.mark.parametrize("value", [*ABSOLUTE, *HOSTS, *LOOKALIKES])
def test_no_value_changes_the_host(value: str) -> None:
    before, after = urlsplit(API), urlsplit(resolved(value, prefix=API))
    assert (after.scheme, after.netloc) == (before.scheme, before.netloc)
    assert after.path.startswith("/v1/")


@pytest.mark.parametrize(
    ("parts", "out"),
    [
        (["exports/.", {"$env": {"name": "DOT"}}], True),
        (["exports/", {"$env": {"name": "DOT"}}, {"$env": {"name": "DOT"}}], True),
        (["exports/", {"$env": {"name": "DOT"}}, "./x"], True),
        (["exports/", {"$env": {"name": "DOT"}}, "%2e/x"], True),
        (["exports/.", {"$env": {"name": "HALF"}}, "e/x"], True),
        (["exports/", {"$env": {"name": "DOT"}}, "x"], False),
        (["exports/x", {"$env": {"name": "DOT"}}, "."], False),
        (["exports/", {"$concat": [{"$env": {"name": "DOT"}}, "./x"]}], True),
        (["exports/", {"$ref": "run.id", "default": "../x"}], True),
        (["exports/", {"$env": {"name": "NONE", "default": "../x"}}], True),
        (["exports/", "../x"], True),
    ],
)
def test_the_whole_is_looked_at_and_not_each_part(parts: list[Any], out: bool) -> None:
    scope = Scope({"DOT": ".", "HALF": "%2"}, {}, {})
    node = {"$concat": parts, "prefix": parts[0]}
    if not out:
        assert str(scope.resolve(node)).startswith("exports/")
        return
    with pytest.raises(Unresolved) as caught:
        scope.resolve(node)
    assert str(caught.value) == f"a value of the run leads out of `{parts[0]}`"


@pytest.mark.parametrize("value", [*UP, *ENCODED, *CONTROL])
def test_a_text_that_is_no_place_is_not_held(value: str) -> None:
    assert Scope({"V": value}, {}).resolve({"$concat": [FOLDER, {"$env": {"name": "V"}}]}) == FOLDER + value


@pytest.mark.parametrize(("value", "text"), [(7, "7"), (2.5, "2.5"), (True, "true"), (False, "false"), ("", "")])
def test_a_value_of_a_step_is_spelled_as_in_any_text(value: Any, text: str) -> None:
    scope = Scope({}, {}, {"steps": {"a": {"outputs": {"n": value}}}})
    assert scope.resolve({"$concat": [FOLDER, {"$ref": "steps.a.outputs.n"}], "prefix": FOLDER}) == FOLDER + text


@pytest.mark.parametrize(("value", "kind"), [(None, "null"), (["../x"], "a list"), ({"a": "../x"}, "a mapping")])
def test_a_value_that_is_no_text_is_refused_before_it_is_looked_at(value: Any, kind: str) -> None:
    scope = Scope({}, {}, {"steps": {"a": {"outputs": {"n": value}}}})
    with pytest.raises(Unresolved) as caught:
        scope.resolve({"$concat": [FOLDER, {"$ref": "steps.a.outputs.n"}], "prefix": FOLDER})
    assert str(caught.value) == f"{kind} cannot become part of a text"


STEPS = st.sampled_from(
    ["..", ".", "/", "\\", "a", "%2e", "%2E", "%2f", "%5C", "%", "25", *"@:?#;", "\n", "\x7f", "é", "．", "~", ""]
)
VALUES = st.lists(STEPS | st.text(max_size=3), max_size=8).map("".join)


@given(VALUES, st.sampled_from(["", ".csv", "/x", "/."]))
def test_what_passes_is_below_its_folder_on_every_system(value: str, rest: str) -> None:
    try:
        made = resolved(value, rest)
    except Unresolved:
        return
    assert made == FOLDER + value + rest
    for text in (made, unquote(made)):
        assert posixpath.normpath(text) == "exports" or posixpath.normpath(text).startswith("exports/")
        assert ntpath.normpath(text) == "exports" or ntpath.normpath(text).startswith("exports\\")


@given(VALUES)
def test_what_passes_is_below_its_url(value: str) -> None:
    try:
        made = resolved(value, prefix="users/")
    except Unresolved:
        return
    parts = urlsplit(urljoin(API, made))
    assert (parts.scheme, parts.netloc) == ("https", "api.example.com")
    path = posixpath.normpath(unquote(parts.path))
    assert path == "/v1/users" or path.startswith("/v1/users/")


@pytest.mark.parametrize("value", ["..?", "..?all=1", "x/..?all=1", "..#", "..#/x", "..;", "..;all=1", "%2e%2e?all=1"])
def test_a_step_up_before_the_query_of_a_url_is_held(value: str) -> None:
    """What a connector asks for is joined as a URL: `users/..?all=1` asks for what is above `users/`."""
    assert held(value, prefix="users/")


@given(VALUES)
def test_what_is_held_has_a_step_up_or_a_control_character(value: str) -> None:
    steps = re.split(r"[/\\?#;]", unquote(value))
    assert held(value) is (".." in steps or any(char < " " for char in value))


@given(st.text(st.characters(codec="utf-8", exclude_characters="./\\%", min_codepoint=32), min_size=1))
def test_an_ordinary_name_passes_plain_and_quoted(name: str) -> None:
    assert resolved(name) == FOLDER + name
    assert resolved(quote(name, safe=""), prefix=API) == API + quote(name, safe="")


@pytest.mark.parametrize("value", ["%252e%252e/x", "..%252fx", "%25252e%25252e", "a%00.csv", "a%0d%0aHost: b"])
def test_a_text_is_decoded_once_and_only_for_its_steps(value: str) -> None:
    assert resolved(value, prefix=API) == API + value


@pytest.mark.parametrize(
    "node",
    [
        {"$concat": ["a/", {"$ref": "run.id"}], "prefix": "b/"},
        {"$concat": ["a/", {"$ref": "run.id"}], "prefix": ""},
        {"$concat": ["a/", {"$ref": "run.id"}], "prefix": None},
        {"$concat": ["a/", {"$ref": "run.id"}], "prefix": ["a/"]},
        {"$concat": [{"$ref": "run.id"}, "a/"], "prefix": "a/"},
        {"$concat": [], "prefix": "a/"},
        {"$concat": "a/", "prefix": "a/"},
        {"$ref": "run.id", "prefix": "a/"},
        {"$env": {"name": "A"}, "prefix": "a/"},
        {"$concat": ["a/"], "prefix": "a/", "more": 1},
    ],
)
def test_a_beginning_that_is_not_the_places_own_is_found(node: Any) -> None:
    assert list(misshapen({"path": node}, "inputs")) != []


@pytest.mark.parametrize("first", [{"$env": {"name": "V"}}, 1, True, None, [], ""])
def test_a_beginning_is_a_text_that_says_something(first: Any) -> None:
    assert list(misshapen({"$concat": [first, "/x"], "prefix": first}, "path")) != []


def argument(value: Any, *rest: Any) -> Any:
    node: Any = {"$concat": [{"$ref": "run.value"}, *rest], "operand": True}
    assert list(misshapen(node, "command[1]")) == []
    return Scope({}, {}, {"run": {"value": value}}).resolve(node)


@pytest.mark.parametrize("value", ["-o", "--x=y", "-", "--"])
def test_an_argument_that_a_result_begins_is_no_option(value: str) -> None:
    with pytest.raises(Unresolved, match="begins with `-`: the program would take it for an option"):
        argument(value, ".csv")


def test_a_negative_number_is_an_argument_as_any_other() -> None:
    assert (argument(-5), argument(-0.5), argument("a-b")) == ("-5", "-0.5", "a-b")


@pytest.mark.parametrize(
    "node", [{"$concat": [], "operand": True}, {"$concat": ["a"], "operand": 1}, {"$ref": "a", "operand": True}]
)
def test_an_operand_is_a_text_of_parts(node: Any) -> None:
    assert list(misshapen(node, "command")) != []
