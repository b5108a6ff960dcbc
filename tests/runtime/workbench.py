"""One step at a time, with a real engine and real connectors: what a run lends to a step, without the run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from firn_runtime.connectors import connector_class
from firn_runtime.engine import Engine, Limits, Session
from firn_runtime.publication import Publication
from firn_runtime.step import StepResult
from firn_runtime.steps import step_function
from firn_schemas.connectors import CONNECTORS
from firn_schemas.decode import decode
from firn_schemas.steps import STEPS


class Workbench:
    """A folder, an engine and some resources. Close it."""

    def __init__(self, folder: Path, resources: Mapping[str, Any], job: str = "main") -> None:
        self.folder = folder
        self.resources = resources
        for connector in resources.values():
            connector.connect()
        workspace = folder / "work"
        workspace.mkdir()
        extensions = [one.extension for one in resources.values() if one.extension]
        self.engine = Engine(Limits(threads=2), workspace, [one.places() for one in resources.values()], extensions)
        self.session = self.engine.session(job)

    def do(self, type: str, inputs: dict[str, Any], id: str = "data") -> StepResult:
        """Run one step on inputs as a flow spells them."""
        return step_function(type)(decode(STEPS[type].inputs, inputs), _Context(self, id))

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
        return self.bench.folder / "work"

    @property
    def publication(self) -> Publication:
        return Publication("flow", "r1", "main", self.id, "sha256:0", "sha256:1")

    def resource(self, name: str) -> Any:
        return self.bench.resources[name]


def connector(kind: str, driver: str, written: bool = False, **config: Any) -> Any:
    """Make a connector; keyword `options` holds its options, everything else is its configuration."""
    options = config.pop("options", {})
    schema = CONNECTORS[kind, driver]
    built: Any = connector_class(kind, driver)(
        config=decode(schema.config, config), options=decode(schema.options, options)
    )
    built.written = written
    return built
