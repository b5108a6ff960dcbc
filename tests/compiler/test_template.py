"""Templates: what is one, what is none, what each becomes, and where every mistake stands."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compiler.projects import FLOW, compiled
from firn_compiler.document import Deferred
from firn_compiler.template import (
    ROOTS,
    Constants,
    Placeholder,
    TemplateError,
    as_text,
    expand,
    expanded,
    might_be_template,
    parse,
    pieces,
)
from firn_runtime.resolve import Scope, misshapen

VARIABLES: dict[str, Any] = {
    "n": 3,
    "f": 2.5,
    "yes": True,
    "t": "text",
    "none": None,
    "l": [1, "a"],
    "m": {"a": 1},
    "a-b_1": "odd",
}
KNOWN = Constants(VARIABLES, {"name": "daily", "version": "1.2.0"})
PATHS = [
    "var.n",
    "flow.name",
    "env.HOME_DIR",
    "run.id",
    "steps.a-1.outputs.n",
    "jobs.b.outputs.rows[0].x[12]",
    "result.rows[0].y-z",
    "nope",
]
SPACES = st.sampled_from(["", " ", "  ", "\n", "\t ", " \r\n"])
LITERALS = st.text(st.characters(exclude_characters="{$"), min_size=1)
DEFAULTS = st.none() | st.text(st.characters(exclude_characters="{}")).map(str.strip)


def marked(text: str) -> tuple[str, int, int]:
    """Return the text without its marks, and what they stand around."""
    start, end = text.index("«"), text.index("»") - 1
    return text.replace("«", "").replace("»", ""), start, end


def refusal(text: str) -> TemplateError:
    """Return the one mistake in a text."""
    _, (error,) = expanded(text, KNOWN)
    return error


@given(st.lists(LITERALS | st.tuples(st.sampled_from(PATHS), DEFAULTS, SPACES, SPACES, SPACES), max_size=6))
def test_what_is_written_is_what_is_read(parts: list[Any]) -> None:
    text, expected = "", list[str | Placeholder]()
    for part in parts:
        start = len(text)
        if isinstance(part, str):
            text += part
            if expected and isinstance(expected[-1], str):
                expected[-1] += part
            else:
                expected.append(part)
        else:
            path, default, before, between, after = part
            inside = "" if default is None else f":{after}{default}"
            text += f"{{{{{before}{path}{between}{inside}{after}}}}}"
            expected.append(Placeholder(path, default, start, len(text)))
    assert list(parse(text)) == expected
    assert might_be_template(text) is any(isinstance(part, Placeholder) for part in expected)


@given(st.text(st.sampled_from("{}$%# \nab.:[0]'\"-évarn")))
def test_any_text_is_read_to_its_end_and_every_place_is_inside(text: str) -> None:
    at = 0
    for part in parse(text):
        start = text.index(part, at) if isinstance(part, str) else part.start
        end = start + len(part) if isinstance(part, str) else part.end
        assert at <= start <= end <= len(text)
        at = start if isinstance(part, TemplateError) else end
    assert might_be_template(text) or list(parse(text)) == ([text] if text else [])


@pytest.mark.parametrize(
    "text",
    ["", "a", "}}", "{ {var.n}}", "{", "$", "$$", "%}", "#}", "a}b{c", "$(x)", "%(x)s", "{0}", "{ a { b }}", "{var.n}"],
)
def test_what_is_no_template_is_text(text: str) -> None:
    assert not might_be_template(text)
    assert expand(text, KNOWN) == text if text else list(parse(text)) == []


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{{ var.n }}", 3),
        ("{{var.n}}", 3),
        ("{{\n  var.n\n}}", 3),
        ("{{ var.f }}", 2.5),
        ("{{ var.yes }}", True),
        ("{{ var.none }}", None),
        ("{{ var.l }}", [1, "a"]),
        ("{{ var.m }}", {"a": 1}),
        ("{{ var.a-b_1 }}", "odd"),
        ("{{ var.n:9 }}", 3),
        ("{{ flow.name }}", "daily"),
        ("{{ flow.version:x }}", "1.2.0"),
        ("{{ var.n }} ", "3 "),
        ("{{ var.n }}{{ var.f }}{{ var.yes }}", "32.5true"),
        ("{{ var.n }}}", "3}"),
        ("}}{{ var.t }}{", "}}text{"),
    ],
)
def test_what_is_known_is_replaced_and_keeps_its_type_alone(text: str, value: Any) -> None:
    found = expand(text, KNOWN)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("default", "value"),
    [
        ("5", 5),
        ("-5", -5),
        ("2.50", 2.5),
        ("true", True),
        ("True", True),
        ("yes", "yes"),
        ("null", None),
        ("", None),
        ("~", None),
        ("text", "text"),
        ("a: b", "a: b"),
        ("a:b", "a:b"),
        ("[1]", "[1]"),
        ("'5'", "5"),
        ('"null"', "null"),
        ("''", ""),
        ("' a '", " a "),
        ("'", "'"),
        ("'a", "'a"),
        ("'a\"", "'a\""),
        ('"a\'b"', "a'b"),
        ("2026-01-01", "2026-01-01"),
        ("0o17", "0o17"),
    ],
)
def test_a_default_means_what_it_would_in_yaml(default: str, value: Any) -> None:
    for spelled in (f"{{{{ var.q:{default} }}}}", f"{{{{var.q : {default}}}}}"):
        found = expand(spelled, KNOWN)
        assert (found, type(found)) == (value, type(value))
    node = expand(f"{{{{ run.id:{default} }}}}", KNOWN)
    assert isinstance(node, Deferred)
    assert node.node == {"$ref": "run.id", "default": value}


@pytest.mark.parametrize(("default", "value"), [("5", "5"), ("", ""), ("'5'", "5"), ("null", "null"), ("a b", "a b")])
def test_a_default_of_an_environment_variable_is_text(default: str, value: str) -> None:
    node = expand(f"{{{{ env.Q:{default} }}}}", KNOWN)
    assert isinstance(node, Deferred)
    assert node.node == {"$env": {"name": "Q", "default": value}}


@pytest.mark.parametrize(
    ("text", "node", "roots"),
    [
        ("{{ env.HOME }}", {"$env": {"name": "HOME"}}, {"env"}),
        ("{{ run.started_at }}", {"$ref": "run.started_at"}, {"run"}),
        ("{{ steps.a.outputs.n[0].x }}", {"$ref": "steps.a.outputs.n[0].x"}, {"steps"}),
        ("a{{ run.id }}", {"$concat": ["a", {"$ref": "run.id"}]}, {"run"}),
        ("{{ run.id }}{{ env.A }}", {"$concat": [{"$ref": "run.id"}, {"$env": {"name": "A"}}]}, {"env", "run"}),
        ("a{{ run.id }}b{{ var.n }}{{ var.t }}", {"$concat": ["a", {"$ref": "run.id"}, "b3text"]}, {"run"}),
    ],
)
def test_what_only_the_run_knows_becomes_a_node(text: str, node: Any, roots: set[str]) -> None:
    found = expand(text, KNOWN)
    assert found == Deferred(node, frozenset(roots))
    assert list(misshapen(node, "x")) == []


@given(
    st.lists(
        LITERALS | st.sampled_from(["var.n", "var.f", "var.yes", "var.t", "flow.name", "run.id", "env.A", "env.B:b"]),
        min_size=2,
    )
)
def test_the_run_makes_the_text_that_a_person_would_read(parts: list[str]) -> None:
    says = {path: as_text(VARIABLES[path[4:]]) for path in ("var.n", "var.f", "var.yes", "var.t")}
    says |= {"flow.name": "daily", "run.id": "r1", "env.A": "aa", "env.B:b": "b"}
    text = "".join(f"{{{{ {part} }}}}" if part in says else part for part in parts)
    found = expand(text, KNOWN)
    scope = Scope({"A": "aa"}, {}, {"run": {"id": "r1"}})
    resolved = scope.resolve(found.node) if isinstance(found, Deferred) else found
    assert resolved == "".join(says.get(part, part) for part in parts)
    done, errors = pieces(text, KNOWN)
    assert ([text[piece.start : piece.end] for piece in done], errors) == (
        [f"{{{{ {part} }}}}" if part in says else part for part in joined(parts, says)],
        [],
    )


def joined(parts: list[str], says: dict[str, str]) -> list[str]:
    """Return the parts with neighbouring literals as one."""
    made: list[str] = []
    for index, part in enumerate(parts):
        if index and part not in says and parts[index - 1] not in says:
            made[-1] += part
        else:
            made.append(part)
    return made


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("a «{{ b»", "E401", "the template is not closed"),
        ("«{{»", "E401", "the template is not closed"),
        ("«{{ var.n }»", "E401", "the template is not closed"),
        ("«{{}}» b", "E401", "the template is empty"),
        ("«{{ \n }}»", "E401", "the template is empty"),
        ("«{{ 1 }}»", "E401", "a template begins with a path"),
        ("«{{{ var.n }}»}", "E401", "a template begins with a path"),
        ("«{{-var.n-}}»", "E401", "a template begins with a path"),
        ("«{{ .n }}»", "E401", "a template begins with a path"),
        ("«{{ :x }}»", "E401", "a template begins with a path"),
        ("«{{ é.x }}»", "E401", "a template begins with a path"),
        ("{{ var.n «|» upper }}", "E401", "`|` is not expected here"),
        ("{{ var «.»n }}", "E401", "`.` is not expected here"),
        ("{{ var.n«(») }}", "E401", "`(` is not expected here"),
        ("{{ var.n «+» 1 }}", "E401", "`+` is not expected here"),
        ("{{ var.n «v»ar.t }}", "E401", "`v` is not expected here"),
        ("{{ result.a«[»x] }}", "E401", "`[` is not expected here"),
        ("{{ result.a«[»-1] }}", "E401", "`[` is not expected here"),
        ("{{ a «{»{ b }}", "E401", "`{` is not expected here"),
        ("é🙂 «${»HOME}", "E401", "`${…}` is not a template of this language"),
        ("«${{» var.n }}", "E401", "`${{ … }}` is not a template of this language"),
        ("«{%» if x %}", "E401", "`{% %}` is not allowed: templates hold no logic"),
        ("a«{#» x #}", "E401", "`{# #}` is not allowed"),
        ("a «{» var.n }}", "E401", "a template begins with two braces"),
        ("«{»run.id}} {{ run.id }}", "E401", "a template begins with two braces"),
        ("«{» env.DAY:today }}", "E401", "a template begins with two braces"),
        ("in/ «»run.id }}", "E401", "`}}` ends a template that nothing begins"),
        ("«{{ nope.x }}» b", "E402", "`nope.x` does not begin with a known root"),
        ("«{{ Var.n }}»", "E402", "`Var.n` does not begin with a known root"),
        ("«{{ secret.x }}»", "E402", "`secret.x` does not begin with a known root"),
        ("«{{ var }}»", "E401", "`var` is not a path of `var`"),
        ("«{{ var.m.a }}»", "E401", "`var.m.a` is not a path of `var`"),
        ("«{{ var.l[0] }}»", "E401", "`var.l[0]` is not a path of `var`"),
        ("«{{ env.a-b }}»", "E401", "`env.a-b` is not a path of `env`"),
        ("«{{ env[0] }}»", "E401", "`env[0]` is not a path of `env`"),
        ("«{{ run.now }}»", "E401", "`run.now` is not a path of `run`"),
        ("«{{ flow.owner }}»", "E401", "`flow.owner` is not a path of `flow`"),
        ("«{{ jobs.a.outputs }}»", "E401", "`jobs.a.outputs` is not a path of `jobs`"),
        ("«{{ jobs.a.n }}»", "E401", "`jobs.a.n` is not a path of `jobs`"),
        ("«{{ steps.a_b-1.output.n }}»", "E401", "`steps.a_b-1.output.n` is not a path of `steps`"),
        ("«{{ result }}»", "E401", "`result` is not a path of `result`"),
        ("a «{{ var.q }}» b", "E403", "there is no variable `q`"),
        ("a «{{ var.none }}»", "E405", "the template is null: it cannot stand inside a text"),
        ("«{{ var.l }}»{{ run.id }}", "E405", "the template is a list: it cannot stand inside a text"),
        ("{{ run.id }}«{{ var.m }}»", "E405", "the template is a mapping: it cannot stand inside a text"),
    ],
)
def test_a_mistake_is_named_at_its_place(text: str, code: str, message: str) -> None:
    bare, start, end = marked(text)
    found = refusal(bare)
    assert (found.code, found.message, found.start, found.end) == (code, message, start, end)


def test_every_mistake_of_a_text_is_found_at_once() -> None:
    text = "{{ nope }} ${x} {{ var.q }} {{ }} {% a {{ var.n }} {{ run"
    _, errors = expanded(text, KNOWN)
    assert [(one.code, text[one.start : one.end]) for one in errors] == [
        ("E402", "{{ nope }}"),
        ("E401", "${"),
        ("E403", "{{ var.q }}"),
        ("E401", "{{ }}"),
        ("E401", "{%"),
        ("E401", "{{ run"),
    ]


def test_a_misspelt_root_or_variable_has_the_nearest_as_help() -> None:
    roots = ", ".join(f"`{root}`" for root in sorted(ROOTS))
    assert refusal("{{ vars.n }}").help == f"roots: {roots}; did you mean `var`?"
    assert refusal("{{ var.txt }}").help == (
        "variables: `a-b_1`, `f`, `l`, `m`, `n`, `none`, `t`, `yes`; or give it with `--var txt=…`"
    )


@pytest.mark.parametrize("size", [1, 1000, 100_000])
def test_a_long_text_of_braces_is_answered(size: int) -> None:
    for text in (
        "{{" * size,
        "{{ var.n }}" * min(size, 1000),
        "{" * size,
        "{{ " + "a." * size + "a }}",
        "{{" + " " * size,
    ):
        expanded(text, KNOWN)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(st.sampled_from("ab$"), max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["a", "$ref", "$env", "$secret", "$literal", "$op"]), inner, max_size=2)
    ),
    max_leaves=6,
)


def asking(value: str, query: str = "select $x as x", more: str = "") -> str:
    """Return the flow with a query that binds a value."""
    asked = f"    type: sql\n    inputs: {{sql: '{query}', params: {{x: '{value}'{more}}}}}"
    flow = FLOW.replace("resources:\n  src: {profile: files}\n", "")
    return flow.replace("    type: read\n    inputs: {resource: src, path: orders.csv}", asked)


@given(VALUES)
def test_a_variable_is_data_for_the_run_whatever_its_keys_look_like(value: Any) -> None:
    flow = asking("{{ var.v }}")
    flow = flow.replace("steps:", f"variables: {{v: {json.dumps(value)}}}\nsteps:")
    result = compiled(flow)
    assert result.artifact is not None, result.diagnostics
    step = json.loads(result.artifact)["payload"]["flows"]["hello"]["jobs"][0]["steps"][0]
    assert list(misshapen(step["inputs"], "inputs")) == []
    assert Scope({}, {}).resolve(step["inputs"])["params"]["x"] == value


@pytest.mark.parametrize("number", ["1.0", "-0.0", "0.5", "9007199254740991"])
def test_a_default_of_the_run_may_be_any_number(number: str) -> None:
    flow = asking(f"{{{{ run.id:{number} }}}}")
    result = compiled(flow)
    assert result.artifact is not None, result.diagnostics
    step = json.loads(result.artifact)["payload"]["flows"]["hello"]["jobs"][0]["steps"][0]
    assert step["inputs"]["params"]["x"] == {"$ref": "run.id", "default": float(number)}


@pytest.mark.parametrize("number", ["1.5e300", "1e20", "9007199254740992", "-99999999999999999999", "9" * 5000])
@pytest.mark.parametrize("path", ["run.id", "var.q"])
def test_a_default_is_in_range_as_in_a_file(number: str, path: str) -> None:
    found = refusal(f"a {{{{ {path}:{number} }}}}")
    assert (found.code, found.message, found.start) == ("E401", "the default is outside ±9007199254740991", 2)
    assert isinstance(expand(f"{{{{ env.Q:{number} }}}}", KNOWN), Deferred)
    assert expand(f"{{{{ var.q:'{number}' }}}}", KNOWN) == number


@pytest.mark.parametrize("number", [1e20, 1.5e300, 2**53, -(2**60), float("inf"), "\udcff", [{"a": 1e20}]])
def test_a_variable_from_outside_is_one_that_a_file_could_hold(number: Any) -> None:
    flow = asking("{{ var.v }}")
    ((code, message),) = [(one.code, one.message) for one in compiled(flow, v=number).diagnostics]
    assert code == "E206"
    assert message.startswith("the variable `v` cannot be frozen: the ")


def test_a_whole_number_from_outside_keeps_its_point_in_a_text_alone() -> None:
    flow = asking("{{ var.v }}", "select $x as x, $y as y", ", y: 'v{{ var.v }}'")
    result = compiled(flow, v=1.0)
    assert result.artifact is not None, result.diagnostics
    step = json.loads(result.artifact)["payload"]["flows"]["hello"]["jobs"][0]["steps"][0]
    assert json.dumps(step["inputs"]["params"]) == '{"x": 1, "y": "v1.0"}'


@pytest.mark.parametrize("timeout", ["1.0", "90.0", "1000ms", "999999999d"])
def test_a_duration_may_be_any_number(timeout: str) -> None:
    assert compiled(FLOW.replace("type: read", f"type: read\n    timeout: {timeout}")).diagnostics == ()


@pytest.mark.parametrize("timeout", ["9999999999d", "9" * 400 + "d"])
def test_a_duration_is_short_enough_for_every_reader(timeout: str) -> None:
    found = compiled(FLOW.replace("type: read", f"type: read\n    timeout: {timeout}")).diagnostics
    assert [one.code for one in found] == ["E204"]
