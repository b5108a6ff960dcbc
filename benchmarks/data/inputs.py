"""Makes the inputs, once, in `.bench/data`: TPC-H's lineitem, the flights of 2013, the records of the API."""

import json
import subprocess
import sys
from pathlib import Path

from data import api
from data.places import FLOOR, KEPT, ROOT, VENVS, Dataset, Place
from data.servers import Servers

FLIGHTS = ROOT / "platform-examples/02-flights"
RECORDS = "records.ndjson"
SMALL, WHOLE = ("0.02", 119_000), ("1", 6_000_000)
"""Scale factors of TPC-H, and how many rows of lineitem they have at least."""


def made(dataset: Dataset, servers: Servers, kinds: set[str]) -> dict[str, Place]:
    """Return where the data set is in each of `kinds`; what is not there yet is made."""
    dataset.folder.mkdir(parents=True, exist_ok=True)
    places = {kind: place(dataset, kind, servers) for kind in kinds}
    forms = [one for one in places.values() if one.kind not in ("rest", "parquet")]
    script = str(ROOT / "benchmarks/data/make.py")
    truth = place(dataset, "parquet", servers)
    query = "" if dataset.file("parquet").exists() else SELECTS[dataset.name](dataset)
    run([FLOOR, script, query, *map(json.dumps, (truth, *forms))])
    servers.analyze()
    (dataset.folder / RECORDS).unlink(missing_ok=True)
    return places


def place(dataset: Dataset, kind: str, servers: Servers) -> Place:
    if kind == "rest":
        return servers.api(dataset)
    if kind == "postgres":
        return servers.table(f"{dataset.label}.{dataset.name}")
    file = dataset.file(kind)
    if kind in ("duckdb", "sqlite"):
        return Place(kind, str(file), f"main.{dataset.name}", f"{kind}:///{file}")
    return Place(kind, str(file))


def lineitem(dataset: Dataset) -> str:
    """The first rows of lineitem; more than there are, and it begins again."""
    scale, there = SMALL if dataset.rows <= SMALL[1] else WHOLE
    folder = KEPT / f"tpch-{scale}"
    file = folder / "lineitem.parquet"
    if not file.exists():
        program = str(VENVS / "tpchgen/bin/tpchgen-cli")
        run([program, "parquet", "-s", scale, "--tables", "lineitem", "--output-dir", str(folder)])
    times = -(-dataset.rows // there)
    return f"select t.* from range({times}), '{file}' as t limit {dataset.rows}"


def flights(dataset: Dataset) -> str:
    """All flights of the example, as its CSV file is read there."""
    run([FLOOR, "fetch_data.py"], FLIGHTS)
    return f"from read_csv('{FLIGHTS}/data/flights.csv', nullstr = ['', 'NA']) limit {dataset.rows}"


def orders(dataset: Dataset) -> str:
    """The records that the API answers with."""
    file = dataset.folder / RECORDS
    with file.open("w") as lines:
        lines.writelines(record + "\n" for record in api.records(0, dataset.rows))
    columns = ", ".join(f"{name}: '{kind}'" for name, kind in api.COLUMNS.items())
    return f"from read_json('{file}', columns = {{{columns}}})"


SELECTS = {"lineitem": lineitem, "flights": flights, "orders": orders}


def run(words: list[str], folder: Path | None = None) -> None:
    """Run one of our own programs; what it says on failure ends the benchmark's row."""
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{Path(words[1]).name}: {(done.stderr or done.stdout).strip()[-500:]}")
