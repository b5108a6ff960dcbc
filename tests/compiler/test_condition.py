"""Conditions: read as they are meant, refused where they cannot be decided, and decided by the run as Python would."""

import itertools
import json
import operator
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.projects import compiled
from firn_compiler.condition import Term, constant, type_errors
from firn_compiler.condition_text import MAX_DEPTH, MAX_TOKENS, parse_condition, read_condition
from firn_compiler.pipeline import Compilation
from firn_compiler.template import Constants, TemplateError
from firn_runtime.resolve import Scope, Unresolved, misshapen

OUTPUTS: dict[str, Any] = {
    "i": 3,
    "j": -2,
    "f": 2.5,
    "t": "text",
    "u": "a",
    "yes": True,
    "no": False,
    "none": None,
    "l": [1],
    "m": {"a": 1},
}
TYPES = {"i": "integer", "j": "number", "f": "number", "t": "string", "u": "string", "yes": "boolean", "no": "boolean"}
TYPES |= {"none": "null", "l": "array", "m": "object"}
KNOWN = Constants(
    {"n": 3, "f": 2.5, "t": "text", "yes": True, "none": None, "l": [1], "m": {"a": 1}}, {"name": "daily"}
)
SCOPE = Scope({}, {}, {"jobs": {"p": {"outputs": OUTPUTS}}})
CHANCE = st.integers(0, 2**32).map(random.Random)
COMPARISONS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
FLOW = """\
name: hello
version: "1.0.0"
variables: {whole: 1.0, half: 0.5, node: {$ref: run.id}}
jobs:
  - id: p
    steps:
      - id: count
        type: query
        inputs: {resource: compute, sql: select 1 as n}
        outputs: {n: "{{ result.rows[0].n }}"}
  - id: act
    depends_on: [p]
    when: WHEN
    steps: []
"""


def path(name: str) -> str:
    return f"jobs.p.outputs.{name}"


def types(name: str) -> str:
    return TYPES.get(name.removeprefix("jobs.p.outputs."), "any")


def parsed(text: str) -> Term:
    return parse_condition(text, KNOWN)


def refusal(text: str) -> TemplateError:
    with pytest.raises(TemplateError) as caught:
        parsed(text)
    return caught.value


def decided(text: str) -> Any:
    """Return what the run makes of a condition, by the compiler's own form of it."""
    lowered = parsed(text).lowered()
    assert list(misshapen(lowered, "when")) == []
    return SCOPE.resolve(lowered)


def marked(text: str) -> tuple[str, int, int]:
    start, end = text.index("«"), text.index("»") - 1
    return text.replace("«", "").replace("»", ""), start, end


def frozen(condition: str) -> Compilation:
    return compiled(FLOW.replace("WHEN", json.dumps(condition)))


# What is read


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("false", False),
        ("null", None),
        ("5", 5),
        ("-5", -5),
        ("2.50", 2.5),
        ("'a b'", "a b"),
        ("\"a 'b'\"", "a 'b'"),
        ("''", ""),
        ("'and'", "and"),
        ("var.n", 3),
        ("var.t", "text"),
        ("flow.name", "daily"),
        ("jobs.p.outputs.i", {"$ref": "jobs.p.outputs.i"}),
        ("jobs.a-b.outputs.rows[0].x", {"$ref": "jobs.a-b.outputs.rows[0].x"}),
        (" ( ( true ) ) ", True),
    ],
)
def test_an_operand_is_lowered_as_itself(text: str, value: Any) -> None:
    assert parsed(text).lowered() == value


def op(name: str, *arguments: Any) -> Any:
    return {"$op": {"name": name, "args": list(arguments)}}


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("true and false and true", op("and", True, False, True)),
        ("true and (false and true)", op("and", True, op("and", False, True))),
        ("true or false and true", op("or", True, op("and", False, True))),
        ("true and false or true", op("or", op("and", True, False), True)),
        ("(true or false) and true", op("and", op("or", True, False), True)),
        ("not true and false", op("and", op("not", True), False)),
        ("not (true and false)", op("not", op("and", True, False))),
        ("not not true", op("not", op("not", True))),
        ("not 1 == 2", op("not", op("==", 1, 2))),
        ("(not true) == false", op("==", op("not", True), False)),
        ("1 < 2 or 3>=-4", op("or", op("<", 1, 2), op(">=", 3, -4))),
        ("true\n  and\tnot\r\nfalse", op("and", True, op("not", False))),
        ("not(true)and(false)", op("and", op("not", True), False)),
    ],
)
def test_what_binds_tighter_is_deeper(text: str, tree: Any) -> None:
    assert parsed(text).lowered() == tree


