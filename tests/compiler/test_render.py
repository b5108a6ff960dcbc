"""The text report: the caret stands below what is meant, whatever the line is made of, and values stay hidden."""

import re

import pytest

from firn_compiler.diagnostics import Diagnostic
from firn_compiler.document import Span
from firn_compiler.render.text import LIMIT, WIDTH, render


def excerpt(line: str, column: int, end: int, code: str = "E301", end_line: int = 1, path: str = "") -> tuple[str, str]:
    """Render one finding and return the source line and the line of carets, without the gutter."""
    text = render(
        [Diagnostic(code, "what", Span("f", 1, column, end_line, end), path=path)], {"f": line + "\n"}, colour=False
    )
    source, carets = text.splitlines()[2:4]
    assert source[:8] == "    1 | "
    assert carets[:8] == "      | "
    return source[8:], carets[8:]


def test_the_caret_stands_below_a_name() -> None:
    assert excerpt("  src: {profile: filez}", 18, 23) == ("  src: {profile: filez}", " " * 17 + "^" * 5)


def test_a_value_is_hidden_and_the_caret_follows_what_is_shown() -> None:
    assert excerpt("a: {b: secret, c: 5}", 19, 20, "E202") == ("a: {b: …, c: …}", " " * 13 + "^")


def test_wide_characters_take_two_cells() -> None:
    source, carets = excerpt("{文字: {profile: 名前}}", 16, 18)
    assert source == "{文字: {profile: 名前}}"
    assert carets == " " * (15 + 2) + "^" * 4


def test_combining_characters_take_no_cell_of_their_own() -> None:
    source, carets = excerpt("{cafe\u0301: {profile: e\u0301te}}", 19, 23)
    assert source == "{cafe\u0301: {profile: e\u0301te}}"
    assert carets == " " * (18 - 1) + "^" * 3


def test_a_tab_is_shown_as_one_cell() -> None:
    assert excerpt("\tsrc:\t{profile: x}", 17, 18) == ("→src:→{profile: x}", " " * 16 + "^")


def test_the_caret_of_a_tab_stands_below_its_arrow() -> None:
    assert excerpt("  \tsrc: x", 3, 4, "E104") == ("  →src: …", "  ^")


@pytest.mark.parametrize("letter", ["\x1b", "\u202e", "\u200b", "\x9b", "\x07"])
def test_what_would_move_a_terminal_is_replaced_everywhere(letter: str) -> None:
    one = Diagnostic("E301", f"a{letter}b", Span(f"f{letter}", 1, 10, 1, 12), f"c{letter}d", f"e{letter}f")
    text = render([one], {f"f{letter}": f"profile: x{letter}"}, colour=False)
    assert letter not in text
    assert "a�b" in text


def test_a_long_line_is_cut_around_the_finding() -> None:
    source, carets = excerpt(f"{{{'k,' * 300} profile: filez, {'z,' * 300}}}", 612, 617)
    assert len(source) == WIDTH
    assert (source[0], source[-1]) == ("…", "…")
    assert source[carets.index("^") : carets.rindex("^") + 1] == "filez"
    assert carets.strip() == "^" * 5


def test_a_long_line_of_wide_characters_is_cut_by_cells() -> None:
    source, carets = excerpt("字" * 300 + "x" + "字" * 300, 301, 302)
    left, token, right = source.partition("x")
    assert len(carets) - 1 == 2 * len(left) - 1  # `…` takes one cell
    assert 2 * len(left + right) - 2 + len(token) <= WIDTH


def test_a_long_finding_is_cut_itself() -> None:
    source, carets = excerpt("a" + "x" * 1000 + "b", 2, 1002)
    assert len(source) == WIDTH
    assert carets == " " + "^" * (WIDTH - 2)


def test_a_line_that_fits_is_not_cut() -> None:
    line = " " * (WIDTH - 2) + "ab"
    assert excerpt(line, WIDTH - 1, WIDTH + 1)[0] == line


@pytest.mark.parametrize(
    ("line", "source"),
    [
        ("  a: {b: 'it''s hunter2', c: 5}", "  a: {b: …, c: …}"),
        ('  a: {b: "hunter2 \\" hunter2 \\" x", c: 5}', "  a: {b: …, c: …}"),
        ("  a: hunter2, hunter2 [x] {y: z}", "  a: …"),
        ("  a: hunter2 @x: hunter2", "  a: …"),
        ("hunter2 and more", "…"),
        ("  - [hunter2, {a: hunter2, b: [hunter2]}]", "  - […, {a: …, b: […]}]"),
        ("  a: &hunter 'x'  # hunter2", "  a: &hunter …  # …"),
        ("  ? a : hunter2", "  ? a : …"),
        ("""{"a": hunter2, 'b':hunter2}""", """{"a": …, 'b':…}"""),
        ("  sql: | # hunter2", "  sql: | # …"),
        ("  a: http://u:hunter2@h/p?x#y", "  a: …"),
    ],
)
def test_no_value_of_a_line_is_shown(line: str, source: str) -> None:
    assert excerpt(line, 1, 1, "E202")[0] == source


def test_a_finding_of_several_lines_is_underlined_to_the_end_of_its_first() -> None:
    source, carets = excerpt("when: a and   ", 7, 4, "E404", end_line=3, path="jobs[0].when")
    assert (source, carets) == ("when: a and", " " * 6 + "^" * 5)


