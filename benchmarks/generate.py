"""Projects of equal units, the same for Firn and its peers: a step, a dbt or SQLMesh model, a Meltano plugin and job.

Units stand in jobs of ten. The first of a job is a source; with SQL, every other one joins six of the ones before it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

PLATFORM = """\
version: "1.0.0"
environment: bench
storage: {default: {type: local, root: out}}
connectors: {files: {type: local, config: {root: data}}}
"""
Step = Callable[[int, int], list[str]]


class Shape(NamedTuple):
    """How many units, and how Firn holds them."""

    units: int
    joins: bool
    per_job: int = 10
    flows: int = 1

    @property
    def jobs(self) -> int:
        return self.units // self.per_job // self.flows


def five_joins(earlier: list[str]) -> list[str]:
    """Return a SELECT over the last six of `earlier`; where there are fewer, the first stands in."""
    a, b, c, d, e, f = (earlier[max(0, len(earlier) - back)] for back in range(1, 7))
    return [
        "select a.id, a.customer_id, a.created_at,",
        "    case when b.amount > 100 then b.amount else coalesce(c.amount, 0) + d.amount end as amount,",
        "    row_number() over (partition by a.customer_id order by e.created_at, f.id) as place",
        f"from {a} as a",
        f"join {b} as b on b.id = a.id",
        f"left join {c} as c on c.customer_id = a.customer_id and c.amount > 10",
        f"join {d} as d on d.id = b.id",
        f"left join {e} as e on e.created_at = d.created_at",
        f"join {f} as f on f.id = a.id",
        "where a.amount > 0 and a.created_at >= timestamp '2024-01-01 00:00:00'",
    ]


# Firn


def flow_of(units: int, step: Step, per_job: int = 10, name: str = "big") -> str:
    """Return a flow of `units` steps in jobs, each after the one before it."""
    lines = [f"name: {name}", 'version: "1.0.0"', "resources:", "  src: {profile: files}", "jobs:"]
    for job, start in enumerate(range(0, units, per_job)):
        lines += [f"  - id: job{job}"] + ([f"    depends_on: [job{job - 1}]"] if job else []) + ["    steps:"]
        for index in range(min(per_job, units - start)):
            lines += step(job, index)
    return "\n".join(lines) + "\n"


def mixed_step(job: int, index: int) -> list[str]:
    """Return a read, then queries over it, then a write: the flow of `make bench`."""
    if index == 0:
        return _read(f"read{job}", f"path: in{job}.csv, columns: [id, customer_id, amount, created_at]")
    if index == 9:
        return _step(f"write{job}", "write", f"from: sql{job}_1, resource: storage, path: out/{job}.parquet")
    sql = [
        f"select customer_id, sum(amount) as revenue_{index}",
        f"from read{job} where amount > {index}",
        "group by customer_id",
    ]
    return _sql(f"sql{job}_{index}", sql)


def plain_step(job: int, index: int) -> list[str]:
    """Return steps without SQL: a read, then checks and writes of it in turns."""
    if index == 0:
        return _source(job)
    if index % 2:
        inputs = f"from: m{job}_0, expectations: [{{not_null: id}}, {{between: {{column: amount, min: {index}}}}}]"
        return _step(f"m{job}_{index}", "check", inputs)
    return _step(f"m{job}_{index}", "write", f"from: m{job}_0, resource: storage, path: out/{job}_{index}.parquet")


def joins_step(job: int, index: int) -> list[str]:
    """Return a read, or a query of five joins over the steps before it."""
    return _sql(f"m{job}_{index}", five_joins([f"m{job}_{at}" for at in range(index)])) if index else _source(job)


def _source(job: int) -> list[str]:
    schema = "{id: bigint, customer_id: bigint, amount: double, created_at: timestamp}"
    return _read(f"m{job}_0", f"path: in{job}.csv, schema: {schema}")


def _read(id: str, inputs: str) -> list[str]:
    return _step(id, "read", f"resource: src, {inputs}")


def _step(id: str, type: str, inputs: str) -> list[str]:
    mode = ", mode: replace" if type == "write" else ""
    return [f"      - id: {id}", f"        type: {type}", f"        inputs: {{{inputs}{mode}}}"]


def _sql(id: str, lines: list[str]) -> list[str]:
    head = [f"      - id: {id}", "        type: sql", "        inputs:", "          sql: |"]
    return head + [f"            {line}" for line in lines]


def write_firn(folder: Path, shape: Shape) -> None:
    """Write `platform.yaml` and the flows."""
    step = joins_step if shape.joins else plain_step
    _write(folder / "platform.yaml", PLATFORM)
    for number in range(shape.flows):
        text = flow_of(shape.units // shape.flows, step, shape.per_job, f"flow{number}")
        _write(folder / f"flows/{number}/flow.yaml", text)


# The peers


def models(shape: Shape, reference: Callable[[str], str]) -> Iterator[tuple[str, str]]:
    """Yield the name and the SQL of every model; `reference` spells how one names another."""
    for job in range(shape.jobs):
        for index in range(shape.per_job):
            earlier = [reference(f"m{job}_{at}") for at in range(index)]
            yield f"m{job}_{index}", "\n".join(_model(earlier, shape.joins)) + "\n"


def _model(earlier: list[str], joins: bool) -> list[str]:
    if not earlier:
        return ["select 1 as id, 2 as customer_id, 3.5 as amount, timestamp '2024-01-02 00:00:00' as created_at"]
    return five_joins(earlier) if joins else [f"select id, customer_id, amount, created_at from {earlier[0]}"]


def write_dbt(folder: Path, shape: Shape) -> None:
    _write(folder / "dbt_project.yml", "name: bench\nversion: '1.0'\nprofile: bench\nmodel-paths: [models]\n")
    _write(folder / "profiles.yml", "bench: {target: dev, outputs: {dev: {type: duckdb, path: ':memory:'}}}\n")
    for name, sql in models(shape, lambda name: f"{{{{ ref('{name}') }}}}"):
        _write(folder / f"models/{name}.sql", sql)


def write_sqlmesh(folder: Path, shape: Shape) -> None:
    _write(
        folder / "config.yaml",
        "gateways: {dev: {connection: {type: duckdb}}}\ndefault_gateway: dev\nmodel_defaults: {dialect: duckdb}\n",
    )
    for name, sql in models(shape, lambda name: f"bench.{name}"):
        _write(folder / f"models/{name}.sql", f"MODEL (name bench.{name}, kind VIEW);\n{sql}")


def write_meltano(folder: Path, shape: Shape) -> None:
    """Write one extractor with its settings and one job for each unit; one loader for all."""
    lines = ["default_environment: bench", "project_id: bench", "environments:", "- name: bench"]
    lines += ["plugins:", "  loaders:", "  - {name: target, namespace: target, pip_url: target, executable: target}"]
    lines += ["  extractors:", "  - {name: tap, namespace: tap, pip_url: tap, executable: tap}"]
    for unit in range(shape.units):
        lines += [f"  - name: tap-{unit}", "    inherit_from: tap", f"    config: {{path: in{unit}.csv, keys: [id]}}"]
    lines += ["jobs:"]
    lines += [f"- {{name: job-{unit}, tasks: [tap-{unit} target]}}" for unit in range(shape.units)]
    _write(folder / "meltano.yml", "\n".join(lines) + "\n")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
