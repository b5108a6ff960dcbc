"""Firn's way: a real flow and platform, compiled once; what is measured is `firn run`, the whole process."""

from pathlib import Path
from urllib.parse import urlsplit

from data import api
from data.inputs import run
from data.places import ROOT, Command, Place, Task

FIRN = str(ROOT / ".venv/bin/firn")
IDLE = 'name: idle\nversion: "1.0.0"\njobs:\n  - {id: nothing, steps: []}\n'
ROW = """\
name: row
version: "1.0.0"
steps:
  - {id: row, type: sql, inputs: {sql: select 1 as n}}
  - {id: publish, type: write, inputs: {from: row, resource: storage, path: row.parquet, mode: replace}}
"""
FLOW = """\
name: move
version: "1.0.0"
resources: {{source: {{profile: source}}, target: {{profile: target}}}}
steps:
  - id: moved
    type: read
    inputs: {{resource: source, {reads}}}
  - id: publish
    type: write
    inputs: {{from: moved, resource: target, {writes}, mode: replace}}
"""
PLATFORM = """\
version: "1.0.0"
connectors:
  source: {source}
  target: {target}
"""
LIMITED = "compute: {default: {type: duckdb, properties: {memory_limit: 180MB}}}\n"
PASSWORD = "BENCH_DB"


def limited(task: Task, folder: Path) -> Command:
    """Return the same under a `memory_limit`, as a platform of small pods has it."""
    return firn(task, folder, LIMITED)


def firn(task: Task, folder: Path, compute: str = "") -> Command:
    """Return the run of a flow that is compiled into `folder`."""
    flow = FLOW.format(reads=_reads(task), writes=_writes(task.target))
    platform = PLATFORM.format(source=_connector(task.source, "true"), target=_connector(task.target, "false"))
    platform += compute
    addresses = [urlsplit(place.url) for place in (task.source, task.target) if place.kind == "postgres"]
    return Command(_compiled(folder, flow, platform), {PASSWORD: addresses[0].password or ""} if addresses else None)


def starting(folder: Path, flow: str) -> Command:
    """Return the run of a flow that has next to nothing to do."""
    folder.mkdir()
    return Command(_compiled(folder, flow, 'version: "1.0.0"\nstorage: {default: {type: local, root: .}}\n'))


def _compiled(folder: Path, flow: str, platform: str) -> tuple[str, ...]:
    for name, text in (("flow.yaml", flow), ("platform.yaml", platform)):
        (folder / name).write_text(text)
    words = ["flow.yaml", "-p", "platform.yaml", "-o", "compiled.json", "--no-cache"]
    run([FIRN, "compile", *words], folder)
    return (FIRN, "run", str(folder / "compiled.json"), "--base-dir", ".")


def _connector(place: Place, read_only: str) -> str:
    if place.kind == "rest":
        return f'{{type: rest, config: {{base_url: "{place.at}"}}}}'
    if place.kind in ("csv", "parquet"):
        return f"{{type: local, config: {{root: {Path(place.at).parent}}}}}"
    if place.kind == "postgres":
        url = urlsplit(place.url)
        where = f"host: {url.hostname}, port: {url.port}, database: {url.path[1:]}, user: {url.username}"
        return f"{{type: postgres, config: {{{where}, password: {{secret_ref: bench-db}}}}}}"
    return f"{{type: {place.kind}, config: {{path: {place.at}, read_only: {read_only}}}}}"


def _reads(task: Task) -> str:
    if task.source.kind != "rest":
        return _writes(task.source)
    schema = ", ".join(f'{name}: "{kind}"' for name, kind in api.COLUMNS.items())
    pages = "pagination: {type: page, size_param: per_page, size: 1000}"
    return f"request: {{path: /orders, records: data, {pages}}}, schema: {{{schema}}}"


def _writes(place: Place) -> str:
    return f"table: {place.table}" if place.table else f"path: {Path(place.at).name}"
