"""A catalog for tests, with what three programs say of its tables: this one, PyIceberg, and DuckDB's own extension."""

import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pyarrow.parquet
import pytest

from firn_runtime.errors import ConnectorError
from firn_runtime.extensions import path_of
from firn_schemas.secret import Secret
from runtime.workbench import Workbench, connector
from servers import iceberg

READ = {"resource": "lake", "table": "orders"}
WRITE = {**READ, "from": "d", "mode": "append"}


class Lake(NamedTuple):
    """A running catalog, and the folder in which its tables lie."""

    catalog: iceberg.Catalog
    folder: Path

    def resource(self, **more: Any) -> Any:
        """Return the connector, with credentials that do not end."""
        known: dict[str, Any] = {
            "uri": self.catalog.url,
            "warehouse": iceberg.WAREHOUSE,
            "namespace": "sales",
            "root": str(self.folder),
            "credentials": {"mode": "static", "token": Secret(self.catalog.fixed)},
        }
        return connector("catalog", "iceberg_rest", **{**known, **more})

    def oauth(self, **more: Any) -> dict[str, Any]:
        """Return credentials for which the catalog itself gives tokens."""
        secret = Secret(self.catalog.secret)
        return {"mode": "oauth2", "client_id": iceberg.CLIENT, "client_secret": secret, "scope": iceberg.SCOPE} | more

    def table(self, schema: Any, name: str = "orders", **more: Any) -> Any:
        """Make a table as PyIceberg does."""
        return iceberg.client(self.catalog).create_table(f"sales.{name}", schema=schema, **more)

    def made(self, rows: Mapping[str, Any], name: str = "orders", **more: Any) -> Any:
        """Make a table with rows as PyIceberg does."""
        content = pa.table(rows)
        table = self.table(content.schema, name, **more)
        table.append(content)
        return table

    def holds(self, table: Any, content: pa.Table, *partition: object) -> str:
        """Give a table of PyIceberg's a data file as it is, whatever the table says of its columns."""
        from pyiceberg.manifest import DataFile
        from pyiceberg.typedef import Record

        file = self.folder / "sales" / "others" / f"{len(self.catalog.asked)}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pyarrow.parquet.write_table(content, file)
        known = {"file_format": "PARQUET", "record_count": content.num_rows, "file_size_in_bytes": file.stat().st_size}
        of = {"partition": Record(*partition), "spec_id": table.spec().spec_id}
        one = DataFile.from_args(content=0, file_path=file.as_uri(), **of, **known)
        with table.transaction() as change, change.update_snapshot().fast_append() as append:
            append.append_data_file(one)
        return file.as_uri()

    def refused(self, work: Workbench, type: str = "read", **inputs: Any) -> ConnectorError:
        """Return why a step fails; nothing of it shows a secret."""
        with pytest.raises(ConnectorError) as caught:
            work.do(type, inputs or READ)
        shown = "".join(traceback.TracebackException.from_exception(caught.value).format())
        for secret in (self.catalog.secret, self.catalog.fixed, *self.catalog.tokens):
            assert secret not in f"{caught.value.message}{caught.value.help}{shown}"
        assert "canary" not in f"{caught.value.message}{caught.value.help}"
        return caught.value

    def by_pyiceberg(self, name: str = "orders") -> list[tuple[Any, ...]]:
        """Return a table's rows as PyIceberg reads them."""
        rows = iceberg.client(self.catalog).load_table(f"sales.{name}").scan().to_arrow().to_pylist()
        return sorted((tuple(row.values()) for row in rows), key=str)

    def by_duckdb(self, name: str = "orders") -> list[tuple[Any, ...]]:
        """Return a table's rows as DuckDB's extension reads them, as texts."""
        file = self.catalog.file("sales", name)
        with self._duckdb("avro", "iceberg") as engine:
            return sorted(engine.execute(f"select columns(*)::varchar from iceberg_scan('{file}')").fetchall(), key=str)

    def do_by_duckdb(self, *statements: str) -> None:
        """Change tables of the attached catalog `lake` as DuckDB does, which says of rows that they are deleted."""
        with self._duckdb("httpfs", "avro", "iceberg") as engine:
            engine.execute(f"create secret s (type iceberg, token '{self.catalog.fixed}')")
            where = f"endpoint '{self.catalog.url}', secret s"
            engine.execute(f"attach '{iceberg.WAREHOUSE}' as lake (type iceberg, {where})")
            for one in statements:
                engine.execute(one)

    def _duckdb(self, *extensions: str) -> duckdb.DuckDBPyConnection:
        engine = duckdb.connect(config={"extension_directory": str(self.folder / ".extensions")})
        for extension in extensions:
            engine.execute(f"load '{path_of(extension, duckdb.__version__)}'")
        return engine

    def summary(self, name: str = "orders") -> Any:
        """Return what the current snapshot says of itself."""
        snapshot = self.catalog.tables["sales", name].current_snapshot()
        assert snapshot is not None
        assert snapshot.summary is not None
        return {"operation": snapshot.summary.operation.value, **snapshot.summary.additional_properties}

    def asked(self, method: str, ending: str = "") -> Sequence[Any]:
        """Return the requests of a method whose path ends so."""
        return [one for one in self.catalog.asked if one.method == method and one.path.endswith(ending)]

    def files(self, pattern: str = "*/*/data/*.parquet") -> set[Path]:
        """Return the files that lie there."""
        return set(self.folder.glob(pattern))


@contextmanager
def lake(folder: Path) -> Iterator[Lake]:
    """Serve a catalog until the block ends; a request that it did not understand is an error."""
    place = folder / "warehouse"
    place.mkdir()
    with iceberg.catalog(place) as catalog:
        yield Lake(catalog, place)
    assert catalog.errors == []
