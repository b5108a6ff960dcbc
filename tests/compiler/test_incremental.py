"""Incremental reads: the artifact says which steps publish their rows, and what a kept watermark means."""

import json
from typing import Any

import pytest

from compiler.projects import PLATFORM, compiled

HEAD = """\
name: shop
version: "1.0.0"
resources:
  db: {profile: db}
"""
DATABASES = """\
  db: {type: postgres, config: {host: db1, database: shop, user: firn, password: {secret_ref: shop-db}, port: 5433}}
"""
OTHERS = """\
  mail: {type: smtp, config: {host: mail.example.com, from_addr: a@example.com}}
  tools: {type: process, config: {allowed: [send]}}
"""
READ = """\
      - id: new
        type: read
        inputs: {resource: db, table: orders, incremental: {cursor: id}}
"""


def artifact(jobs: str, platform: str = PLATFORM + DATABASES) -> dict[str, Any]:
    head = HEAD + "".join(f"  {name}: {{profile: {name}}}\n" for name in ("mail", "tools") if f": {name}," in jobs)
    answer = compiled(head + jobs, platform)
    assert answer.artifact is not None, answer.diagnostics
    payload: dict[str, Any] = json.loads(answer.artifact)["payload"]
    return payload


def watermarks(jobs: str, platform: str = PLATFORM + DATABASES) -> dict[str, Any]:
    """Return what the artifact says of watermarks, by `job.step`."""
    flow = artifact(jobs, platform)["flows"]["shop"]
    steps = [(job["id"], step) for job in flow["jobs"] for step in job["steps"]]
    return {f"{job}.{step['id']}": step["watermark"] for job, step in steps if "watermark" in step}


def moves(jobs: str) -> dict[str, list[str]]:
    return {name: rule["moves_after"] for name, rule in watermarks(jobs, PLATFORM + DATABASES + OTHERS).items()}


def write(id: str, dataset: str) -> str:
    place = f'path: "{id}-{{{{ run.id }}}}.parquet"'
    return (
        f"      - {{id: {id}, type: write, inputs: {{from: {dataset}, resource: storage, {place}, mode: replace}}}}\n"
    )


def sql(id: str, query: str) -> str:
    return f'      - {{id: {id}, type: sql, inputs: {{sql: "{query}"}}}}\n'


def jobs(*parts: tuple[str, str, str]) -> str:
    """Return jobs of these ids, dependencies and steps."""
    return "jobs:\n" + "".join(f"  - id: {id}\n    depends_on: [{on}]\n    steps:\n{steps}" for id, on, steps in parts)


def test_only_an_incremental_read_has_a_watermark() -> None:
    plain = "      - {id: all, type: read, inputs: {resource: db, table: orders}}\n"
    assert moves(jobs(("a", "", plain + READ + write("w", "all")))) == {"a.new": []}


def test_rows_are_followed_through_queries_and_jobs() -> None:
    first = (
        READ + sql("clean", "select id from new where id > 0") + write("w1", "clean") + sql("other", "select 1 as x")
    )
    second = sql("sums", "with c as (select * from clean) select count(*) as n from c") + write("w2", "sums")
    third = (
        sql("known", "select 1 as id where exists (select 1 from a.new)") + write("w3", "known") + write("w4", "new")
    )
    flow = jobs(("c", "b", third), ("a", "", first + write("w5", "other")), ("b", "a", second))
    assert moves(flow) == {"a.new": ["a.w1", "b.w2", "c.w3", "c.w4"]}


def test_each_of_several_reads_has_its_own_writes() -> None:
    late = READ.replace("new", "late").replace("orders", "returns")
    both = sql("both", "select id from new union all select id from late")
    flow = jobs(("a", "", READ + late + both + write("w1", "new") + write("w2", "both")))
    assert moves(flow) == {"a.new": ["a.w1", "a.w2"], "a.late": ["a.w2"]}


def test_an_export_publishes_too_and_a_check_does_not() -> None:
    export = "      - {id: report, type: export, inputs: {from: new, resource: storage, path: new.csv}}\n"
    check = "      - {id: good, type: check, inputs: {from: new, expectations: [{row_count: {min: 0}}]}}\n"
    assert moves(jobs(("a", "", READ + check + export))) == {"a.new": ["a.report"]}


def test_under_a_lock_the_outer_steps_count() -> None:
    read = """\
      - id: new
        type: with_lock
        inputs: {key: k, step: {type: read, inputs: {resource: db, sql: "select id from orders", incremental: {cursor: id}}}}
      - id: publish
        type: with_lock
        inputs:
          key: k
          step: {type: write, inputs: {from: new, resource: storage, path: "out/{{ run.id }}.parquet", mode: replace}}
"""  # noqa: E501  # one step
    (rule,) = watermarks(jobs(("a", "", read))).values()
    assert rule["moves_after"] == ["a.publish"]


def left(type: str = "write", more: str = "mode: replace") -> str:
    """Return a step that leaves the rows in the run's folder."""
    return f"      - {{id: left, type: {type}, inputs: {{from: new, resource: workspace, path: out/a.csv, {more}}}}}\n"


def mail(more: str) -> str:
    return f"      - {{id: told, type: send_mail, inputs: {{resource: mail, to: a@example.com, subject: x{more}}}}}\n"


SENT = "      - {id: sent, type: upload, inputs: {resource: storage, files: [out/a.csv], dest_path: done}}\n"


