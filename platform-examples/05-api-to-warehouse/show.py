"""Print what a run has read and written, and what it found in the warehouse: python show.py RUN."""

import json
import subprocess
import sys

run = sys.argv[1]
words = ["firn", "runs", "platform/local/compiled_artifacts.json", run, "--json"]
shown = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
results = {step["step"]: step["results"] for step in shown["steps"]}
publish, counts = results["publish"], results["counts"]["rows"][0]
print(f"{run} read {results['records']['rows']} records: {publish['inserted']} new, {publish['updated']} updated")
print("{} found {customers} customers in the warehouse, {paying} of them paying {mrr}".format(run, **counts))
