"""A mistake of syntax is told once, where it was made, and nothing is said of what only it has hidden."""

import pytest

from compiler.places import astray
from compiler.projects import compiled

PLATFORM = """\
version: "1.0.0"
environment: dev
connectors:
  files:
    type: local
    config:
      root: .
  shop:
    type: postgres
    config: {host: db, database: shop, user: reader, password: {secret_ref: shop}}
    options: {connect_timeout: 5}
storage:
  default: {type: local, root: out}
"""
FLOW = """\
name: sales
version: "1.0.0"
resources:
  files: {profile: files}
  shop: {profile: shop}
jobs:
  - id: load
    steps:
      - id: orders
        type: read
        inputs: {resource: files, path: orders.csv, columns: [id, amount]}
      - id: sums
        type: sql
        inputs:
          sql: |
            select sum(amount) as total
            from orders
        outputs:
          rows: "{{ result.rows }}"
  - id: publish
    depends_on: [load]
    when: jobs.load.outputs.rows > 0
    steps:
      - id: table
        type: read
        inputs: {resource: shop, table: targets}
      - id: out
        type: write
        inputs: {from: sums, resource: storage, path: sums.csv, mode: replace}
"""


ITEM = "the first is on line 7, and each item of a list begins with `- `"
QUOTED = "quote the text that holds `: `, or write `options: {connect_timeout: …}`"
OURS = "<<<<<<< ours\n        inputs: {resource: shop, table: plans}\n=======\n>>>>>>> theirs\n"


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ("resources:\n", "resources\n", "E101 3:1"),
        ("  shop: {profile: shop}", "  shop: {profile: shop", "E101 5:9"),
        ("  - id: load", "  -id: load", "E101 7:3"),
        ("      - id: orders", "     - id: orders", "E101 9:8"),
        (
            "        type: read\n        inputs: {resource: files",
            "\ttype: read\n\tinputs: {resource: files",
            "E104 10:1",
        ),
        ("columns: [id, amount]", "columns: [id, amount", "E101 11:73"),
        ("path: orders.csv", "path: @orders.csv", "E101 11:41"),
        ("path: orders.csv,", "path: orders.csv", "E101 11:52"),
        ("        type: sql", "        type:sql", "E101 13:9"),
        ("        inputs:\n", "          inputs:\n", "E101 14:11"),
        ("            select sum", "          select sum", "E101 16:11"),
        ("            from orders", "          from orders", "E101 17:11"),
        ('rows: "{{ result.rows }}"', 'rows: "{{ result.rows }}', "E101 19:17"),
        ('rows: "{{ result.rows }}"', "rows: {{ result.rows }} of them", "E106 19:18"),
        ("depends_on: [load]", "depends_on: [load", "E101 21:17"),
        ("when: jobs.load", "when: 'jobs.load", "E101 22:11"),
        ("when: jobs", "when: “x: jobs", "E101 22:11"),
        ("        inputs: {resource: shop, table", f"{OURS}        inputs: {{resource: shop, table", "E101 26:1"),
        ("mode: replace}", "mode: replace]", "E101 29:78"),
    ],
)
def test_one_mistake_in_a_flow_is_one_finding(old: str, new: str, answer: str) -> None:
    assert compiled(FLOW, PLATFORM).ok
    assert FLOW.count(old) == 1
    found = compiled(FLOW.replace(old, new), PLATFORM)
    assert [f"{one.code} {one.span.line}:{one.span.column}" for one in found.diagnostics] == [answer]
    assert found.artifact is None
    assert astray(found.diagnostics, found.texts) == []


@pytest.mark.parametrize(
    ("old", "new", "answer"),
    [
        ("connectors:\n", "connectors\n", "E101 3:1"),
        ("  files:\n", "    files:\n", "E101 4:5"),
        ("    type: local\n    config:", "    type: local\n     config:", "E101 6:6"),
        ("    type: postgres", "    type postgres", "E101 9:5"),
        ("password: {secret_ref: shop}}", "password: {secret_ref: shop}", "E101 10:13"),
        ("    options: {connect", "\toptions: {connect", "E104 11:1"),
        ("storage:\n  default: {type: local, root: out}", "storage:\n  default: {type: local, root: out", "E101 13:12"),
    ],
)
def test_one_mistake_in_a_platform_is_one_finding(old: str, new: str, answer: str) -> None:
    assert PLATFORM.count(old) == 1
    found = compiled(FLOW, PLATFORM.replace(old, new)).diagnostics
    assert [f"{one.code} {one.span.line}:{one.span.column}" for one in found] == [answer]


SHOP = "inputs: {resource: shop, table: targets}"


