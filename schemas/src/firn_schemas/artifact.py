"""The artifact as values: what `compiled_artifacts.json` holds after its envelope was checked."""

from typing import Literal

from firn_schemas.artifact_format import FORMAT, ErrorClass
from firn_schemas.base import Json, JsonObject, doc, record


@record
class Fingerprint:
    """SHA-256 digests of one thing and of all it depends on, in three parts. A secret's value is in none."""

    data: str = doc("What decides the data that comes out.")
    operation: str = doc("What decides how the work is done: limits, timeouts, retries, order.")
    words: str = doc("What only people read: descriptions, owners.")


@record
class Retry:
    """When failed work is tried again."""

    max_attempts: int = doc("Attempts in all, the first one counted.", minimum=1)
    backoff: float = doc("Seconds before the second attempt; each later wait is twice as long.", minimum=0)
    max_backoff: float = doc("The longest wait in seconds.", minimum=0)
    on: list[ErrorClass] = doc("Classes of errors that are worth another attempt.")


@record
class Lock:
    """A lock that is held while the work goes on."""

    key: str = doc("Name of the lock.")
    ttl_seconds: float = doc("Seconds of the lease.", minimum=0)


@record
class SourceColumn:
    """A column outside the flow from which one of a dataset is computed."""

    resource: str = doc("The flow's name of the resource.")
    dataset: str = doc("Table, file or path in it.")
    column: str = doc("The column.")


@record
class Watermark:
    """How the place of an incremental read is kept."""

    meaning: str = doc("Digest over the source, the place in it and the cursor: one of another meaning is not used.")
    moves_after: list[str] = doc("Steps that publish its rows, as `job.step`, ordered: it moves with the last of them.")


@record
class Step:
    """One unit of work."""

    id: str = doc("Unique within its job; also the name of the dataset that the step makes.")
    type: str = doc("The step's type, a row of the step table.")
    inputs: JsonObject = doc("The type's own inputs; values known only at run time are typed nodes.")
    outputs: JsonObject = doc("Named results, as typed nodes over `result`.", default_factory=dict)
    description: str | None = doc("What the step is for.", default=None)
    on_no_data: Literal["skip_job", "fail"] | None = doc(
        "What to do where the step finds nothing; absent: go on.", default=None
    )
    retry: Retry | None = doc("When the step is tried again; absent: never.", default=None)
    timeout: float | None = doc("Seconds after which the step is stopped.", default=None)
    lock: Lock | None = doc("A lock that is held while the step works.", default=None)
    repeatable: bool = doc("Doing it twice is as good as once; a mail is not.", default=True)
    streamed_into: str | None = doc(
        "The one step that reads the dataset, while it is made; absent: the dataset is materialised.", default=None
    )
    columns: list[str] | None = doc("The dataset's columns, where the compiler knows them.", default=None)
    lineage: dict[str, list[SourceColumn]] = doc(
        "From the dataset's columns to those outside the flow they are computed from, as far as known.",
        default_factory=dict,
    )
    watermark: Watermark | None = doc("How an incremental read keeps its place; absent: for all others.", default=None)
    tree: str | None = doc("Digest over the files that the step's inputs point to.", default=None)
    fingerprint: Fingerprint = doc("Changes when the step, its resource or a step it reads from changes.")


@record
class Job:
    """Steps that run one after the other."""

    id: str = doc("Unique within its flow.")
    depends_on: list[str] = doc("Jobs that must have succeeded first.", default_factory=list)
    when: Json = doc("A condition as an expression tree; the job is skipped where it is false.", default=None)
    steps: list[Step] = doc("In the order in which they run.")
    description: str | None = doc("What the job is for.", default=None)
    timeout: float | None = doc("Seconds after which the job is stopped.", default=None)
    lock: Lock | None = doc("A lock that is held while the job works.", default=None)
    fingerprint: Fingerprint = doc("Over its steps and the jobs it depends on.")


