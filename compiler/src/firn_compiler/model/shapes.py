"""The shapes of flow.yaml and platform.yaml, without what depends on a step's type or a connector's driver."""

from typing import Any, Literal

from firn_compiler.model.names import Day, Duration, Exactly, Filled, Name, Namespace, Sha256, Version
from firn_schemas.artifact_format import TRANSIENT, ErrorClass
from firn_schemas.base import doc, record
from firn_schemas.connectors.databases import PostgresConfig, SslMode
from firn_schemas.credentials import Credentials

Seconds = float | Duration


@record
class RetryShape:
    """When failed work is tried again; without it, never."""

    max_attempts: int = doc("Attempts in all, the first one counted.", minimum=1, maximum=100)
    backoff: Seconds = doc("Seconds before the second attempt; each later wait is twice as long.", default=1, minimum=0)
    max_backoff: Seconds = doc("The longest wait.", default=60, minimum=0)
    on: list[ErrorClass] = doc("Classes of errors worth another attempt.", default_factory=lambda: [*TRANSIENT])


@record
class LockShape:
    """A lock that is held while the work goes on."""

    key: Filled = doc("Name of the lock; the same name excludes each other.")
    ttl_seconds: Seconds = doc("Seconds of the lease; it is renewed while the work goes on.", default=60, minimum=1)


OnNoData = Literal["continue", "skip_job", "fail"]


@record
class StepShape:
    """One unit of work; its dataset is named after its id."""

    id: Name = doc("Unique within the job; also the name of the step's dataset.")
    type: str = doc("What the step does.")
    description: str | None = doc("What the step is for.", default=None)
    inputs: dict[str, Any] = doc("The step type's own inputs.", default_factory=dict)
    outputs: dict[str, Any] = doc("Named results, such as `{{ result.rows[0].n }}`.", default_factory=dict)
    on_no_data: OnNoData = doc("What to do where the step finds nothing.", default="continue")
    retry: RetryShape | None = doc("When the step is tried again; absent: never.", default=None)
    timeout: Seconds | None = doc("Seconds after which the step is stopped.", default=None, minimum=0.001)
    lock: LockShape | None = doc("A lock that is held while the step works.", default=None)
    materialize: bool | None = doc(
        "Keep the step's dataset until the run ends, or hand it over while it is made to the one step that reads it; "
        "absent: as the compiler decides.",
        default=None,
    )


@record
class JobShape:
    """Steps that run one after the other."""

    id: Name = doc("Unique within the flow.")
    description: str | None = doc("What the job is for.", default=None)
    depends_on: list[str] = doc("Jobs that must have succeeded first.", default_factory=list)
    when: str | bool | None = doc("A condition; the job is skipped where it is false.", default=None)
    steps: list[StepShape] = doc("In the order in which they run.")
    retry: RetryShape | None = doc("When each step without a `retry` of its own is tried again.", default=None)
    timeout: Seconds | None = doc("Seconds after which the job is stopped.", default=None, minimum=0.001)
    lock: LockShape | None = doc("A lock that is held while the job works.", default=None)


@record
class SystemShape:
    """An external system: which connector, and its settings."""

    type: str | None = doc("Short for `kind` and `driver`, such as `sqlite3`.", default=None)
    kind: str | None = doc("Family of systems, such as `db`.", default=None)
    driver: str | None = doc("Member of the family, such as `sqlite3`.", default=None)
    config: dict[str, Any] = doc("Where and as whom.", default_factory=dict)
    params: dict[str, Any] | None = doc("Short for `config`.", default=None)
    options: dict[str, Any] = doc("How: limits and behaviour.", default_factory=dict)
    credentials: Credentials | None = doc("As whom; short for `config.credentials`.", default=None)


@record
class ResourceShape(SystemShape):
    """An external system that steps use by name: a connector of the platform, or an inline one."""

    profile: str | None = doc("A connector of the platform.", default=None)


@record
class ObservabilityShape:
    """What a run tells the outside."""

    traces: bool | None = doc("Send OpenTelemetry spans.", default=None)
    metrics: bool | None = doc("Send OpenTelemetry metrics.", default=None)
    lineage: bool | None = doc("Send OpenLineage events.", default=None)
    attributes: dict[str, str | int | float | bool] = doc(
        "Attributes of every span and event.", default_factory=dict, examples=[{"service.name": "daily-revenue"}]
    )


