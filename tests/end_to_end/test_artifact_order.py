"""An artifact sorts the keys of every mapping: an order that means something has to come through all the same."""

import subprocess
import sys
from pathlib import Path

import duckdb

FIRN = Path(sys.executable).with_name("firn")
PLATFORM = """\
version: "1.0.0"
storage:
  default: {type: local, root: out}
connectors:
  files: {type: local, config: {root: data}}
"""
FLOW = """\
name: order
version: "1.0.0"
resources:
  shop: {profile: files}
steps:
  - id: orders
    type: read
    inputs:
      resource: shop
      path: "day=*/orders.csv"
      format_options: {header: false}
      schema: {year: smallint, id: bigint, day: date, amount: bigint}
  - {id: publish, type: write, inputs: {from: orders, resource: storage, path: orders.parquet, mode: replace}}
"""


def test_schema_names_the_columns_of_headerless_files_in_its_own_order(tmp_path: Path) -> None:
    (tmp_path / "data/day=2026-03-01").mkdir(parents=True)
    (tmp_path / "data/day=2026-03-01/orders.csv").write_text("2024,1,30\n2025,2,40\n")
    (tmp_path / "platform.yaml").write_text(PLATFORM)
    (tmp_path / "flow.yaml").write_text(FLOW)
    for words in (["compile", "flow.yaml", "-p", "platform.yaml"], ["run"]):
        done = subprocess.run([FIRN, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    written = duckdb.sql(f"select * replace (day::varchar as day) from '{tmp_path}/out/orders.parquet'")
    assert written.columns == ["year", "id", "day", "amount"]
    assert written.fetchall() == [(2024, 1, "2026-03-01", 30), (2025, 2, "2026-03-01", 40)]