@record
class Resource:
    """An external system, settled: connector defaults, platform and flow already merged."""

    kind: str = doc("Family of systems, such as `db`.")
    driver: str = doc("Member of the family, such as `sqlite3`.")
    config: JsonObject = doc("Where and as whom; secrets as typed nodes.")
    options: JsonObject = doc("How: limits and behaviour.")
    decode: list[str] = doc("Settings that pass the decode hook, such as `config.password`.", default_factory=list)
    fingerprint: Fingerprint = doc("Over kind, driver, config and options.")


@record
class Observability:
    """What a run tells the outside, and where."""

    traces: bool = doc("Send OpenTelemetry spans.", default=False)
    metrics: bool = doc("Send OpenTelemetry metrics.", default=False)
    lineage: bool = doc("Send OpenLineage events.", default=False)
    otlp_endpoint: Json = doc("Where OpenTelemetry goes: text, or a typed node.", default=None)
    lineage_endpoint: Json = doc("Where OpenLineage goes: text, or a typed node.", default=None)
    attributes: JsonObject = doc("Attributes of every span and event: scalars, or typed nodes.", default_factory=dict)


@record
class Governance:
    """Where classifications come from, and whether lineage is kept."""

    classification_source: str | None = doc("Where the classification of columns is read.", default=None)
    emit_lineage: bool | None = doc("Write column lineage into the run's events.", default=None)
    classifications: dict[str, str] = doc("Classification by `dataset.column`.", default_factory=dict)


@record
class Layer:
    """A logical destination."""

    storage_ref: str | None = doc("A storage of the platform.", default=None)
    catalog_ref: str | None = doc("A catalog of the platform.", default=None)
    namespace: str = doc("Where its tables live.")
    retention_days: int | None = doc("Days that data is kept.", default=None)
    description: str | None = doc("What the layer is for.", default=None)


@record
class Flow:
    """One flow of the artifact."""

    version: str = doc("The flow's own semantic version.")
    description: str | None = doc("What the flow is for.", default=None)
    owner: str | None = doc("Who answers for it.", default=None)
    jobs: list[Job] = doc("In an order in which every job follows those it depends on.")
    resources: dict[str, str] = doc("From the name that the flow's steps use to the key in `payload.resources`.")
    observability: Observability | None = doc("The flow's, over the platform's.", default=None)
    governance: Governance | None = doc("The flow's, over the platform's.", default=None)
    lock: Lock = doc("Held by every run of the flow.")
    max_parallel: int = doc("Jobs that run side by side.", minimum=1)
    fingerprint: Fingerprint = doc("Over all of the flow; independent of other flows in the artifact.")


@record
class Source:
    """A file that was compiled in."""

    kind: str = doc("What it was read as: `flow`, `platform`, `sql`, `dbt` or `plugin`.")
    name: str = doc("The file's own name, or the path by which another source names it.")
    digest: str = doc("SHA-256 of what the file means: its canonical parsed form, or a text file's content.")


@record
class RequiredSecret:
    """A secret reference that the artifact uses."""

    ref: str = doc("The reference.")
    key: str | None = doc("The key inside it.", default=None)
    variable: str = doc("The environment variable that is looked up first.")
    used_by: list[str] = doc("Paths of the artifact's values that hold it.")

    @property
    def name(self) -> str:
        """Return its name in messages."""
        return self.ref if self.key is None else f"{self.ref}/{self.key}"


@record
class RequiredVariable:
    """An environment variable that the artifact uses."""

    name: str = doc("The variable.")
    optional: bool = doc("True where every use has a default.")
    used_by: list[str] = doc("Paths of the artifact's values that hold it.")


@record
class RequiredConnector:
    """A connector that the artifact uses."""

    kind: str = doc("Family of systems.")
    driver: str = doc("Member of the family.")
    used_by: list[str] = doc("Paths of the resources.")


@record
class RequiredPlugin:
    """A plug-in that the artifact uses."""

    name: str = doc("Name of the distribution.")
    version: str = doc("The version that it was compiled against.")
    used_by: list[str] = doc("Paths of the resources and steps.")