def test_a_place_that_is_empty_or_ends_before_it_starts_has_one_caret() -> None:
    assert excerpt("    kind: rest", 5, 1, "E203") == ("    kind: …", "    ^")
    assert excerpt("a: 1", 9, 9, "E202") == ("a: …", "    ^")


def test_a_mapping_that_is_named_as_a_whole_hides_the_values_in_it() -> None:
    source, carets = excerpt("  c: {kind: rest, config: {token: hunter2}}", 6, 44, "E203")
    assert source == "  c: {kind: …, config: {token: …}}"
    assert carets == "     " + "^" * len(source[5:])


@pytest.mark.parametrize(
    ("line", "end", "source"),
    [
        ("{a: 'x{{ var.u }}:hunter2@h', b: c}", 18, "{a: …{{ var.u }}…, b: …}"),
        ("{a: 'x{{ var.u }}', b: hunter2}", 18, "{a: …{{ var.u }}', b: …}"),
        ("{a: 'x{{ env.u:hunter2 }}'}", 26, "{a: …{{ env.u:… }}'}"),
        ("{a: 'x{{ var.u', b: hunter2}", 29, "{a: …{{ …"),
    ],
)
def test_of_a_value_with_a_template_the_path_is_shown_and_nothing_else(line: str, end: int, source: str) -> None:
    assert excerpt(line, 7, end, "E403")[0] == source


@pytest.mark.parametrize(("column", "below"), [(1, "p"), (8, "…"), (12, "…"), (17, ",")])
def test_a_syntax_error_inside_a_hidden_value_points_at_what_stands_for_it(column: int, below: str) -> None:
    source, carets = excerpt("{pass: a: hunter2, b: [c", column + 1, column + 2, "E101")
    assert "hunter2" not in source
    assert source[carets.index("^")] == below


def test_a_comment_is_hidden_also_from_a_caret_inside_it() -> None:
    source, carets = excerpt("a: b # hunter2", 12, 13, "E106")
    assert (source, carets) == ("a: … # …", "     ^^^")
    assert excerpt("{a: b} # hunter2", 12, 13, "E106") == ("{a: …} # …", "       ^^^")


def test_more_findings_than_the_limit_are_counted() -> None:
    found = [Diagnostic("E301", f"number {index}") for index in range(LIMIT + 37)]
    text = render(found, {}, colour=False)
    assert text.endswith(f"number {LIMIT - 1}\n\nand 37 more\n\n{LIMIT + 37} errors\n")


def test_only_a_terminal_is_told_how_to_read_on() -> None:
    error, warning = Diagnostic("E301", "a"), Diagnostic("W301", "b")
    assert "firn help" not in render([error], {}, colour=False)
    assert render([error, error], {}, colour=True).endswith("`firn help E301` explains it\x1b[0m\n")
    assert render([warning, error], {}, colour=True).endswith("`firn help E301` explains E301\x1b[0m\n")
    assert render([error, warning], {}, colour=True).endswith("`firn help E301` explains the first\x1b[0m\n")
    assert render([], {}, colour=True) == ""


@pytest.mark.parametrize(
    ("line", "path", "shown"),
    [
        ("select a from t -- hunter2", "steps[0].inputs.sql", "select a from t -- …"),
        ("select a, $$hunter2$$ from t", "steps[0].inputs.sql", "select a, … from t"),
        ("select a /* hunter2 */ from t", "steps[0].inputs.sql", "select a /* … */ from t"),
        ("sql: 'select ''hunter2'', ''it''''s hunter2'' x, a from t'", "sql", "sql: 'select ''…'', ''…'' x, a from t'"),
        ("sql: 'select a from t where b = ''hunter2'''  # c", "sql", "sql: 'select a from t where b = ''…'''  # …"),
        ("{sql: 'select a from t', x: 'hunter2'}", "sql", "{sql: 'select a from t', x: …}"),
        ('{"x": "hunter2", "sql":"select a, $$hunter2$$"}', "sql", '{"x": …, "sql":"select a, …"}'),
        ('when: jobs.a.outputs.b == "hunter2" and a', "jobs[0].when", "when: jobs.a.outputs.b == '…' and a"),
        ("when: 'jobs.a.outputs.b == ''hunter2'' and a'", "when", "when: 'jobs.a.outputs.b == ''…'' and a'"),
    ],
)
def test_texts_and_comments_of_a_query_are_hidden(line: str, path: str, shown: str) -> None:
    at = [*re.finditer(r"\ba\b", line)][-1].start() + 1
    assert excerpt(line, at, at + 1, "E503", path=path)[0] == shown


@pytest.mark.parametrize(
    ("above", "line", "shown"),
    [
        (["sql: |", "  select 'hunter2"], "  hunter2', a, 'hunter2", "…', a, '…"),
        (["sql: |  # it's", "  select -- it's"], "  'hunter2', a", "  '…', a"),
        (["sql:", "  'select ''hunter2"], "  hunter2'', a, ''hunter2'' from t'", "…'', a, ''…'' from t'"),
        (["sql: &query 'select"], "  ''hunter2'', a'", "  ''…'', a'"),
        (["- {sql: \"select 'hunter2"], "  hunter2', a\", x: hunter2}", "…', a…"),
    ],
)
def test_texts_over_several_lines_are_hidden(above: list[str], line: str, shown: str) -> None:
    at, number = line.rindex(", a") + 3, len(above) + 1
    one = Diagnostic("E503", "what", Span("f", number, at, number, at + 1), path="sql")
    text = render([one], {"f": "\n".join([*above, line])}, colour=False)
    assert text.splitlines()[2].partition(" | ")[2] == shown
