"""Rows that a check shows hold no value of a column that the flow classifies, whatever way it has come."""

from pathlib import Path

import pytest

from compiler.projects import compiled
from firn_runtime import Edge, run_artifact
from firn_runtime.artifact_file import load_any
from firn_runtime.classified import hidden
from firn_runtime.events import Event

CANARY = "zoe.canary@example.com"
PLATFORM = """\
version: "1.0.0"
environment: test
storage:
  default: {type: local, root: out}
connectors:
  files: {type: local, config: {root: data}}
"""
FLOW = """\
name: shop
version: "1.0.0"
resources:
  src: {profile: files}
governance:
  classifications: CLASSIFIED
jobs:
  - id: load
    steps:
      - id: customers
        type: read
        inputs: {resource: src, path: people.csv, schema: {id: bigint, email: varchar, city: varchar}}
      - id: lines
        type: read
        inputs: {resource: src, path: lines.csv}
  - id: mart
    depends_on: [load]
    steps:
      - id: d
        type: sql
        inputs: {sql: "SELECTED"}
      - id: good
        type: check
        inputs:
          from: d
          severity: warn
          sample: 5
          expectations: [{row_count: {min: 0}}, {sql: "select * from d"}, {not_null: [v]}]
"""


def artifact(classified: str, query: str = "select id as v from customers") -> bytes:
    text = FLOW.replace("CLASSIFIED", classified).replace("SELECTED", query)
    answer = compiled(text, PLATFORM)
    assert answer.artifact is not None, answer.diagnostics
    return answer.artifact


def hides(classified: str, query: str) -> bool:
    """Say whether the column `v` of the dataset `d` may not be shown."""
    flow = load_any(artifact(classified, query)).payload.flows["shop"]
    mart = next(one for one in flow.jobs if one.id == "mart")
    return "v" in hidden(flow, mart, "d", ["v"])


NAMED = "{customers.email: pii}"


@pytest.mark.parametrize(
    ("classified", "query", "expected"),
    [
        (NAMED, "select email as v from customers", True),
        (NAMED, "select lower(email) || id as v from customers", True),
        (NAMED, "with c as (select email as m from customers) select max(m) as v from c", True),
        (NAMED, "select id as v from customers where email like '%a%'", False),
        (NAMED, "select city as v from customers", False),
        (NAMED, "select count(*) as v from customers", True),
        (NAMED, "select sku as v from lines", False),
        ("{people.csv.email: pii}", "select email as v from customers", True),
        ("{people.csv.email: pii}", "select city as v from customers", False),
        ("{d.v: pii}", "select city as v from customers", True),
        ("{load.customers.email: pii}", "select email as v from customers", True),
        ("{Customers.EMAIL: pii}", "select email as v from customers", True),
        ("{lines.sku: internal}", "select sku as v from lines", True),
        ("{}", "select email as v from customers", False),
    ],
)
def test_what_comes_of_a_classified_column_is_hidden_and_what_is_not_known(
    classified: str, query: str, expected: bool
) -> None:
    assert hides(classified, query) is expected


def test_a_dataset_that_is_read_as_it_is_hides_classified_names_alone() -> None:
    flow = load_any(artifact("{lines.sku: internal}")).payload.flows["shop"]
    mart = next(one for one in flow.jobs if one.id == "mart")
    assert hidden(flow, mart, "lines", ["sku", "amount", "SKU"]) == {"sku", "SKU"}
    assert hidden(flow, mart, "", ["anything"]) == {"anything"}


def test_a_run_shows_rows_without_the_values(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data/people.csv").write_text(f"id,email,city\n1,{CANARY},Bergen\n2,,Oslo\n")
    (tmp_path / "data/lines.csv").write_text("sku\nx\n")
    events: list[Event] = []
    query = "select id, upper(email) as u, reverse(email) as r, city, case when id > 1 then 1 end as v from customers"
    result = run_artifact(artifact(NAMED, query), Edge({}, tmp_path, [events.append]))
    assert result.status == "SUCCESS"
    told = [str(event.message) for event in events if event.name == "warning"]
    assert told == [
        '2 rows break the rule of `sql`, such as (id: "[sensitive]", u: "[sensitive]", r: "[sensitive]", '
        'city: "[sensitive]", v: "[sensitive]"), (id: "[sensitive]", u: "[sensitive]", r: "[sensitive]", '
        'city: "[sensitive]", v: "[sensitive]")',
        '`v` has 1 NULL, such as (v: null, id: 1, u: "[sensitive]", r: "[sensitive]", city: "Bergen")',
    ]
    state = b"".join(path.read_bytes() for path in (tmp_path / ".firn").glob("state.db*"))
    assert b"[sensitive]" in state
    for canary in (CANARY, CANARY.upper(), CANARY[::-1]):
        assert canary.encode() not in state
        assert canary not in repr((result, events))
