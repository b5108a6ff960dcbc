"""Print what a run has read, and what the marts say after it: python show.py RUN."""

import json
import subprocess
import sys

import duckdb

run = sys.argv[1]
words = ["firn", "runs", "platform/local/compiled_artifacts.json", run, "--json"]
shown = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
rows = {step["step"]: step["results"].get("rows") for step in shown["steps"]}
print(f"{run} read {rows['changes']} rows; the lake knows {rows['orders']} orders")
print("country,orders,refunded,revenue")
with duckdb.connect("out/marts.duckdb", read_only=True) as marts:
    for row in marts.sql(
        "select country, sum(orders), sum(refunded), sum(revenue) from sales.daily group by 1 order by 1"
    ).fetchall():
        print(*row, sep=",")