@record
class GovernanceShape:
    """Where classifications come from, and whether lineage is kept."""

    classification_source: Literal["dbt_meta", "platform", "none"] | None = doc(
        "Where the classification of columns is read.", default=None
    )
    emit_lineage: bool | None = doc("Write column lineage into the run's events.", default=None)
    classifications: dict[str, str] = doc(
        "Classification by `dataset.column`.", default_factory=dict, examples=[{"orders.email": "pii"}]
    )


@record
class FlowShape:
    """A flow: logic and logical names, the same for every environment."""

    name: Name = doc("The flow's name.")
    version: Version = doc("The flow's own semantic version.")
    description: str | None = doc("What the flow is for.", default=None)
    owner: str | None = doc("Who answers for it.", default=None)
    storage: str | None = doc("Logical name of the storage; `default` when used.", default=None)
    catalog: str | None = doc("Logical name of the catalog; `default` when used.", default=None)
    compute: str | None = doc("Logical name of the compute; `default` when used.", default=None)
    variables: dict[Name, Any] = doc(
        "Compile-time constants; the platform and `--var` override them.", default_factory=dict
    )
    resources: dict[Name, ResourceShape] = doc("External systems by the name that steps use.", default_factory=dict)
    jobs: list[JobShape] | None = doc("Units of steps, with their dependencies.", default=None)
    steps: list[StepShape] | None = doc("Short for one job called `main`.", default=None)
    transforms: list[dict[str, Any]] | None = doc(
        "Short for one job `transforms` after all others: each item is a step's `type` and its inputs.",
        default=None,
        examples=[[{"type": "dbt", "path": "./dbt", "target": "prod"}]],
    )
    governance: GovernanceShape | None = doc("The flow's own, over the platform's.", default=None)
    observability: ObservabilityShape | None = doc("The flow's own, over the platform's.", default=None)
    lock: LockShape | None = doc(
        "Held by every run of the flow; absent: `flow:` and its name, so that no two runs of it overlap.", default=None
    )
    max_parallel: int | None = doc("Jobs that run side by side; absent: 4.", default=None, minimum=1, maximum=256)


@record
class ConnectorShape(SystemShape):
    """A named connector of the platform, which flows use as a `profile`."""

    locked: list[str] = doc("Settings that no flow may override, such as `config.host`.", default_factory=list)
    decode: dict[str, Any] = doc(
        "Settings that pass through the decode hook after they are resolved.",
        default_factory=dict,
        examples=[{"config": {"password": True}}],
    )


@record
class ComputeShape:
    """The engine that runs a flow's SQL."""

    type: str = doc("The engine, such as `duckdb`.")
    properties: dict[str, Any] = doc("The engine's own properties.", default_factory=dict)
    master: str | None = doc("Spark: the cluster's master.", default=None, examples=["spark://spark:7077"])
    remote: str | None = doc("Spark: the address of a Spark Connect server.", default=None)


@record
class LayerShape:
    """A logical destination, such as bronze, silver or gold."""

    storage_ref: str | None = doc("A storage of the platform.", default=None)
    catalog_ref: str | None = doc("A catalog of the platform.", default=None)
    namespace: Namespace = doc("Where its tables live, without the warehouse.", examples=["gold", "analytics.gold"])
    retention_days: int | None = doc("Days that data is kept; absent: for ever.", default=None, minimum=1)
    description: str | None = doc("What the layer is for.", default=None)


@record
class PluginShape:
    """A plug-in that an `enterprise` platform allows."""

    name: str = doc("Name of the distribution.", examples=["acme-firn-sap"])
    version: Exactly = doc("Its one version.", examples=["==1.4.2"])
    sha256: Sha256 | None = doc("Digest over its files, as `firn plugins` prints it.", default=None)


@record
class DecodeHookShape:
    """Code of the platform through which marked settings pass."""

    module: str = doc("Importable name of the module, or the built-in `base64`.", examples=["acme.secrets"])
    sha256: Sha256 | None = doc("Digest of the module's file.", default=None)


@record
class AllowedFinding:
    """A finding of the secret scanner that a person has judged to be no secret."""

    path: Filled = doc("Where the value stands, as the finding says it.", examples=["resources.shop.options.session"])
    rule: Filled = doc("The rule that finds it.", examples=["random"])
    sha256: Sha256 = doc("The value's salted digest: `firn scan --exceptions` prints it.")
    reason: Filled = doc("Why it is no secret.")
    expires: Day = doc("The last day on which it is allowed.", examples=["2027-06-30"])