@pytest.mark.parametrize(
    ("old", "new", "answer", "help"),
    [
        (SHOP, "inputs: {resource; shop, table: targets}", "E201 26:18", "write a `:` in place of `;`"),
        (SHOP, "inputs: {table: targets, resource=shop}", "E201 26:34", "write a `:` in place of `=`"),
        (SHOP, "inputs: {resource => shop, table: targets}", "E201 26:18", "write a `:` in place of `=>`"),
        (SHOP, "inputs: {resource shop, table: targets}", "E201 26:18", "write a `:` after `resource`"),
        (SHOP, "inputs: resource: shop, table: targets}", "E101 26:17", "write `{` before `resource`"),
        (SHOP, "inputs = {resource: shop, table: targets}", "E101 26:9", "write a `:` in place of `=`"),
        (
            SHOP,
            "outputs: {}",
            "E203 25:9",
            "add `inputs:` with `resource` and one of `table`, `sql`, `path`, `request`",
        ),
        (SHOP, "inputs: {table: targets}", "E203 26:17", "add `resource:`"),
        (SHOP, "inputs: {resource: shop, table: }", "E205 26:34", "write it behind `table:`"),
        (SHOP, "inputs: {resource: , table: targets}", "E202 26:28", "write it behind `resource:`"),
        ("mode: replace}", "mode: }", "E204 29:71", "write one: `replace`, `append`, `upsert`, `insert_overwrite`"),
        ("  shop: {profile: shop}", "  shop = {profile: shop}", "E101 5:3", "write a `:` in place of `=`"),
        ("  shop: {profile: shop}", "  shop: profile: shop}", "E101 5:9", "write `{` before `profile`"),
        ("  shop: {profile: shop}", "shop: {profile: shop}", "E201 5:1", "indent it below `resources:`"),
        ("jobs:\n", "  jobs:\n", "E201 6:3", "indent it as far as `resources`"),
        ("- id: load", "- id: laod", "E306 7:9", "did you mean `load`?"),
        ("columns: [id, amount]", "columns: [id amount]", "E503 11:63", "is a comma missing in it?"),
        ("columns: [id, amount]", 'columns: [id, "amount "]', "E503 11:68", "did you mean `amount`?"),
        ("name: sales", " name: sales", "E101 1:2", "align it with `version`"),
        ("  - id: publish", "    id: publish", "E105 20:5", ITEM),
        ("type: sql", "type = sql", "E101 13:9", "write a `:` in place of `=`"),
        ("columns: [id, amount]", "columns: [id, null]", "E202 11:67", ""),
        ("[load]", "load]", "E101 21:17", "write both, or none"),
        ("[load]", "[load,,]", "E101 21:23", "remove a comma, or write what is missing"),
        ("{{ result.rows }}", "{result.rows }}", "E401 19:18", "write `{{`"),
        ("{{ result.rows }}", "result.rows }}", "E401 19:18", "write `{{` before it"),
    ],
)
def test_a_mistake_of_a_flow_is_told_with_its_mend(old: str, new: str, answer: str, help: str) -> None:
    assert FLOW.count(old) == 1
    found = [one for one in compiled(FLOW.replace(old, new), PLATFORM).diagnostics if one.code != "E406"]
    told = [(f"{one.code} {one.span.line}:{one.span.column}", one.help) for one in found]
    assert told == [(answer, help)]