@record
class Requires:
    """What has to be there before a run: nothing less, and nothing more."""

    connectors: list[RequiredConnector] = doc("Ordered by kind and driver.")
    environment: list[RequiredVariable] = doc("Ordered by name.")
    plugins: list[RequiredPlugin] = doc("Ordered by name.", default_factory=list)
    secrets: list[RequiredSecret] = doc("Ordered by reference and key.")


@record
class Plugin:
    """A plug-in that the platform allows."""

    name: str = doc("Name of the distribution.")
    version: str = doc("Its one version.")
    sha256: str | None = doc("Digest over its files.", default=None)


@record
class DecodeHook:
    """Code of the platform through which marked settings pass."""

    module: str = doc("Importable name of the module, or the built-in `base64`.")
    sha256: str | None = doc("Digest of the module's file.", default=None)


@record
class Compatibility:
    """Which versions of the runtime may run the artifact."""

    min_version: str | None = doc("The oldest.", default=None)
    max_version: str | None = doc("The newest.", default=None)


@record
class AllowedFinding:
    """A finding of the secret scanner that the platform allows."""

    path: str = doc("Where the value stands in its source.")
    rule: str = doc("The rule that finds it.")
    sha256: str = doc("The value's salted digest.")
    reason: str = doc("Why it is no secret.")
    expires: str = doc("The last day on which it is allowed.")


@record
class Security:
    """The platform's policy, as far as the runtime enforces it."""

    mode: str | None = doc("`enterprise` or `internal_fast`; absent where the platform states none.", default=None)
    secret_mounts: list[str] = doc("Folders in which mounted secrets are looked up, in this order.")
    allow_short_secrets: bool = doc("Secrets of fewer than 5 characters are accepted.", default=False)
    plugins: list[Plugin] = doc("Plug-ins that are allowed.", default_factory=list)
    plugin_folders: list[str] = doc("Folders with further plug-ins, in this order.", default_factory=list)
    archive_drivers: list[str] | None = doc(
        "Archive drivers that are allowed; absent: all, in `enterprise` mode none.", default=None
    )
    decode_hook: DecodeHook | None = doc("Code that decodes marked settings.", default=None)
    trusted_keys: list[str] | None = doc(
        "Public keys in PEM, one of which must have signed the artifact; absent: nobody need have.", default=None
    )
    allow_findings: list[AllowedFinding] = doc("Findings of the secret scanner that are allowed.", default_factory=list)


@record
class Workspace:
    """Where a run keeps its intermediate files."""

    root: str = doc("A folder, relative to the run's base folder unless absolute.")
    cleanup: str = doc("`on_success`, `always` or `never`.")


@record
class Payload:
    """Everything that decides behaviour; the artifact's digest covers exactly this."""

    compatibility: Compatibility | None = doc("Which runtimes may run it; absent: all that can.", default=None)
    environment: str = doc("The platform's environment.")
    features: list[str] = doc("What a runtime must be able to do, ordered.")
    flows: dict[str, Flow] = doc("By the flow's name.")
    layers: dict[str, Layer] = doc("Logical destinations, by name.", default_factory=dict)
    requires: Requires = doc("References to the outside world.")
    resources: dict[str, Resource] = doc("Settled external systems, by key.")
    security: Security = doc("Policy that the runtime enforces.")
    sources: list[Source] = doc("Every file that was compiled in.")
    state: JsonObject | None = doc("Where runs keep their state, as the platform says.", default=None)
    workspace: Workspace = doc("Where a run keeps its intermediate files.")


@record
class Envelope:
    """The file itself."""

    digest: str = doc("`sha256:` and the SHA-256 of the RFC 8785 form of `payload`.")
    format: str = doc("`firn.artifacts/` and the format's major version.", examples=[FORMAT])
    payload: Payload = doc("Everything that decides behaviour.")