@pytest.mark.parametrize(("type", "more"), [("write", "mode: replace"), ("export", "columns: [id]")])
def test_rows_in_a_file_of_the_run_are_published_by_what_sends_it(type: str, more: str) -> None:
    """A run that fails before the file is sent leaves no row behind that the next one would not read."""
    assert moves(jobs(("a", "", READ + left(type, more) + SENT))) == {"a.new": ["a.sent"]}
    later = [("b", "a", sql("x", "select 1 as x")), ("c", "b", SENT)]
    assert moves(jobs(("a", "", READ + left(type, more)), *later)) == {"a.new": ["c.sent"]}


@pytest.mark.parametrize(
    "steps",
    [
        READ + SENT + left(),
        READ + left() + SENT.replace("storage", "workspace"),
        READ + left() + mail(""),
    ],
)
def test_what_sends_no_file_that_holds_rows_publishes_none(steps: str) -> None:
    assert moves(jobs(("a", "", steps))) == {"a.new": []}


def test_a_mail_and_a_program_may_take_files_of_the_run() -> None:
    told = mail(", attachments: [out/a.csv, {from: new, name: b.csv}]")
    program = "      - {id: ran, type: run_process, inputs: {resource: tools, command: [send]}}\n"
    assert moves(jobs(("a", "", READ + left() + told + program))) == {"a.new": ["a.told", "a.ran"]}


def test_rows_are_followed_through_files_that_are_read_again() -> None:
    again = "      - {id: again, type: read, inputs: {resource: workspace, path: out/a.csv}}\n"
    assert moves(jobs(("a", "", READ + left() + again + write("w", "again")))) == {"a.new": ["a.w"]}


def test_a_dataset_of_the_same_name_in_another_job_is_another_one() -> None:
    own = sql("new", "select 1 as id") + write("w", "new")
    assert moves(jobs(("a", "", READ), ("b", "a", own))) == {"a.new": []}


FLOW = jobs(("a", "", READ))


def meaning(flow: str = FLOW, platform: str = PLATFORM + DATABASES) -> str:
    (rule,) = watermarks(flow, platform).values()
    return str(rule["meaning"])


SAME = [
    ("cursor: id}", "cursor: id, lookback: 5, initial: 1}"),
    ("table: orders,", "table: orders, columns: [id, amount],"),
    ("user: firn", "user: other"),
    ("password: {secret_ref: shop-db}", "password: {secret_ref: rotated}"),
    ("id: a\n", "id: renamed\n"),
]
OTHER = [
    ("cursor: id", "cursor: updated_at"),
    ("table: orders", "table: returns"),
    ("host: db1", "host: db2"),
    ("port: 5433", "port: 5434"),
    ("database: shop", "database: other"),
    ("table: orders", "sql: select id from returns"),
]


@pytest.mark.parametrize(("old", "new"), SAME)
def test_how_it_is_read_does_not_change_what_a_watermark_means(old: str, new: str) -> None:
    assert old in FLOW + DATABASES
    assert meaning(FLOW.replace(old, new), PLATFORM + DATABASES.replace(old, new)) == meaning()


@pytest.mark.parametrize(("old", "new"), OTHER)
def test_what_is_read_does(old: str, new: str) -> None:
    assert old in FLOW + DATABASES
    assert meaning(FLOW.replace(old, new), PLATFORM + DATABASES.replace(old, new)) != meaning()


def test_of_a_query_the_tables_count() -> None:
    def of(query: str) -> str:
        return meaning(FLOW.replace("table: orders", f'sql: "{query}"'))

    assert of("select id from orders") == of("select  id, amount from orders where amount > 0")
    assert of("select id from orders") != of("select o.id from orders o join lines l on l.id = o.id")


def test_a_file_of_the_run_forgets_nothing() -> None:
    answer = compiled(HEAD + jobs(("a", "", READ + left())), PLATFORM + DATABASES)
    assert "W308" not in {one.code for one in answer.diagnostics}


def test_a_write_of_its_own_in_each_run_forgets_nothing() -> None:
    fixed = "      - {id: w, type: write, inputs: {from: new, resource: storage, path: x.parquet, mode: replace}}\n"
    assert [one.code for one in compiled(HEAD + jobs(("a", "", READ + fixed)), PLATFORM + DATABASES).diagnostics] == [
        "W308",
    ]
    own = compiled(HEAD + jobs(("a", "", READ + write("w", "new"))), PLATFORM + DATABASES)
    assert own.diagnostics == ()


@pytest.mark.parametrize(
    ("place", "partition_by", "codes"),
    [
        ("resource: storage, path: x, format: parquet", "day", ["W308"]),
        ("resource: storage, path: x, format: parquet", "id", []),
        ('resource: storage, path: "x-{{ run.id }}", format: parquet', "day", []),
        ("resource: db, table: x", "day", ["W308"]),
        ("resource: db, table: x", "customer", []),  # as the lines of an order, by the order
    ],
)
def test_partitions_of_which_a_part_is_read_forget_the_other_part(
    place: str, partition_by: str, codes: list[str]
) -> None:
    days = sql("days", "select id, customer, cast(ordered_at as date) as day from new")
    target = f"from: days, {place}, mode: insert_overwrite, partition_by: [{partition_by}]"
    flow = HEAD + jobs(("a", "", READ + days + f"      - {{id: w, type: write, inputs: {{{target}}}}}\n"))
    assert [one.code for one in compiled(flow, PLATFORM + DATABASES).diagnostics] == codes


def test_the_feature_is_named() -> None:
    assert "read.incremental" in artifact(FLOW)["features"]