def test_every_part_knows_where_it_stands() -> None:
    text = " not  (jobs.p.outputs.i >  2 ) or true"

    def spans(term: Term) -> list[str]:
        return [text[term.start : term.end], *(one for inner in term.arguments for one in spans(inner))]

    assert spans(parsed(text)) == [
        "not  (jobs.p.outputs.i >  2 ) or true",
        "not  (jobs.p.outputs.i >  2 )",
        "(jobs.p.outputs.i >  2 )",
        "jobs.p.outputs.i",
        "2",
        "true",
    ]


# What is refused


@pytest.mark.parametrize(
    ("text", "code", "message", "help"),
    [
        ("jobs.p.outputs.i «=» 1", "E404", "`=` is not an operator", "write `==`"),
        ("true «&&» false", "E404", "`&&` is not an operator", "write `and`"),
        ("true «||» false", "E404", "`||` is not an operator", "write `or`"),
        ("jobs.p.outputs.i «is  NOT» null", "E404", "`is  NOT` is not an operator", "write `!=`"),
        ("«!»true", "E404", "`!` is not an operator", "write `not`"),
        ("1 == «'abc»", "E404", "a quote is not closed", "close it with the same quote"),
        ("«\"abc'»", "E404", "a quote is not closed", "close it with the same quote"),
        ("true and «(»1 < 2", "E404", "a parenthesis is not closed", "end it with `)`"),
        ("«{{» var.n }} > 1", "E404", "a condition names its paths without braces", "write `var.n > 1`"),
        ("1 < 2 «<» 3", "E404", "`<` is not expected here", "compare twice: `a < b and b < c`"),
        ("1 < 2«)»", "E404", "`)` is not expected here", ""),
        ("«)»", "E404", "`)` is not expected here", ""),
        ("«and» true", "E404", "`and` is not expected here", ""),
        ("true «true»", "E404", "`true` is not expected here", ""),
        ("1 == «not» true", "E404", "`not` is not expected here", ""),
        ("«==» 1", "E404", "`==` is not expected here", ""),
        ("1 «-1»", "E404", "`-1` is not expected here", ""),
        ("'it'«'s'»", "E404", "`'s'` is not expected here", ""),
        ("var.n «in» (1)", "E404", "`in` is not expected here", ""),
        ("var.n «is» null", "E404", "`is` is not an operator", "write `==`"),
        ("true «AND» false", "E404", "`AND` is not an operator", "write `and`"),
        ("true «Or» false", "E404", "`Or` is not an operator", "write `or`"),
        ("«NOT» true", "E404", "`NOT` is not an operator", "write `not`"),
        ("var.none == «None»", "E404", "`None` is not a value", "write `null`"),
        ("«none» == var.none", "E404", "`none` is not a value", "write `null`"),
        ("var.yes == «FALSE»", "E404", "`FALSE` is not a value", "write `false`"),
        ("var.n «===» 3", "E404", "`===` is not an operator", "write `==`"),
        ("var.n «!==» 3", "E404", "`!==` is not an operator", "write `!=`"),
        ("var.n «=>» 3", "E404", "`=>` is not an operator", "write `>=`"),
        (
            "var.n > «99999999999999999999»",
            "E404",
            "the number is outside ±9007199254740991",
            "quote it to compare it as text",
        ),
        ("1 «+» 2 > 1", "E404", "the condition cannot be read from here", ""),
        ("«1»e3 > 1", "E404", "the condition cannot be read from here", ""),
        ("«1».5.2 > 1", "E404", "the condition cannot be read from here", ""),
        ("«1»a > 1", "E404", "the condition cannot be read from here", ""),
        ("«é» > 1", "E404", "the condition cannot be read from here", ""),
        ("true and  «~» 1", "E404", "the condition cannot be read from here", ""),
        ("result.rows«[»-1] > 1", "E404", "the condition cannot be read from here", ""),
        ("true or «nope.x»", "E402", "`nope.x` does not begin with a known root", ""),
        ("«True»", "E404", "`True` is not a value", "write `true`"),
        (
            "«jobs.p.status» == 'SUCCESS'",
            "E401",
            "`jobs.p.status` is not a path of `jobs`",
            "write `jobs.ID.outputs.KEY`; a job of `depends_on` has always succeeded, and its status is no value",
        ),
        ("1 < «jobs.a.n»", "E401", "`jobs.a.n` is not a path of `jobs`", "write `jobs.a.outputs.n`"),
        (
            "«jobs.a.outputs.0» == 1",
            "E401",
            "`jobs.a.outputs.0` is not a path of `jobs`",
            "write `jobs.ID.outputs.KEY`",
        ),
        ("not «var.q»", "E403", "there is no variable `q`", ""),
    ],
)
def test_a_mistake_is_named_at_its_place(text: str, code: str, message: str, help: str) -> None:
    bare, start, end = marked(text)
    found = refusal(bare)
    assert (found.code, found.message, found.start, found.end) == (code, message, start, end)
    assert found.help == help or not help


