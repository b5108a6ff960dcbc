"""The shapes of flow.yaml and platform.yaml, without what depends on a step's type or a connector's driver."""

from typing import Any, Literal

from firn_compiler.model.names import Name, Version
from firn_schemas.base import doc, record


@record
class StepShape:
    """One unit of work; its dataset is named after its id."""

    id: Name = doc("Unique within the job; also the name of the step's dataset.")
    type: str = doc("What the step does.")
    description: str | None = doc("What the step is for.", default=None)
    inputs: dict[str, Any] = doc("The step type's own inputs.", default_factory=dict)
    outputs: dict[str, Any] = doc("Named results, such as `{{ result.rows[0].n }}`.", default_factory=dict)


@record
class JobShape:
    """Steps that run one after the other."""

    id: Name = doc("Unique within the flow.")
    description: str | None = doc("What the job is for.", default=None)
    depends_on: list[str] = doc("Jobs that must have succeeded first.", default_factory=list)
    when: str | bool | None = doc("A condition; the job is skipped where it is false.", default=None)
    steps: list[StepShape] = doc("In the order in which they run.")


@record
class SystemShape:
    """An external system: which connector, and its settings."""

    type: str | None = doc("Short for `kind` and `driver`, such as `sqlite3`.", default=None)
    kind: str | None = doc("Family of systems, such as `db`.", default=None)
    driver: str | None = doc("Member of the family, such as `sqlite3`.", default=None)
    config: dict[str, Any] = doc("Where and as whom.", default_factory=dict)
    params: dict[str, Any] | None = doc("Short for `config`.", default=None)
    options: dict[str, Any] = doc("How: limits and behaviour.", default_factory=dict)


@record
class ResourceShape(SystemShape):
    """An external system that steps use by name: a connector of the platform, or an inline one."""

    profile: str | None = doc("A connector of the platform.", default=None)


@record
class FlowShape:
    """A flow: logic and logical names, the same for every environment."""

    name: Name = doc("The flow's name.")
    version: Version = doc("The flow's own semantic version.")
    description: str | None = doc("What the flow is for.", default=None)
    owner: str | None = doc("Who answers for it.", default=None)
    storage: str | None = doc("Logical name of the storage; `default` when used.", default=None)
    compute: str | None = doc("Logical name of the compute; `default` when used.", default=None)
    variables: dict[Name, Any] = doc(
        "Compile-time constants; the platform and `--var` override them.", default_factory=dict
    )
    resources: dict[Name, ResourceShape] = doc("External systems by the name that steps use.", default_factory=dict)
    jobs: list[JobShape] | None = doc("Units of steps, with their dependencies.", default=None)
    steps: list[StepShape] | None = doc("Short for one job called `main`.", default=None)


@record
class ConnectorShape(SystemShape):
    """A named connector of the platform, which flows use as a `profile`."""

    locked: list[str] = doc("Settings that no flow may override, such as `config.host`.", default_factory=list)


@record
class ComputeShape:
    """The engine that runs a flow's SQL."""

    type: str = doc("The engine, such as `duckdb`.")
    properties: dict[str, Any] = doc("The engine's own properties.", default_factory=dict)


@record
class SecurityShape:
    """The platform's policy."""

    mode: Literal["enterprise", "internal_fast"] = doc("What a flow may bring along.")
    secret_mounts: list[str] = doc(
        "Folders in which mounted secrets are looked up, in this order.", default_factory=list
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
    compute: dict[Name, ComputeShape] = doc("Engines by logical name.", default_factory=dict)
    connectors: dict[Name, ConnectorShape] = doc("External systems by profile name.", default_factory=dict)
    security: SecurityShape | None = doc("The platform's policy.", default=None)
    workspace: WorkspaceShape | None = doc("Where a run keeps its intermediate files.", default=None)
