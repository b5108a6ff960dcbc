"""The artifact as values: what `compiled_artifacts.json` holds after its envelope was checked."""

from firn_schemas.artifact_format import FORMAT
from firn_schemas.base import Json, JsonObject, doc, record


@record
class Fingerprint:
    """SHA-256 digests of one thing and of all it depends on, in three parts. A secret's value is in none."""

    data: str = doc("What decides the data that comes out.")
    operation: str = doc("What decides how the work is done: limits, timeouts, retries, order.")
    words: str = doc("What only people read: descriptions, owners.")


@record
class Step:
    """One unit of work."""

    id: str = doc("Unique within its job; also the name of the dataset that the step makes.")
    type: str = doc("The step's type, a row of the step table.")
    inputs: JsonObject = doc("The type's own inputs; values known only at run time are typed nodes.")
    outputs: JsonObject = doc("Named results, as typed nodes over `result`.", default_factory=dict)
    description: str | None = doc("What the step is for.", default=None)
    fingerprint: Fingerprint = doc("Changes when the step, its resource or a step it reads from changes.")


@record
class Job:
    """Steps that run one after the other."""

    id: str = doc("Unique within its flow.")
    depends_on: list[str] = doc("Jobs that must have succeeded first.", default_factory=list)
    when: Json = doc("A condition as an expression tree; the job is skipped where it is false.", default=None)
    steps: list[Step] = doc("In the order in which they run.")
    description: str | None = doc("What the job is for.", default=None)
    fingerprint: Fingerprint = doc("Over its steps and the jobs it depends on.")


@record
class Resource:
    """An external system, settled: connector defaults, platform and flow already merged."""

    kind: str = doc("Family of systems, such as `db`.")
    driver: str = doc("Member of the family, such as `sqlite3`.")
    config: JsonObject = doc("Where and as whom; secrets as typed nodes.")
    options: JsonObject = doc("How: limits and behaviour.")
    fingerprint: Fingerprint = doc("Over kind, driver, config and options.")


@record
class Flow:
    """One flow of the artifact."""

    version: str = doc("The flow's own semantic version.")
    description: str | None = doc("What the flow is for.", default=None)
    owner: str | None = doc("Who answers for it.", default=None)
    jobs: list[Job] = doc("In an order in which every job follows those it depends on.")
    resources: dict[str, str] = doc("From the name that the flow's steps use to the key in `payload.resources`.")
    fingerprint: Fingerprint = doc("Over all of the flow; independent of other flows in the artifact.")


@record
class Source:
    """A file that was compiled in."""

    kind: str = doc("What it was read as: `flow`, `platform` or `sql`.")
    name: str = doc("The file's own name, or the path by which another source names it.")
    digest: str = doc("SHA-256 of what the file means: its canonical parsed form, or a text file's content.")


@record
class RequiredSecret:
    """A secret reference that the artifact uses."""

    ref: str = doc("The reference.")
    key: str | None = doc("The key inside it.", default=None)
    variable: str = doc("The environment variable that is looked up first.")
    used_by: list[str] = doc("Paths of the artifact's values that hold it.")


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
class Requires:
    """What has to be there before a run: nothing less, and nothing more."""

    connectors: list[RequiredConnector] = doc("Ordered by kind and driver.")
    environment: list[RequiredVariable] = doc("Ordered by name.")
    secrets: list[RequiredSecret] = doc("Ordered by reference and key.")


@record
class Security:
    """The platform's policy, as far as the runtime enforces it."""

    mode: str | None = doc("`enterprise` or `internal_fast`; absent where the platform states none.", default=None)
    secret_mounts: list[str] = doc("Folders in which mounted secrets are looked up, in this order.")


@record
class Workspace:
    """Where a run keeps its intermediate files."""

    root: str = doc("A folder, relative to the run's base folder unless absolute.")
    cleanup: str = doc("`on_success`, `always` or `never`.")


@record
class Payload:
    """Everything that decides behaviour; the artifact's digest covers exactly this."""

    environment: str = doc("The platform's environment.")
    features: list[str] = doc("What a runtime must be able to do, ordered.")
    flows: dict[str, Flow] = doc("By the flow's name.")
    requires: Requires = doc("References to the outside world.")
    resources: dict[str, Resource] = doc("Settled external systems, by key.")
    security: Security = doc("Policy that the runtime enforces.")
    sources: list[Source] = doc("Every file that was compiled in.")
    workspace: Workspace = doc("Where a run keeps its intermediate files.")


@record
class Envelope:
    """The file itself."""

    digest: str = doc("`sha256:` and the SHA-256 of the RFC 8785 form of `payload`.")
    format: str = doc("`firn.artifacts/` and the format's major version.", examples=[FORMAT])
    payload: Payload = doc("Everything that decides behaviour.")
