"""What is moved from where to where: data sets, the places that hold them, the routes between, and the goals."""

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
VENVS = ROOT / ".bench"
KEPT = VENVS / "data"
"""The inputs: made once, and kept."""
FLOOR = str(VENVS / "duckdb/bin/python")
"""The environment of the floors: DuckDB with its extensions, and pyarrow."""

WORDS = {"csv": "CSV", "parquet": "Parquet", "duckdb": "DuckDB", "sqlite": "SQLite", "postgres": "PostgreSQL"}
WORDS["rest"] = "REST"


class Place(NamedTuple):
    """Where rows are: a file, a table of a database file or of PostgreSQL, an API."""

    kind: str
    at: str
    """A file or a glob, libpq's words, the API's base address."""
    table: str = ""
    url: str = ""
    """A database's address, as SQLAlchemy and others spell it."""


class Dataset(NamedTuple):
    """Rows in a folder of their own, once in each form; targets are compared with its Parquet file."""

    name: str
    rows: int

    @property
    def label(self) -> str:
        return f"{self.name}_{self.rows}"

    @property
    def folder(self) -> Path:
        return KEPT / self.label

    def file(self, kind: str) -> Path:
        return self.folder / f"rows.{kind}"


class Route(NamedTuple):
    """From one kind of place to another; `floor` is how many times the floor's CPU Firn may take."""

    source: str
    target: str
    floor: float
    best: float | None = None
    """How many times Firn's CPU dlt must take, the best of its ways."""
    default: float | None = None
    """The same for dlt as it comes."""

    @property
    def name(self) -> str:
        return f"{self.source}-{self.target}"

    @property
    def words(self) -> str:
        return f"{WORDS[self.source]} → {WORDS[self.target]}"


TABLES = (
    Route("csv", "parquet", 1.1),
    Route("csv", "duckdb", 1.1),
    Route("parquet", "duckdb", 1.1),
    Route("sqlite", "duckdb", 1.15),
    Route("postgres", "parquet", 1.1, best=2.4),
    Route("postgres", "duckdb", 1.1, best=2.4),
    Route("parquet", "postgres", 1.1, best=8),
    Route("duckdb", "postgres", 1.1, best=8),
)
API = (Route("rest", "duckdb", 1.2, best=8, default=30),)
ROUTES = {"lineitem": TABLES, "flights": TABLES, "orders": API}
MEGABYTES = 300
"""Firn's peak memory at most, at any number of rows."""


class Task(NamedTuple):
    """One route of one data set: where its rows are, and where the target shall be."""

    dataset: Dataset
    route: Route
    source: Place
    target: Place

    @property
    def name(self) -> str:
        return f"{self.dataset.label}/{self.route.name}"


class Command(NamedTuple):
    """How a tool does a task, in a folder that is empty but for what the tool has prepared."""

    words: tuple[str, ...]
    environ: dict[str, str] | None = None
    target: Place | None = None
    """Where the rows are in the end, if not where the task says."""


class Cannot(NamedTuple):
    """Why a tool has no figure for a task."""

    reason: str