def test_every_mistake_that_can_be_read_past_is_found_at_once() -> None:
    text = "jobs.p.status = 1 AND nope.x <> None or 1 < var.q < 99999999999999999999 && (var.n ! )"
    tree, errors = read_condition(text, KNOWN)
    assert tree is None
    found = [(one.message, text[one.start : one.end]) for one in sorted(errors, key=lambda one: one.start)]
    assert found == [
        ("`jobs.p.status` is not a path of `jobs`", "jobs.p.status"),
        ("`=` is not an operator", "="),
        ("`AND` is not an operator", "AND"),
        ("`nope.x` does not begin with a known root", "nope.x"),
        ("`<>` is not an operator", "<>"),
        ("`None` is not a value", "None"),
        ("there is no variable `q`", "var.q"),
        ("`<` is not expected here", "<"),
        ("the number is outside ±9007199254740991", "99999999999999999999"),
        ("`&&` is not an operator", "&&"),
        ("a parenthesis is not closed", "("),
        ("`!` is not an operator", "!"),
    ]
    assert refusal(text).message == "`jobs.p.status` is not a path of `jobs`"


def test_what_follows_a_mistake_is_checked_as_it_was_meant() -> None:
    found = frozen("jobs.p.outputs.n > 1 AND nope.x == 'a' && jobs.q.outputs.n > 1 or not 'text'").diagnostics
    assert [(one.code, one.message) for one in found if one.code != "W303"] == [
        ("E404", "`AND` is not an operator"),
        ("E402", "`nope.x` does not begin with a known root"),
        ("E404", "`&&` is not an operator"),
        ("E306", "there is no job `q`"),
        ("E406", "`not` takes conditions, not text"),
    ]


@pytest.mark.parametrize("text", ["FALSE", "nope.x and false", "1 > 99999999999999999999", "1 < 2 < 3"])
def test_what_is_wrong_is_not_always_false_as_well(text: str) -> None:
    assert {one.code[0] for one in frozen(text).diagnostics if one.code != "W303"} == {"E"}


@pytest.mark.parametrize(("output", "kind"), [("{a: 1}", "a mapping"), ("[1]", "a list"), ("{}", "a mapping")])
def test_an_output_that_is_a_mapping_or_a_list_compares_with_nothing(output: str, kind: str) -> None:
    flow = FLOW.replace("{n: ", f"{{m: {output}, n: ")
    for text, message in (
        ("jobs.p.outputs.m > 1", f"`>` cannot compare {kind} with a number"),
        ("jobs.p.outputs.m == jobs.p.outputs.n", f"`==` cannot compare {kind} with a value"),
        ("jobs.p.outputs.m", f"the condition is {kind}, neither true nor false"),
    ):
        found = compiled(flow.replace("WHEN", text)).diagnostics
        assert [(one.code, one.message) for one in found if one.code != "W303"] == [("E406", message)]
    found = compiled(flow.replace("WHEN", "jobs.p.outputs.m != null and jobs.p.outputs.m.a > 1")).diagnostics
    assert [one.code for one in found if one.code != "W303"] == []


@pytest.mark.parametrize("text", ["true and", "not", "1 <", "(", "true or (1 ==  ", "not \n"])
def test_what_ends_too_early_is_named_at_its_end(text: str) -> None:
    found = refusal(text)
    end = len(text.rstrip())
    assert (found.code, found.message, found.start, found.end) == ("E404", "the condition ends too early", end - 1, end)


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_a_condition_says_something(text: str) -> None:
    found = refusal(text)
    assert (found.code, found.message, found.start, found.end) == ("E404", "the condition ends too early", 0, 0)