@record
class SecurityShape:
    """The platform's policy."""

    mode: Literal["enterprise", "internal_fast"] = doc("What a flow may bring along.")
    secret_mounts: list[str] = doc(
        "Folders in which mounted secrets are looked up, in this order.", default_factory=list
    )
    allow_short_secrets: bool = doc(
        "Accept secrets of fewer than 5 characters, which cannot be masked reliably.", default=False
    )
    plugins: list[PluginShape] = doc("Plug-ins that flows may use.", default_factory=list)
    plugin_folders: list[Filled] = doc(
        "Folders with further plug-ins, relative to the run's base folder; only in `internal_fast`.",
        default_factory=list,
    )
    archive_drivers: list[Literal["zipfile", "tarfile", "pyzipper"]] | None = doc(
        "Archive drivers that flows may use; absent: all, in an `enterprise` platform none.", default=None
    )
    decode_hook: DecodeHookShape | None = doc("Code that decodes marked settings.", default=None)
    trusted_keys: list[Filled] = doc(
        "Public keys, each in PEM or as a file of them beside this one: one must have signed what is run.",
        default_factory=list,
        examples=[["keys/release.pub"]],
    )
    allow_findings: list[AllowedFinding] = doc(
        "Findings of the secret scanner that are no secrets.", default_factory=list
    )


@record
class SqliteState:
    """State in a SQLite file."""

    backend: Literal["sqlite"] = doc("A SQLite file.")
    path: str = doc("The file, relative to the run's base folder unless absolute.", default=".firn/state.db")


@record
class PostgresState(PostgresConfig):
    """State in a PostgreSQL database, for many pods."""

    backend: Literal["postgres"] = doc("A PostgreSQL database.")
    sslmode: SslMode | None = doc("TLS, as for a `db/postgres` connector.", default=None)
    sslrootcert: str | None = doc(
        "File of the authorities to trust, relative to the run's base folder unless absolute.", default=None
    )
    connect_timeout: float = doc("Seconds to connect.", default=10, minimum=0)


@record
class CompatibilityShape:
    """Which versions of the runtime may run what this platform compiles."""

    min_version: Version | None = doc("The oldest.", default=None)
    max_version: Version | None = doc("The newest.", default=None)


@record
class PlatformObservabilityShape(ObservabilityShape):
    """What runs tell the outside, and where."""

    otlp_endpoint: str | None = doc(
        "Where OpenTelemetry goes: OTLP over HTTP, without `/v1/traces`.", default=None, examples=["http://otel:4318"]
    )
    lineage_endpoint: str | None = doc(
        "Where OpenLineage goes, without `/api/v1/lineage`.", default=None, examples=["http://marquez:5000"]
    )


@record
class WorkspaceShape:
    """Where a run keeps its intermediate files."""

    root: str = doc("A folder, relative to the run's base folder unless absolute.", default=".firn/work")
    cleanup: Literal["on_success", "always", "never"] = doc("When they are removed.", default="on_success")


@record
class PlatformShape:
    """A platform: what the logical names mean in one environment."""

    version: Version = doc("Version of the platform language.")
    environment: Name | None = doc("The environment's name; else `--env`, else the file's folder.", default=None)
    extends: str | None = doc("One parent file, relative to this one.", default=None)
    variables: dict[Name, Any] = doc("Compile-time constants.", default_factory=dict)
    storage: dict[Name, dict[str, Any]] = doc("Where files live, by logical name.", default_factory=dict)
    catalogs: dict[Name, dict[str, Any]] = doc("Where tables are registered, by logical name.", default_factory=dict)
    compute: dict[Name, ComputeShape] = doc("Engines by logical name.", default_factory=dict)
    connectors: dict[Name, ConnectorShape] = doc("External systems by profile name.", default_factory=dict)
    layers: dict[Name, LayerShape] = doc("Logical destinations, such as `bronze` and `gold`.", default_factory=dict)
    security: SecurityShape | None = doc("The platform's policy.", default=None)
    state: SqliteState | PostgresState | None = doc("Where runs keep their state.", default=None)
    workspace: WorkspaceShape | None = doc("Where a run keeps its intermediate files.", default=None)
    observability: PlatformObservabilityShape | None = doc("What runs tell the outside, and where.", default=None)
    governance: GovernanceShape | None = doc("Where classifications come from.", default=None)
    compatibility: CompatibilityShape | None = doc("Which runtimes may run the artifact.", default=None)
