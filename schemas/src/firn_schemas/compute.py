"""Engines that run a flow's SQL, as closed schemas: one row each in COMPUTE."""

from firn_schemas.base import doc, record
from firn_schemas.form import Form

MEMORY = Form(
    r"(?i:\s*[0-9.]+(e\d+)?\s*(b|bytes?|[kmgt](b|ib)?|(kilo|mega|giga|tera)bytes?)\s*|none)",
    "must be a size such as `2GB` or `512MiB`",
)


@record
class DuckDbProperties:
    """The engine that runs `sql` steps inside the runtime's own process."""

    threads: int | None = doc("Threads of the engine; absent: one for each core it can use.", default=None, minimum=1)
    memory_limit: str | None = doc("Memory before it spills to disk.", default=None, examples=["2GB"], form=MEMORY)
    temp_directory: str | None = doc("Where it spills; absent: the workspace.", default=None)


@record
class SparkProperties:
    """A Spark cluster: `master` starts a driver, `remote` is the address of a Spark Connect server."""

    master: str | None = doc("The cluster's master.", default=None, examples=["local[2]", "spark://spark:7077"])
    remote: str | None = doc("A Spark Connect server.", default=None, examples=["sc://spark:15002"])
    properties: dict[str, str | int | float | bool] = doc("Spark's own settings.", default_factory=dict)


COMPUTE: dict[str, type] = {"duckdb": DuckDbProperties, "spark": SparkProperties}
"""Every compute type, by name, with its properties."""

DIALECTS: dict[str, str] = {"duckdb": "duckdb", "spark": "spark"}
"""The SQL of each compute type, as sqlglot names it."""
