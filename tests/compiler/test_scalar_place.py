"""What stands inside a scalar is found in its file: the bytes of the file itself are the judge."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.projects import FLOW, compiled, source
from compiler.scalars import STYLES, Scalars, escapes_of
from firn_compiler.document import Document, Scalar, Span, walk
from firn_compiler.scalar_text import place_in
from firn_compiler.yaml_source import parse

MARK = "MARK"
TEMPLATE = "{{ nope.x }}"
CHANCE = st.integers(0, 2**32).map(random.Random)
BREAKS = st.sampled_from(["\n", "\r\n", "\r"])
SAFE = "ab'\"\\é漢🙂\u0301-"
"""What may stand in plain text; it is wide, or combines, or means something in another style."""
SIGNS = SAFE + ":#}[],&*!|>@`?/"
TEMPTING = ("MAR", "ARK", "mark", "a", "a")
"""Words that could be taken for the one that is meant, or for one another."""
CONTEXTS = (("key: ", 0), ("m:\n  key: ", 2), ("m:\n - x\n - key: ", 3), ("m:\n    key:   ", 4))
STYLE = pytest.mark.parametrize("style", STYLES)


def words(chance: random.Random, style: str, mark: str) -> list[str]:
    """Return a few words, and the mark among them."""
    found = [chance.choice((word(chance, style), word(chance, style), *TEMPTING)) for _ in range(chance.randrange(7))]
    found.insert(chance.randrange(len(found) + 1), mark)
    return found if style != "plain" or found[0] != TEMPLATE else ["a", *found]


def word(chance: random.Random, style: str) -> str:
    signs = SAFE if style == "plain" else SIGNS
    text = "".join(chance.choice(signs) for _ in range(chance.randrange(1, 5)))
    return "a" + text if style == "plain" and text[0] in "-'\"\\" else text


def file_with(chance: random.Random, style: str, mark: str, line_break: str) -> str:
    """Return a file whose `key` is a scalar with the mark in it."""
    head, parent = chance.choice(CONTEXTS)
    scalar: str = getattr(Scalars(chance, parent, mark), style)(words(chance, style, mark))
    before, anchor = chance.choice(("", "# x\n", "before: 1\n")), chance.choice(("", "", "&a "))
    after = chance.choice(("", "\n", "\nnext: 1", "\nnext: MAR\n"))
    return (before + head + anchor + scalar + after).replace("\n", line_break)


def key_of(text: str) -> tuple[Document, Scalar]:
    parsed = parse(source("f", text)).document
    assert parsed is not None, text
    (found,) = [node for path, node in walk(parsed.root) if path[-1:] == ("key",)]
    assert isinstance(found, Scalar)
    return parsed, found


def standing(file: str, text: str, written: str) -> Span:
    """Return where `written` stands in a text, which holds it once."""
    assert text.count(written) == 1, (text, written)
    before = text[: text.index(written)]
    ends = (before + "x").splitlines(), (before + written).splitlines()
    return Span(file, len(ends[0]), len(ends[0][-1]), len(ends[1]), len(ends[1][-1]) + 1)


def reported(text: str, mark: str) -> Span:
    """Return what the compiler takes for the place of the mark."""
    document, scalar = key_of(text)
    value = str(scalar.value)
    assert value.count(mark) == 1, (text, value)
    at = value.index(mark)
    return place_in(document.lines, scalar.span, value, at, at + len(mark))


@STYLE
@settings(max_examples=150)
@given(CHANCE, BREAKS)
def test_a_word_is_found_where_it_stands(style: str, chance: random.Random, line_break: str) -> None:
    text = file_with(chance, style, MARK, line_break)
    assert reported(text, MARK) == standing("f", text, MARK), text


@settings(max_examples=150)
@given(
    CHANCE, st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]) | st.sampled_from("\"\\'"), min_size=1)
)
def test_a_word_of_escapes_is_found_with_all_of_them(chance: random.Random, inside: str) -> None:
    mark = f"<M{inside}K>"
    written = "".join(chance.choice(escapes_of(one)) for one in mark)
    for open_, text in (('"', written), ("'", mark.replace("'", "''"))):
        line = f"key: {open_}é漢 {text} x{open_}\n"
        assert reported(line, mark) == standing("f", line, text), line


@pytest.mark.parametrize("escape", [*(f"\\{one}" for one in ' "/\\tnN_LP\t'), "\\x41", "\\u0041", "\\U00000041"])
def test_a_word_is_found_behind_every_escape(escape: str) -> None:
    text = f'key: "é{escape}MARK {escape}"\n'
    assert reported(text, MARK) == standing("f", text, MARK)


@STYLE
@settings(max_examples=60)
@given(CHANCE, BREAKS)
def test_a_template_that_is_wrong_is_found_where_it_stands(style: str, chance: random.Random, line_break: str) -> None:
    scalar = getattr(Scalars(chance, 0, TEMPLATE), style)(words(chance, style, TEMPLATE))
    flow = FLOW.replace("version:", f"description: {scalar}\nversion:").replace("\n", line_break)
    found = [(one.code, one.span) for one in compiled(flow).diagnostics]
    assert found == [("E402", standing("flow.yaml", flow, TEMPLATE))], flow


@STYLE
@settings(max_examples=60)
@given(CHANCE, BREAKS)
def test_a_table_that_is_unknown_is_found_where_it_stands(style: str, chance: random.Random, line_break: str) -> None:
    query = [
        "select",
        "'é🙂\u0301'",
        "as",
        '"漢 b"',
        ",",
        "'it''s'",
        "as",
        "a",
        "from",
        "NOWHERE",
        "as",
        "t",
        "where",
        "1=1",
    ]
    scalar = getattr(Scalars(chance, 6, "NOWHERE", apart=True), style)(query)
    step = f"  - id: s\n    type: sql\n    inputs:\n      sql: {scalar}\n"
    flow = FLOW.replace("from: orders", "from: s").replace("  - id: publish", step + "  - id: publish")
    flow = flow.replace("\n", line_break)
    found = [(one.code, one.span) for one in compiled(flow).diagnostics if one.code != "W302"]
    assert found == [("E502", standing("flow.yaml", flow, "NOWHERE"))], flow


@pytest.mark.parametrize(
    "scalar",
    [
        "a {{\n    nope.x }} b",
        "'it''s {{\n\n    nope.x }} b'",
        '"\\u0061 {{ nope.x\n   }} b"',
        '"\\u0061 {{ nope.x \\\n   }} b"',
        "|\n  a {{\n  nope.x }} b",
        ">2-\n    a\n  {{ nope.x\n  }} b",
    ],
)
def test_a_template_that_is_folded_begins_and_ends_where_it_does(scalar: str) -> None:
    flow = FLOW.replace("version:", f"description: {scalar}\nversion:")
    written = flow[flow.index("{{") : flow.index("}}") + 2]
    found = [(one.code, one.span) for one in compiled(flow).diagnostics]
    assert found == [("E402", standing("flow.yaml", flow, written))]


@pytest.mark.parametrize(
    "scalar", ["[x, 'é', a MARK]", '{a: MARK, b: "é\\""}', "['it''s MARK']", '["\\U0001F642 MARK", MAR]']
)
def test_a_word_is_found_inside_brackets(scalar: str) -> None:
    text = f"key: {scalar}\n"
    parsed = parse(source("f", text)).document
    assert isinstance(parsed, Document)
    (node,) = [one for _, one in walk(parsed.root) if isinstance(one, Scalar) and MARK in str(one.value)]
    at = str(node.value).index(MARK)
    assert place_in(parsed.lines, node.span, str(node.value), at, at + 4) == standing("f", text, MARK)


def test_an_alias_leads_to_the_text_of_its_anchor() -> None:
    flow = FLOW.replace("version:", "description: &text 'é {{ nope.x }}'\nowner: *text\nversion:")
    found = [(one.code, one.span) for one in compiled(flow).diagnostics]
    assert found == [("E402", standing("flow.yaml", flow, TEMPLATE))]


@pytest.mark.parametrize("space", ["\xa0", "\u3000", "\u2003"])
@pytest.mark.parametrize("scalar", ["a_\n  MARK", "a\n  _b MARK", "'a_\n  MARK'", '"a_\n  MARK"', '"a_\\\n  MARK"'])
def test_a_space_that_yaml_does_not_fold_is_a_character(scalar: str, space: str) -> None:
    text = f"key: {scalar}\n".replace("_", space)
    assert reported(text, MARK) == standing("f", text, MARK)


@pytest.mark.parametrize(
    "scalar",
    [
        r"a_\|  MARK",
        r"a\_|  MARK",
        r"a\\_|  MARK",
        r"a\\|  MARK",
        r"a \\\|  MARK",
        r"a\_\|  \_MARK",
        r"a_\||  MARK",
    ],
)
@pytest.mark.parametrize("space", [" ", "\t"])
def test_a_space_before_a_line_break_is_a_character_where_either_is_escaped(scalar: str, space: str) -> None:
    text = f'key: "{scalar}"\n'.replace("_", space).replace("|", "\n")
    assert reported(text, MARK) == standing("f", text, MARK)


@pytest.mark.parametrize("sign", ["|2", ">2", "|2-", ">+2"])
def test_a_block_may_begin_with_a_line_of_spaces(sign: str) -> None:
    text = f"key: {sign}\n    \n  a MARK b\n"
    assert reported(text, MARK) == standing("f", text, MARK)


@pytest.mark.parametrize(
    "scalar", ["\n  'a MARK b'", '\n  "a MARK b"', " # 'x'\n\n  # MAR\n  a\n  MARK b", "\n  |\n   a MARK"]
)
def test_an_anchor_may_stand_a_line_before_its_text(scalar: str) -> None:
    text = f"key: &a{scalar}\n"
    assert reported(text, MARK) == standing("f", text, MARK)
