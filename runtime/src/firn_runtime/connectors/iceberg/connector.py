"""Tables of an Iceberg REST catalog: the catalog says which files they are, and the engine reads and writes these.

Catalog and files are spoken to by this package alone: see docs/adr/0028.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from firn_runtime.confined_paths import shown
from firn_runtime.connector import ConnectorBase, ReadContext, Rows, WriteContext, Written
from firn_runtime.connectors.credentials.aws_role import AMBIENT
from firn_runtime.connectors.credentials.identity import Machine
from firn_runtime.connectors.iceberg.catalog import Catalog, Loaded, Name, named
from firn_runtime.connectors.iceberg.places import Places, cleared
from firn_runtime.connectors.iceberg.storage import Storage
from firn_runtime.connectors.values.projection import retyped
from firn_runtime.engine import Relation
from firn_runtime.errors import ConnectorError
from firn_schemas.connectors.catalog import IcebergRestConfig, IcebergRestOptions
from firn_schemas.credentials import StaticCredentials
from firn_schemas.steps.data import ReadInputs, WriteInputs
from firn_schemas.visible import os_reason

if TYPE_CHECKING:
    from firn_runtime.probing import Seen, Use


class IcebergRest(ConnectorBase[IcebergRestConfig, IcebergRestOptions]):
    """One catalog, and the files of its tables."""

    @property
    def ambient(self) -> Sequence[str]:
        """Name the variables that say which role this machine has, where the platform's bucket is used by it."""
        own = self.config.bucket is not None and self.options.access_delegation == "none"
        return AMBIENT if own and not isinstance(self.config.storage_credentials, StaticCredentials) else ()

    def connect(self) -> None:
        """Check the settings; nothing is sent before the first request."""
        machine = Machine(self.inherited, self.base_dir, self.facts.learn)
        self.catalog = Catalog(self.config, self.options, machine)
        self.storage = Storage(self.config, self.options, machine, self.facts.flow, self.facts.run)

    def close(self) -> None:
        """Close the connections."""
        for one in ("catalog", "storage"):
            if hasattr(self, one):
                getattr(self, one).close()

    def probe(self, uses: "Sequence[Use]") -> "Iterator[Seen]":
        """Log in, and look for the tables. Nothing is written to find out."""
        from firn_runtime.connectors.iceberg.probe import probed

        self.connect()
        try:
            yield from probed(self.catalog, self.config, uses)
        finally:
            self.close()

    def read(self, inputs: ReadInputs, context: ReadContext) -> Rows:
        """Fetch the files of the table's current snapshot, and read them as one dataset."""
        from firn_runtime.connectors.iceberg.scan import selected

        name = named(inputs.table, self.config.namespace)
        loaded = self.loaded(name)
        with _keeping(), self.catalog.standing(name, loaded.table):
            folder = cleared(context.scratch / "table")
            found = selected(context.session, loaded.table, self.files_of(name, loaded), folder, inputs.columns)
        rows = retyped(context.session, Relation(f"({found.sql})"), inputs.columns, inputs.schema)
        return Rows(rows, found.bytes)

    def write(self, inputs: WriteInputs, context: WriteContext) -> Written:
        """Put files beside those of the table, and make them its own by one commit."""
        from firn_runtime.connectors.iceberg.write import write

        with _keeping():
            return write(self, inputs, context)

    def loaded(self, name: Name) -> Loaded:
        """Return a table; raise ConnectorError where there is none."""
        found = self.catalog.load(name)
        if found is None:
            raise ConnectorError(
                "data", f"the catalog has no table `{shown(name.text)}`", "check `table` and `namespace`"
            )
        return found

    def files_of(self, name: Name, loaded: Loaded) -> Places:
        """Return where the files of a table may lie."""
        return self.storage.places(loaded, lambda: self.loaded(name))


@contextmanager
def _keeping() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = os_reason(error)
        raise ConnectorError("process", f"cannot keep the table's files in the workspace: {reason}") from None
