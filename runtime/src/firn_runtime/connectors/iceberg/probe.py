"""What a preflight sees of a catalog: that it answers and lets in, and which of the flow's tables are there."""

from collections.abc import Iterator, Sequence

from firn_runtime.confined_paths import shown
from firn_runtime.connectors.iceberg.catalog import Catalog, named
from firn_runtime.errors import ConnectorError
from firn_runtime.probing import Seen, Use, failed, missing
from firn_schemas.connectors.catalog import IcebergRestConfig


def probed(catalog: Catalog, config: IcebergRestConfig, uses: Sequence[Use]) -> Iterator[Seen]:
    """Yield what is seen; raise ConnectorError where the catalog cannot be used at all. Nothing is changed."""
    catalog.root()
    yield Seen("connection", "ok", f"the catalog `{catalog.asking.origin.host}` has the warehouse `{config.warehouse}`")
    if config.credentials is not None:
        yield Seen("login", "ok", "the catalog takes the credentials")
    for use in uses:
        yield _seen(catalog, config.namespace, use, uses)


def _seen(catalog: Catalog, namespace: str | None, use: Use, uses: Sequence[Use]) -> Seen:
    if use.table is None:
        return Seen(use.access, "skipped", "which table it is, is known only when it runs")
    try:
        name = named(use.table, namespace)
        is_there = catalog.has(name)
    except ConnectorError as error:
        return failed(use.access, error)
    table = f"the table `{shown(name.text)}`"
    if use.access == "read":
        return Seen("read", "ok", f"{table} is there") if is_there else missing(use, uses, f"there is no {table[4:]}")
    if is_there:
        return Seen("write", "ok", f"{table} is there; whether it may be written is known only when it is written")
    return Seen("write", "ok", f"there is no {table[4:]} yet; the write makes it")
