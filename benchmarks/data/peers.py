"""The peers: how each does a task, with what it comes with and nothing from the network, or why it cannot."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

from data.places import ROOT, VENVS, Cannot, Command, Place, Task

LOADS = ROOT / "benchmarks/data/loads"
QUIET = {
    "DO_NOT_TRACK": "1",
    "INGESTR_DISABLE_TELEMETRY": "true",
    "RUNTIME__DLTHUB_TELEMETRY": "false",
    "SLING_DISABLE_TELEMETRY": "true",
}
SPEC = """\
name: orders
endpoints:
  orders:
    state: {page: 1, limit: 1000}
    request: {url: BASE/orders, rate: 1000, parameters: {page: "${state.page}", per_page: "${state.limit}"}}
    pagination: {next_state: {page: "${state.page + 1}"}, stop_condition: length(response.records) < state.limit}
    response: {records: {jmespath: "data[]"}}
"""
Peer = Callable[[Task, Path], Command | Cannot]


# dlt


def dlt(variant: str, task: Task, folder: Path) -> Command | Cannot:
    """Return one of dlt's ways; `default` is what its documentation begins with."""
    del folder
    if variant not in _variants(task):
        return Cannot("")
    script, python = str(LOADS / "with_dlt.py"), str(VENVS / "dlt/bin/python")
    source = task.source._replace(url=task.source.url.replace("postgresql:", "postgresql+psycopg2:"))
    target = task.target
    if target.kind == "parquet":
        target = target._replace(at=str(Path(target.at).parent / "lake"))
    words = (python, "-W", "ignore", script, variant, as_json(source), as_json(target))
    return Command(words, target=_found(target))


def _variants(task: Task) -> tuple[str, ...]:
    if task.route.target == "postgres":
        return "default", "Arrow", "ADBC"
    return {
        "sqlite": ("default", "pyarrow", "connectorx"),
        "postgres": ("default", "pyarrow", "connectorx"),
        "rest": ("default", "Parquet loader"),
    }.get(task.route.source, ("default", "Arrow"))


def _found(target: Place) -> Place:
    return target._replace(at=f"{target.at}/out/copied/*.parquet") if target.kind == "parquet" else target


# ConnectorX, sling, ingestr


def connectorx(task: Task, folder: Path) -> Command | Cannot:
    """Return how its Arrow batches are written by pyarrow or DuckDB."""
    del folder
    if task.route.source not in ("postgres", "sqlite"):
        return Cannot("it reads PostgreSQL and SQLite alone, of these")
    words = (str(VENVS / "connectorx/bin/python"), str(LOADS / "with_connectorx.py"))
    return Command((*words, as_json(task.source), as_json(task.target)))


def sling(task: Task, folder: Path) -> Command | Cannot:
    """Return its command. Parquet and DuckDB need DuckDB's program and an extension, which it would download."""
    packages = next((VENVS / "sling").glob("lib/python3.*/site-packages"))
    words = [str(packages / "sling_linux_amd64/bin/sling-linux-amd64"), "run", "--mode", "full-refresh"]
    if task.source.kind == "rest":
        words += ["--src-conn", "SOURCE", "--src-stream", "orders"]
    elif task.source.table:
        words += ["--src-conn", "SOURCE", "--src-stream", task.source.table]
    else:
        words += ["--src-stream", f"file://{task.source.at}"]
    if task.target.table:
        words += ["--tgt-conn", "TARGET", "--tgt-object", task.target.table]
    else:
        words += ["--tgt-object", f"file://{task.target.at}"]
    home = folder / "home"
    _extension(packages, home)
    environ = {
        "HOME": str(home),
        "SLING_HOME_DIR": str(home / ".sling"),
        "DUCKDB_PATH": str(packages / "duckdb_cli/duckdb"),
        "DUCKDB_USE_INSTALLED_EXTENSIONS": "true",
        "SOURCE": _specified(task, folder) if task.source.kind == "rest" else _connection(task.source),
        "TARGET": _connection(task.target),
    }
    return Command(tuple(words), environ)


def _connection(place: Place) -> str:
    return place.url.replace(":////", ":///")


def _specified(task: Task, folder: Path) -> str:
    """Describe the API; without a `rate`, sling sends two requests a second."""
    spec = folder / "spec.yaml"
    spec.write_text(SPEC.replace("BASE", task.source.at))
    return f"{{type: api, spec: 'file://{spec}'}}"


def _extension(packages: Path, home: Path) -> None:
    """Lay DuckDB's httpfs where its program looks for it: sling hands it the rows over HTTP."""
    (file,) = packages.glob("duckdb_extension_httpfs/extensions/*/*.duckdb_extension")
    place = home / ".duckdb/extensions" / file.parent.name / "linux_amd64" / file.name
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    place.symlink_to(file)


def ingestr(task: Task, folder: Path) -> Command | Cannot:
    """Return its command."""
    del folder
    if task.route.source == "rest":
        return Cannot("its HTTP source reads one file, not pages")
    if "duckdb" in (task.route.source, task.route.target):
        return Cannot("it downloads its driver of DuckDB at first run")
    if task.route.source == "parquet":
        return Cannot("it reads no local Parquet")
    words = [str(VENVS / "ingestr/bin/ingestr"), "ingest", "--yes", "--progress", "log"]
    words += ["--source-table", task.source.table or "rows", "--dest-table", task.target.table or "out.copied"]
    environ = {"SOURCE_URI": _uri(task.source), "DESTINATION_URI": _uri(task.target)}
    return Command(tuple(words), environ)


def _uri(place: Place) -> str:
    return place.url or f"{place.kind}://{place.at}"


def as_json(place: Place) -> str:
    return json.dumps(place._asdict())


BEST = ("pyarrow", "connectorx", "Arrow", "ADBC", "Parquet loader")
PEERS: dict[str, Peer] = {
    "dlt": partial(dlt, "default"),
    **{f"dlt, {variant}": partial(dlt, variant) for variant in BEST},
    "ConnectorX": connectorx,
    "sling": sling,
    "ingestr": ingestr,
}
VENV = {name: name.split(",")[0].lower() for name in PEERS}
"""The environment that a peer lives in, and the name of its pins."""
