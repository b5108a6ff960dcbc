"""The whole table of connectors, for those who check all of them: a run asks for single rows instead."""

from firn_schemas.connectors import Connector, archive, catalog, databases, files, mail, process, rest
from firn_schemas.table import Table

CONNECTORS: Table[tuple[str, str], Connector] = Table(
    {
        key: row
        for module in (archive, catalog, databases, files, mail, process, rest)
        for key, row in sorted(module.ROWS.items())
    }
)
"""Every connector, by (kind, driver)."""

STORAGE: dict[str, tuple[str, str]] = {"local": ("files", "local"), "s3": ("s3", "s3")}
"""Every storage type, with the connector that serves it."""

CATALOGS: dict[str, tuple[str, str]] = {
    "iceberg_rest": ("catalog", "iceberg_rest"),
    "polaris": ("catalog", "iceberg_rest"),
}
"""Every catalog type, with the connector that serves it."""
