"""REST to DuckDB: a million records in pages of a thousand, against page bytes handed straight to pyarrow.json.

The server is a process of its own and is not measured. pyarrow takes records on lines and no lists, so the floor is
answered in its own format, which spares it the work of finding the records. It ends once in Arrow tables and once in a
DuckDB file, which is where Firn's dataset lies.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from measure import Cost, interleaved

SIZE = 1000
FIRN = Path(sys.executable).with_name("firn")

FLOOR = """
import io, sys, httpx, pyarrow, pyarrow.json
url, pages, target = sys.argv[1], int(sys.argv[2]), sys.argv[3]
with httpx.Client() as client:
    bodies = (client.get(f"{url}/lines", params={"page": page}).content for page in range(1, pages + 1))
    tables = [pyarrow.json.read_json(io.BytesIO(body)) for body in bodies]
every = pyarrow.concat_tables(tables)
if target:
    import duckdb, os
    if os.path.exists(target):
        os.unlink(target)
    with duckdb.connect(target) as connection:
        connection.execute("create table records as select * from every")
assert every.num_rows == pages * 1000
"""

FLOW = """
name: bench
version: "1.0.0"
resources: {api: {profile: api}}
steps:
  - id: records
    type: read
    inputs:
      resource: api
      request: {path: /records, pagination: {type: page, size: 1000}}
  - {id: whole, type: check, inputs: {from: records, expectations: [{row_count: ROWS}]}}
"""
PLATFORM = """
version: "1.0.0"
environment: local
workspace: {cleanup: always}
compute: {default: {type: duckdb, properties: {threads: 2, memory_limit: 160MB}}}
connectors: {api: {type: httpx, config: {base_url: "URL"}}}
"""


def record(number: int, chance: random.Random) -> dict[str, object]:
    return {
        "id": number,
        "customer_id": chance.randrange(100_000),
        "status": chance.choice(["paid", "open", "shipped"]),
        "amount": round(chance.uniform(1, 9999), 2),
        "currency": "EUR",
        "created_at": f"2026-0{chance.randrange(1, 10)}-1{chance.randrange(10)}T10:20:3{chance.randrange(10)}Z",
        "paid": chance.random() < 0.5,
        "note": None if number % 3 else "left at the door, by the neighbour",
        "email": f"user{number}@example.com",
        "address": {"city": chance.choice(["Köln", "Wien", "Bern"]), "zip": str(chance.randrange(10_000, 99_999))},
    }


def serve(pages: int) -> None:
    """Answer until the process is ended; the address is the first line of the output."""
    chance = random.Random(7)  # the same records in every run
    lines = [
        [json.dumps(record(page * SIZE + row, chance), ensure_ascii=False).encode() for row in range(SIZE)]
        for page in range(pages)
    ]
    bodies = {
        "/lines": [b"\n".join(page) + b"\n" for page in lines],
        "/records": [b"[" + b",".join(page) + b"]" for page in lines],
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            page = int(parse_qs(parts.query)["page"][0])
            body = bodies[parts.path][page - 1] if page <= pages else b"[]"
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(f"http://127.0.0.1:{server.server_address[1]}", flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


def measured(pages: int, times: int, folder: Path) -> dict[str, Cost]:
    command = [sys.executable, __file__, "--serve", "--pages", str(pages)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        url = server.stdout.readline().strip()
        (folder / "flow.yaml").write_text(FLOW.replace("ROWS", str(pages * SIZE)))
        (folder / "platform.yaml").write_text(PLATFORM.replace("URL", url))
        compiling = [str(FIRN), "compile", "flow.yaml", "--platform", "platform.yaml", "-o", "compiled.json"]
        subprocess.run(compiling, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        floor = [sys.executable, "-c", FLOOR, url, str(pages)]
        commands = {
            "pyarrow.json, Arrow tables": [*floor, ""],
            "pyarrow.json, then DuckDB": [*floor, str(folder / "floor.duckdb")],
            "firn run": [str(FIRN), "run", "compiled.json"],
        }
        try:
            return interleaved(commands, folder, times)
        finally:
            server.communicate()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(given.pages)
        return
    with tempfile.TemporaryDirectory() as folder:
        costs = measured(given.pages, given.times, Path(folder))
    arrow, table = costs["pyarrow.json, Arrow tables"].cpu, costs["pyarrow.json, then DuckDB"].cpu
    print(f"{given.pages * SIZE:,} records, medians of {given.times}")
    print("| what | CPU s | wall s | peak MB | of Arrow tables | of DuckDB |\n| --- | --- | --- | --- | --- | --- |")
    for name, cost in costs.items():
        ratios = f"{cost.cpu / arrow:.2f} x | {cost.cpu / table:.2f} x"
        print(f"| {name} | {cost.cpu:.2f} | {cost.wall:.2f} | {cost.megabytes:.0f} | {ratios} |")


if __name__ == "__main__":
    main()
