"""Catalogs of tables: `catalog`."""

from typing import Literal

from firn_schemas.base import doc, record
from firn_schemas.connectors import Connector
from firn_schemas.credentials import Credentials
from firn_schemas.form import BUCKET, REGION


@record
class IcebergRestConfig:
    """An Iceberg REST catalog, and where the files of its tables may lie."""

    uri: str = doc("Where the catalog answers.", examples=["https://polaris.example.com/api/catalog"], endpoint=True)
    warehouse: str = doc("The catalog's warehouse; namespaces never repeat it.", endpoint=True)
    namespace: str | None = doc("Namespace of tables that name none, such as `analytics.gold`.", default=None)
    credentials: Credentials | None = doc("As whom: mode `oauth2`, or `static` with `token`.", default=None)
    bucket: str | None = doc(
        "The bucket in which tables' files may lie.",
        default=None,
        examples=["iceberg-data"],
        endpoint=True,
        form=BUCKET,
    )
    prefix: str | None = doc("No file outside this prefix is touched.", default=None, endpoint=True)
    region: str | None = doc(
        "The bucket's region.", default=None, examples=["eu-central-1"], endpoint=True, form=REGION
    )
    endpoint: str | None = doc(
        "URL of another service than AWS; it also takes the place of one that the catalog names.",
        default=None,
        aliases=["endpoint_url"],
        endpoint=True,
    )
    path_style_access: bool = doc("Name the bucket in the path, not in the host.", default=False, endpoint=True)
    storage_credentials: Credentials | None = doc(
        "As whom the bucket is used where the catalog gives no keys; absent: the ambient role.", default=None
    )
    root: str | None = doc(
        "The folder of this machine in which tables' files may lie.", default=None, local_path=True, endpoint=True
    )
    ca_file: str | None = doc(
        "File of the authorities to trust, for catalog and bucket; absent: the system's.",
        default=None,
        local_path=True,
        endpoint=True,
    )


@record
class IcebergRestOptions:
    """How the catalog is used."""

    access_delegation: Literal["vended-credentials", "none"] = doc(
        "Whose keys reach the tables' files: those that the catalog gives for each table, or the platform's.",
        default="none",
        endpoint=True,
    )
    token_refresh_enabled: bool = doc("Fetch a new token before the old one ends.", default=True)
    timeout: float = doc("Seconds for one request.", default=60, aliases=["timeout_seconds"], minimum=1)
    max_concurrency: int = doc("Files that are moved at the same time.", default=8, minimum=1, maximum=256)


ROWS = {
    ("catalog", "iceberg_rest"): Connector(
        config=IcebergRestConfig,
        options=IcebergRestOptions,
        readable=True,
        writable=True,
        places=("table",),
    )
}
