"""One step at a time, with a real engine and real connectors: what a run lends to a step, without the run."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from firn_runtime.connector import WriteContext, Written
from firn_runtime.connectors import connector_class
from firn_runtime.engine import Engine, Limits, Session
from firn_runtime.fetched import Fetched
from firn_runtime.publication import Publication
from firn_runtime.step import StepResult, Window
from firn_runtime.steps import step_function
from firn_schemas.artifact import Step
from firn_schemas.connectors import CONNECTORS
from firn_schemas.decode import decode
from firn_schemas.steps import STEPS
from firn_schemas.steps.data import WriteInputs
from runtime.artifacts import step


class Workbench:
    """A folder, an engine and some resources. Close it."""

    def __init__(self, folder: Path, resources: Mapping[str, Any], job: str = "main", threads: int = 2) -> None:
        self.folder = folder
        self.resources = resources
        for connector in resources.values():
            connector.connect()
        workspace = folder / "work"
        workspace.mkdir(exist_ok=True)
        extensions = [one.extension for one in resources.values() if one.extension]
        places = [one.places() for one in resources.values()]
        self.engine = Engine(Limits(threads=threads), workspace / "datasets.duckdb", places, extensions)
        self.session = self.engine.session(job)
        self.runs = 0
        self.streamed: frozenset[str] = frozenset()
        self.window = Window()
        """What an incremental read is to read."""
        self.before: Mapping[str, Any] = {}
        """What a step that is done again resulted in before."""
        self.fetched = Fetched({name: name for name in resources})
        self.started_at = datetime(2026, 3, 1, 6, tzinfo=UTC)
        self.hidden: frozenset[str] = frozenset()
        """Columns that are classified."""

    def do(self, type: str, inputs: dict[str, Any], id: str = "data") -> StepResult:
        """Run one step on inputs as a flow spells them, decoded as in a run; each is a run of its own."""
        self.runs += 1
        result = step_function(type)(decode(STEPS[type].inputs, inputs, from_text=True), _Context(self, id))
        self.fetched.learn(f"main.{id}", decode(Step, step(id, type, **inputs)), result.results)
        return result

    def write(self, publication: Publication, still_ours: Callable[[], None] = lambda: None, **inputs: Any) -> Written:
        """Write the dataset `d` under a publication of one's own."""
        decoded = decode(WriteInputs, {"from": "d", "mode": "replace", **inputs})
        context = WriteContext(self.session, publication, self.scratch(*publication.key[1:]), still_ours)
        written: Written = self.resources[inputs["resource"]].write(decoded, context)
        return written

    def scratch(self, run: str, job: str, step: str) -> Path:
        """Return the folder of a step of a run."""
        folder = self.folder / "work" / run / job / step
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def files(self) -> Path:
        """Return the folder of files that the steps share."""
        folder = self.folder / "work" / ".files"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def make(self, name: str, sql: str) -> None:
        """Make a dataset."""
        self.do("sql", {"sql": sql}, name)

    def rows(self, dataset: str = "data") -> list[tuple[Any, ...]]:
        """Return a dataset's rows in their order."""
        return self.session.execute(f'from "{dataset}"')

    def close(self) -> None:
        """Let go of everything."""
        self.engine.close()
        for connector in self.resources.values():
            connector.close()


class _Context:
    def __init__(self, bench: Workbench, id: str) -> None:
        self.bench, self.id = bench, id

    @property
    def session(self) -> Session:
        return self.bench.session

    @property
    def scratch(self) -> Path:
        return self.bench.scratch(*self.publication.key[1:])

    @property
    def files(self) -> Path:
        return self.bench.files

    @property
    def before(self) -> Mapping[str, Any]:
        return self.bench.before

    @property
    def publication(self) -> Publication:
        return Publication("flow", f"r{self.bench.runs}", "main", self.id, "sha256:0", "sha256:1")

    @property
    def streamed(self) -> bool:
        return self.id in self.bench.streamed

    @property
    def window(self) -> Window:
        return self.bench.window

    @property
    def started_at(self) -> datetime:
        return self.bench.started_at

    def fetched(self, resource: str) -> Mapping[str, str]:
        return self.bench.fetched.of(resource)

    def claim(self, resource: str, places: Collection[str]) -> None:
        self.bench.fetched.claim(f"main.{self.id}", resource, places, self.files)

    def hidden(self, dataset: str, columns: Sequence[str]) -> frozenset[str]:
        return self.bench.hidden.intersection(columns)

    def resource(self, name: str) -> Any:
        return self.bench.resources[name]

    def still_ours(self) -> None:
        pass

    def hold(self, key: str, ttl: float, wait: float) -> AbstractContextManager[Any]:
        return nullcontext()

    def perform(self, type: str, inputs: Any) -> StepResult:
        return step_function(type)(decode(STEPS[type].inputs, inputs), self)


def connector(kind: str, driver: str, written: bool = False, **config: Any) -> Any:
    """Make a connector; keyword `options` holds its options, everything else is its configuration."""
    options = config.pop("options", {})
    schema = CONNECTORS[kind, driver]
    built: Any = connector_class(kind, driver)(
        config=decode(schema.config, config), options=decode(schema.options, options)
    )
    built.written = written
    return built