@pytest.mark.parametrize(
    ("old", "new", "answer", "help"),
    [
        ("host: db", "host = db", "E201 10:14", "write a `:` in place of `=`"),
        ("host: db", "host: null", "E203 10:14", "write it behind `host:`"),
        ("root: .", "root:", "E203 7:7", "write it behind `root:`"),
        ("root: out", "root: ~", "E203 13:26", "write it behind `root:`"),
        ("  shop:\n", "shop:\n", "E201 8:1", "indent it below `connectors:`"),
        ("  default: {", "default: {", "E201 13:1", "indent it below `storage:`"),
        ("storage:\n  default", "  storage:\n    default", "E201 12:3", "indent it as far as `connectors`"),
        ("    options: {connect", "  options: {connect", "E201 11:3", "indent it below `shop:`"),
        ("{type: local, root: out}", "\n    type: local\n  root: out", "E201 15:3", "indent it below `default:`"),
        ("      root: .\n", "      root: .\n    mail: {type: smtp}\n", "E201 8:5", "indent it as far as `files`"),
        ("  shop:\n", "  shop:\n  shop:\n", "E105 9:3", "the first is on line 8"),
        ("type: local\n", "type; local\n", "E101 5:5", "write a `:` in place of `;`"),
        ("options: {connect_timeout: 5}", 'options: connect_timeout: "{{ env.T }}"', "E101 11:29", QUOTED),
        ("root: .", 'root: in/{{ env.DAY }}"', "E101 7:13", "write both, or none"),
    ],
)
def test_a_mistake_of_a_platform_is_told_with_its_mend(old: str, new: str, answer: str, help: str) -> None:
    assert PLATFORM.count(old) == 1
    found = compiled(FLOW, PLATFORM.replace(old, new)).diagnostics
    told = [(f"{one.code} {one.span.line}:{one.span.column}", one.help) for one in found]
    assert told == [(answer, help)]


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("  - id: publish", "  - id publish", 20),
        ("  - id: publish", "  -id: publish", 20),
        ("      - id: table", "      - id table", 24),
        ("      - id: table", "      -id: table", 24),
        ("    steps:\n      - id: table", "     steps:\n      - id: table", 23),
        ("    depends_on: [load]", "    depends_on [load]", 21),
        ("    depends_on: [load]", "      depends_on: [load]", 21),
        ("        type: sql", "        type:sql", 13),
    ],
)
def test_a_mistake_of_syntax_hides_none_around_it(old: str, new: str, line: int) -> None:
    text = FLOW.replace("table: targets}", "tabel: targets}")
    assert text.count(old) == 1
    found = compiled(text.replace(old, new), PLATFORM).diagnostics
    assert [(one.code[:3], one.span.line) for one in found] == [("E10", line), ("E20", 26)]


def test_what_may_stand_below_an_unknown_key_is_not_told() -> None:
    platform = PLATFORM.replace("connectors:\n", 'other:\n  x: {a: {secret_ref: x}, b: "{{ env.X }}"}\nconnectors:\n')
    assert [(one.code, one.span.line) for one in compiled(FLOW, platform).diagnostics] == [("E201", 3)]


def test_what_is_lost_hides_no_secret() -> None:
    text = FLOW.replace("path: orders.csv", "path: AKIAQYLPMN5HFIQR7XYA: x")
    found = compiled(text, PLATFORM)
    assert {one.code for one in found.diagnostics} == {"E101", "E604"}
    assert "AKIAQYLPMN5HFIQR7XYA" not in repr(found._replace(project=None, hidden=frozenset()))


def test_a_shift_of_several_lines_is_one_mistake() -> None:
    text = FLOW.replace("      - id: table\n", "     - id: table\n").replace("      - id: out\n", "     - id: out\n")
    codes = [one.code for one in compiled(text, PLATFORM).diagnostics]
    assert codes == ["E101", "E101"] or codes == ["E101"]


def test_a_long_file_full_of_mistakes_ends_in_time() -> None:
    text = FLOW + "  - id: x\n    steps: {a: [b\n" * 20_000
    found = compiled(text, PLATFORM).diagnostics
    assert {one.code for one in found} == {"E101"}


def test_a_line_that_ends_with_a_carriage_return_stays_a_line_where_it_is_left_out() -> None:
    platform = PLATFORM.replace("storage:\n", 'storage: "{{\r x: 1}}\n').replace("default: {", "# ")
    found = compiled(FLOW, f"{platform}observability: {{traces: true, otlp_endpoint: nowhere}}\n").diagnostics
    assert ("E204", platform.count("\n") + 2) in [(one.code, one.span.line) for one in found]


def test_lines_of_a_template_engine_hide_nothing_around_them() -> None:
    text = FLOW.replace("        type: sql\n", "        {{- if .on }}\n        type: sqll\n        {{- end }}\n")
    found = compiled("{{- if .on }}\n" + text.rstrip() + "\n      {{- end }}\n{{- end }}\n", PLATFORM).diagnostics
    assert ("E304", 15) in [(one.code, one.span.line) for one in found]
    assert {one.code for one in found} == {"E101", "E106", "E304"}


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("name: sales", "name: sales\ndescription: >\n  10\u00a0km\n  \u00a0\u00a0far: away", []),
        ("name: sales", "name: sales\ndescription: 10\u00a0km", []),
        ("\n  files: {", "\n\u00a0\u00a0files: {", ["E106 4:1"]),
        ("files: {profile: files}", "files:\u00a0{profile: filez}", ["E106 4:9", "E301 4:20"]),
        ("  - id: load", "  -\u3000id: load", ["E106 7:4"]),
    ],
)
def test_spaces_of_a_page_are_told_where_they_stand_for_plain_ones(old: str, new: str, found: list[str]) -> None:
    text = FLOW.replace(old, new, 1)
    told = [f"{one.code} {one.span.line}:{one.span.column}" for one in compiled(text, PLATFORM).diagnostics]
    assert told == found