def test_the_unequal_sign_of_sql_is_answered_with_ours() -> None:
    found = refusal("var.n <> 1")
    assert (found.message, found.help, found.start, found.end) == ("`<>` is not an operator", "write `!=`", 6, 8)


# Limits


@pytest.mark.parametrize("nested", ["not ", "("])
def test_a_condition_is_nested_up_to_its_limit(nested: str) -> None:
    def text(depth: int) -> str:
        return nested * depth + "true" + (")" * depth if nested == "(" else "")

    assert parsed(text(MAX_DEPTH - 1)).lowered() is not None
    for depth in (MAX_DEPTH, MAX_TOKENS // 3):
        found = refusal(text(depth))
        assert (found.code, found.message) == ("E404", "the condition is nested too deep")
        assert (found.start, found.end) == (0, len(text(depth)))


def test_a_condition_is_as_long_as_its_limit() -> None:
    longest = " and ".join(["true"] * (MAX_TOKENS // 2))
    assert decided(longest) is True
    found = refusal(longest + " and true")
    assert (found.code, found.message, found.start) == ("E404", "the condition is too long", 0)


@pytest.mark.parametrize(
    "text", ["(" * 100_000, "not " * 100_000, "'" * 99_999, "-" * 100_000, "a." * 50_000, "1 " * 50_000]
)
def test_a_hostile_condition_is_answered(text: str) -> None:
    assert refusal(text).code in ("E401", "E402", "E404")


@pytest.mark.parametrize("opening", ["not ", "not (", "true and (", "true or false and (", "true == (", "not not ("])
def test_what_the_parser_takes_can_be_frozen(opening: str) -> None:
    inside = "jobs.p.outputs.n > 1"
    answers = [frozen(opening * n + inside + ")" * n * opening.count("(")) for n in range(MAX_DEPTH + 2)]
    accepted = [one.ok for one in answers]
    assert accepted == sorted(accepted, reverse=True)
    assert accepted[9]
    assert not accepted[-1]
    assert {found.code for one in answers for found in one.diagnostics} == {"E404"}


# Types


PAIRS = list(itertools.product(TYPES, TYPES))


def fits(sign: str, left: str, right: str) -> bool:
    """Say whether two types compare, as the language has it: numbers with numbers, text with text, null by equality."""
    kinds = {"integer": "number"}.get(left, left), {"integer": "number"}.get(right, right)
    if "any" in kinds:
        return not {"array", "object"} & set(kinds)
    if sign in ("==", "!="):
        return "null" in kinds or (kinds[0] == kinds[1] and kinds[0] not in ("array", "object"))
    return kinds in (("number", "number"), ("string", "string"))


@pytest.mark.parametrize("sign", COMPARISONS)
def test_a_comparison_takes_what_compares(sign: str) -> None:
    for left, right in PAIRS:
        text = f"true and {path(left)} {sign} {path(right)}"
        found = [(one.code, text[one.start : one.end]) for one in type_errors(parsed(text), types)]
        expected = [] if fits(sign, TYPES[left], TYPES[right]) else [("E406", text[9:])]
        assert found == expected, text


@pytest.mark.parametrize("sign", COMPARISONS)
@pytest.mark.parametrize("known", [*dict.fromkeys(TYPES.values()), "any"])
def test_what_is_not_known_compares_with_all_but_lists_and_mappings(sign: str, known: str) -> None:
    for text in (f"{path('x')} {sign} {path('y')}", f"{path('y')} {sign} {path('x')}"):
        found = list(type_errors(parsed(text), lambda name: known if name.endswith("x") else "any"))
        assert bool(found) is (known in ("array", "object"))


@pytest.mark.parametrize("sign", COMPARISONS)
def test_what_the_types_allow_the_run_decides_as_python_does(sign: str) -> None:
    for left, right in PAIRS:
        text = f"{path(left)} {sign} {path(right)}"
        if list(type_errors(parsed(text), types)):
            if sign not in ("==", "!="):
                with pytest.raises(Unresolved):
                    decided(text)
            continue
        assert decided(text) is COMPARISONS[sign](OUTPUTS[left], OUTPUTS[right]), text


@pytest.mark.parametrize("word", ["and", "or"])
@pytest.mark.parametrize("name", TYPES)
def test_a_connective_takes_conditions(word: str, name: str) -> None:
    text = f"{path(name)} {word} {path('yes')} {word} ({path(name)})"
    found = [text[one.start : one.end] for one in type_errors(parsed(text), types)]
    assert found == ([] if TYPES[name] == "boolean" else [path(name), f"({path(name)})"])


@pytest.mark.parametrize("name", TYPES)
def test_a_negation_takes_a_condition_and_a_job_too(name: str) -> None:
    fine = TYPES[name] == "boolean"
    for text, part in ((f"not  {path(name)}", path(name)), (path(name), path(name)), (f" ( {path(name)} )", None)):
        found = [(one.code, text[one.start : one.end]) for one in type_errors(parsed(text), types)]
        assert found == ([] if fine else [("E406", part or text.strip())])


@pytest.mark.parametrize(
    ("text", "message", "help"),
    [
        (
            "«jobs.p.outputs.i < 'a'»",
            "`<` cannot compare a number with text",
            "numbers compare with numbers, text with text; remove the quotes",
        ),
        (
            "«true < false»",
            "`<` cannot compare true or false with true or false",
            "numbers compare with numbers, text with text",
        ),
        ("not «jobs.p.outputs.l»", "`not` takes conditions, not a list", "compare it with something"),
        ("true or «5»", "`or` takes conditions, not a number", "compare it with something"),
        (
            "«var.m == var.m»",
            "`==` cannot compare a mapping with a mapping",
            "numbers compare with numbers, text with text",
        ),
        ("«'a'»", "the condition is text, neither true nor false", "compare it: `… > 0`, `… == 'done'`"),
        ("«null»", "the condition is null, neither true nor false", "compare it: `… > 0`, `… == 'done'`"),
    ],
)
def test_a_wrong_type_is_named_at_its_place(text: str, message: str, help: str) -> None:
    bare, start, end = marked(text)
    (found,) = type_errors(parsed(bare), types)
    assert (found.code, found.message, found.help, found.start, found.end) == ("E406", message, help, start, end)


def test_every_wrong_type_is_found_at_once() -> None:
    text = "jobs.p.outputs.t > 1 and (not jobs.p.outputs.i or jobs.p.outputs.l == 3)"
    found = [text[one.start : one.end] for one in type_errors(parsed(text), types)]
    assert found == ["jobs.p.outputs.t > 1", "jobs.p.outputs.i", "jobs.p.outputs.l == 3"]


# What it comes to


class Made:
    """A condition of right types by chance, as Firn and as Python spell it."""

    def __init__(self, chance: random.Random, *, known: bool) -> None:
        self.chance = chance
        self.known = known

    def condition(self, depth: int) -> tuple[str, str]:
        kind = self.chance.choice(
            ("and", "or", "not", "compare", "compare", "literal") if depth else ("literal", "compare")
        )
        if kind == "literal":
            return self.operand("boolean")
        if kind == "compare":
            return self.comparison(depth)
        if kind == "not":
            firn, python = self.condition(depth - 1)
            return f"not {firn}", f"not {python}"
        parts = [self.part(kind, depth - 1) for _ in range(self.chance.choice((2, 2, 3)))]
        firn, python = (f" {kind} ".join(one[side] for one in parts) for side in (0, 1))
        return f"{firn}", f"{python}"

    def part(self, word: str, depth: int) -> tuple[str, str]:
        """Return a part that may need no parentheses, and has them half of the time."""
        firn, python = self.condition(depth)
        return (f"({firn})", f"({python})") if self.chance.random() < 0.5 else (firn, python)

    def comparison(self, depth: int) -> tuple[str, str]:
        kind = self.chance.choice(("number", "string", "boolean", "null"))
        signs = [*COMPARISONS] if kind in ("number", "string") else ["==", "!="]
        sign, space = self.chance.choice(signs), self.chance.choice(("", " ", "  "))
        left, right = self.operand(kind), self.operand(kind)
        if kind == "boolean" and depth:
            inner = self.condition(depth - 1)
            left = f"({inner[0]})", f"({inner[1]})"
        if kind == "null":
            right = self.operand(self.chance.choice(("number", "string", "boolean", "null")))
        return tuple(f"{left[side]}{space}{sign}{space}{right[side]}" for side in (0, 1))  # type: ignore[return-value]  # of two

    def operand(self, kind: str) -> tuple[str, str]:
        literals = {
            "number": [("3", "3"), ("-2", "-2"), ("2.5", "2.5"), ("0", "0")],
            "string": [("'a'", "'a'"), ('"text"', "'text'"), ("''", "''")],
            "boolean": [("true", "True"), ("false", "False")],
            "null": [("null", "None")],
        }[kind]
        same = {"integer": "number"}
        paths = [(path(one), repr(OUTPUTS[one])) for one, found in TYPES.items() if same.get(found, found) == kind]
        return self.chance.choice(literals if self.known else [*literals, *paths])


@settings(max_examples=300)
@given(CHANCE)
def test_the_run_decides_as_python_does(chance: random.Random) -> None:
    firn, python = Made(chance, known=False).condition(4)
    assert list(type_errors(parsed(firn), types)) == [], firn
    assert decided(firn) is eval(python), firn


@settings(max_examples=300)
@given(CHANCE)
def test_what_is_always_the_same_is_known_or_not_said(chance: random.Random) -> None:
    firn, python = Made(chance, known=True).condition(4)
    found = constant(parsed(firn))
    assert found is None or found is eval(python), firn


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("false and jobs.p.outputs.i > 1", False),
        ("jobs.p.outputs.i > 1 and false", False),
        ("true or jobs.p.outputs.i > 1", True),
        ("not (true or jobs.p.outputs.yes)", False),
        ("true and jobs.p.outputs.yes", None),
        ("false or jobs.p.outputs.yes", None),
        ("not jobs.p.outputs.yes", None),
        ("var.n > 5", False),
        ("var.t == 'text'", True),
        ("flow.name != 'daily'", False),
        ("1 == 1.5", False),
        ("(1 < 2) == true", None),
        ("5", None),
        ("null", None),
    ],
)
def test_a_constant_is_seen_through_what_the_run_adds(text: str, value: bool | None) -> None:
    assert constant(parsed(text)) is value


@pytest.mark.parametrize("text", ["false and jobs.p.outputs.gone", "true or jobs.p.outputs.gone > 1"])
def test_what_is_decided_is_not_asked_for(text: str) -> None:
    assert decided(text) is text.startswith("true")
    with pytest.raises(Unresolved):
        decided(f"jobs.p.outputs.gone == 1 or {text}")


def test_a_variable_is_data_whatever_its_keys_look_like() -> None:
    tree = parse_condition("var.node == null", Constants({"node": {"$ref": "jobs.p.outputs.none"}}, {}))
    assert SCOPE.resolve(tree.lowered()) is False


# In a flow


def test_a_mistake_stands_in_the_file_where_it_stands_in_the_condition() -> None:
    for scalar in (
        "jobs.p.outputs.n\n      «=» 1",
        "'jobs.p.outputs.n == ''a''\n\n      «&&» true'",
        "|\n      true and\n      «nope.x»\n",
    ):
        flow, start, end = marked(FLOW.replace("WHEN", scalar))
        (found,) = [one for one in compiled(flow).diagnostics if one.code in ("E402", "E404")]
        before = flow[:start].splitlines()
        assert (found.span.line, found.span.column) == (len(before), len(before[-1]) + 1)
        assert (found.span.end_line, found.span.end_column) == (len(before), len(before[-1]) + 1 + end - start)
        assert found.path == "jobs[1].when"


@pytest.mark.parametrize("number", ["1.0", "-0.0", "100.00", "9007199254740992", "-99999999999999999999", "var.whole"])
def test_a_condition_may_hold_any_number(number: str) -> None:
    result = frozen(f"jobs.p.outputs.n > {number}")
    assert result.ok or result.diagnostics


@pytest.mark.parametrize("number", ["1", "-1", "0.5", "-2.50", "9007199254740991", "0.0000001", "var.half"])
def test_a_condition_holds_numbers(number: str) -> None:
    assert frozen(f"jobs.p.outputs.n > {number}").diagnostics == ()


def test_what_is_too_deep_for_the_artifact_is_said_to_be() -> None:
    deep = "1"
    for _ in range(36):
        deep = f"{{$a: {deep}}}"
    flow = FLOW.replace("variables: {", f"variables: {{deep: {deep}, ")
    (found,) = compiled(flow.replace("WHEN", "not " * 25 + "var.deep == null or jobs.p.outputs.n > 1")).diagnostics
    assert (found.code, found.message) == ("E206", "a value cannot be frozen: containers are nested deeper than 100")
    assert (found.path, found.span.line) == ("flows.hello.jobs[1].when", 1)
