"""The shapes of flow.yaml and platform.yaml, without what depends on a step's type or a connector's driver."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field

from firn_compiler.model.closed import Closed, checked_name

NAME = re.compile(r"[a-zA-Z][a-zA-Z0-9_-]{0,99}\Z")
NAME_RULE = "must begin with a letter and hold only letters, digits, `_` and `-`, at most 100"
Name = Annotated[
    str, checked_name(NAME, NAME_RULE), Field(json_schema_extra={"pattern": "^[a-zA-Z][a-zA-Z0-9_-]{0,99}$"})
]
SEMANTIC_VERSION = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?\Z", re.ASCII
)
Version = Annotated[
    str,
    checked_name(SEMANTIC_VERSION, "must be a semantic version such as `1.0.0`"),
    Field(examples=["1.0.0"], json_schema_extra={"pattern": r"^\d+\.\d+\.\d+"}),
]


class StepShape(Closed):
    """One unit of work; its dataset is named after its id."""

    id: Name = Field(description="Unique within the job; also the name of the step's dataset.")
    type: str = Field(description="What the step does.")
    description: str | None = Field(None, description="What the step is for.")
    inputs: dict[str, Any] = Field({}, description="The step type's own inputs.")
    outputs: dict[str, Any] = Field({}, description="Named results, such as `{{ result.rows[0].n }}`.")


class JobShape(Closed):
    """Steps that run one after the other."""

    id: Name = Field(description="Unique within the flow.")
    description: str | None = Field(None, description="What the job is for.")
    depends_on: list[str] = Field([], description="Jobs that must have succeeded first.")
    when: str | bool | None = Field(None, description="A condition; the job is skipped where it is false.")
    steps: list[StepShape] = Field(description="In the order in which they run.")


class SystemShape(Closed):
    """An external system: which connector, and its settings."""

    type: str | None = Field(None, description="Short for `kind` and `driver`, such as `sqlite3`.")
    kind: str | None = Field(None, description="Family of systems, such as `db`.")
    driver: str | None = Field(None, description="Member of the family, such as `sqlite3`.")
    config: dict[str, Any] = Field({}, description="Where and as whom.")
    params: dict[str, Any] | None = Field(None, description="Short for `config`.")
    options: dict[str, Any] = Field({}, description="How: limits and behaviour.")


class ResourceShape(SystemShape):
    """An external system that steps use by name: a connector of the platform, or an inline one."""

    profile: str | None = Field(None, description="A connector of the platform.")


class FlowShape(Closed):
    """A flow: logic and logical names, the same for every environment."""

    name: Name = Field(description="The flow's name.")
    version: Version = Field(description="The flow's own semantic version.")
    description: str | None = Field(None, description="What the flow is for.")
    owner: str | None = Field(None, description="Who answers for it.")
    storage: str | None = Field(None, description="Logical name of the storage; `default` when used.")
    compute: str | None = Field(None, description="Logical name of the compute; `default` when used.")
    variables: dict[Name, Any] = Field(
        {}, description="Compile-time constants; the platform and `--var` override them."
    )
    resources: dict[Name, ResourceShape] = Field({}, description="External systems by the name that steps use.")
    jobs: list[JobShape] | None = Field(None, description="Units of steps, with their dependencies.")
    steps: list[StepShape] | None = Field(None, description="Short for one job called `main`.")


class ConnectorShape(SystemShape):
    """A named connector of the platform, which flows use as a `profile`."""

    locked: list[str] = Field([], description="Settings that no flow may override, such as `config.host`.")


class ComputeShape(Closed):
    """The engine that runs a flow's SQL."""

    type: str = Field(description="The engine, such as `duckdb`.")
    properties: dict[str, Any] = Field({}, description="The engine's own properties.")


class SecurityShape(Closed):
    """The platform's policy."""

    mode: Literal["enterprise", "internal_fast"] = Field(description="What a flow may bring along.")
    secret_mounts: list[str] = Field([], description="Folders in which mounted secrets are looked up, in this order.")


class WorkspaceShape(Closed):
    """Where a run keeps its intermediate files."""

    root: str = Field(".firn/work", description="A folder, relative to the run's base folder unless absolute.")
    cleanup: Literal["on_success", "always", "never"] = Field("on_success", description="When they are removed.")


class PlatformShape(Closed):
    """A platform: what the logical names mean in one environment."""

    version: Version = Field(description="Version of the platform language.")
    environment: Name | None = Field(None, description="The environment's name; else `--env`, else the file's folder.")
    extends: str | None = Field(None, description="One parent file, relative to this one.")
    variables: dict[Name, Any] = Field({}, description="Compile-time constants.")
    storage: dict[Name, dict[str, Any]] = Field({}, description="Where files live, by logical name.")
    compute: dict[Name, ComputeShape] = Field({}, description="Engines by logical name.")
    connectors: dict[Name, ConnectorShape] = Field({}, description="External systems by profile name.")
    security: SecurityShape | None = Field(None, description="The platform's policy.")
    workspace: WorkspaceShape | None = Field(None, description="Where a run keeps its intermediate files.")
