"""A mistake in SQL is found where it stands in its file, however the file writes it."""

import pytest

from compiler.projects import FLOW, compiled
from firn_compiler.diagnostics import Diagnostic

HEAD = FLOW.replace("path: orders.csv}", "path: orders.csv, columns: [id, amount, straße]}").split("  - id: publish")[0]
FORMS = {
    "plain": "inputs: {sql: select «amout» from orders}",
    "plain_over_lines": "inputs:\n      sql: select id,\n        «amout»\n        from orders",
    "single_quoted": "inputs: {sql: 'select ''x'' as x, «amout» from orders'}",
    "double_quoted": 'inputs: {sql: "select \\"id\\", \\u0027é\\u0027 as e,\\n «amout» from orders"}',
    "double_quoted_over_lines": 'inputs:\n      sql: "select id,\n        «amout» from \\\n        orders"',
    "literal": "inputs:\n      sql: |\n        select id,\n          «amout»\n        from orders",
    "literal_stripped": "inputs:\n      sql: |-\n        select id,\n          «amout»\n        from orders",
    "literal_with_its_indent": "inputs:\n      sql: |2\n          select id, «amout»\n        from orders",
    "literal_kept": "inputs:\n      sql: |+\n        select id, «amout» from orders\n\n",
    "folded": "inputs:\n      sql: >\n        select id,\n        «amout»\n        from orders",
    "folded_far": "inputs:\n      sql: >-\n        select id,\n          id,\n\n        «amout»\n        from orders",
    "tabs": "inputs:\n      sql: |\n        select id,\n        \t\t«amout»\n        from orders",
    "wide_letters": "inputs:\n      sql: |\n        select '漢字🙂é' as t, straße, /* ß */ «amout» from orders",
    "after_a_variable": "inputs:\n      sql: select '{{ flow.name }}' as n, «amout» from orders",
    "after_comments": "inputs:\n      sql: |\n        -- it's amout\n        select 'amout' as t, «amout» from orders",
}


def errors(flow: str, files: dict[str, str] | None = None) -> list[Diagnostic]:
    return [one for one in compiled(flow, files=files).diagnostics if one.code.startswith("E")]


@pytest.mark.parametrize("line_break", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("form", FORMS)
def test_a_misspelt_column_is_found_at_its_line_and_column(form: str, line_break: str) -> None:
    marked = HEAD + "  - id: made\n    type: sql\n    " + FORMS[form] + "\n"
    marked = marked.replace("\n", line_break)
    before = marked.partition("«")[0].split(line_break)
    (found,) = errors(marked.replace("«", "").replace("»", ""))
    assert (found.code, found.span.line, found.span.column) == ("E503", len(before), len(before[-1]) + 1)
    assert "did you mean `amount`?" in found.help


@pytest.mark.parametrize("line_break", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_so_it_is_in_a_file_of_its_own(line_break: str) -> None:
    query = "-- ß\nselect id,\n\t'é' as e, amout\nfrom orders;\n".replace("\n", line_break)
    flow = HEAD + "  - id: made\n    type: sql\n    inputs: {sql_file: made.sql}\n"
    (found,) = errors(flow, {"made.sql": query})
    assert (found.span.file, found.span.line, found.span.column) == ("made.sql", 3, 12)
