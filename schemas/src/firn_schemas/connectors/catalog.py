"""Catalogs of tables: `catalog`."""

from typing import Literal

from firn_schemas.base import doc, record
from firn_schemas.connectors import Connector
from firn_schemas.credentials import Credentials


@record
class IcebergRestConfig:
    """An Iceberg REST catalog."""

    uri: str = doc("Where the catalog answers.", examples=["https://polaris.example.com/api/catalog"], endpoint=True)
    warehouse: str = doc("The catalog's warehouse; namespaces never repeat it.", endpoint=True)
    namespace: str | None = doc("Namespace of tables that name none, such as `analytics.gold`.", default=None)
    credentials: Credentials | None = doc("As whom; absent: nobody.", default=None)


@record
class IcebergRestOptions:
    """How the catalog is used."""

    access_delegation: Literal["vended-credentials", "remote-signing", "none"] = doc(
        "How access to the tables' files is given, in the words of the Iceberg REST specification.", default="none"
    )
    token_refresh_enabled: bool = doc("Fetch a new token before the old one ends.", default=True)


ROWS = {
    ("catalog", "iceberg_rest"): Connector(
        config=IcebergRestConfig, options=IcebergRestOptions, readable=True, writable=True, places=("table",)
    )
}
