"""Files of other tools: one finding that says so, in the place of one for each of their keys.

What has anything of a flow, or of a platform, is never taken for another tool's: its mistakes are reported.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Mapping, Node, Path, Sequence, items_at, key_span, mappings_at
from firn_compiler.model.shapes import FlowShape, PlatformShape
from firn_compiler.stages.keys_meant import word_meant
from firn_compiler.stages.settle import TYPES, family, served_by
from firn_schemas.compute import COMPUTE
from firn_schemas.decode import words
from firn_schemas.steps import STEPS

TOOLS: tuple[tuple[str, str], ...] = (
    ("a GitHub workflow", "on jobs"),
    ("a GitHub action", "runs.using"),
    ("a Kubernetes manifest", "apiVersion kind"),
    ("a Helm chart", "apiVersion name version"),
    ("values of a Helm chart", "image.repository"),
    ("a Compose file", "services.*.image"),
    ("a Compose file", "services.*.build"),
    ("a dbt project", "config-version"),
    ("a dbt project", "model-paths"),
    ("properties of dbt models", "models.*.name"),
    ("sources of dbt", "sources.*.tables"),
    ("profiles of dbt", "*.outputs *.target"),
    ("a Kestra flow", "id namespace tasks"),
    ("a Meltano project", "plugins.extractors"),
    ("a Meltano project", "plugins.loaders"),
    ("an Airbyte connector", "check streams"),
    ("a Sling replication", "source target streams"),
    ("a Prefect project", "deployments.*.entrypoint"),
    ("a Dagster configuration", "run_launcher"),
    ("a Dagster run configuration", "ops"),
    ("an Airflow DAG", "*.default_args *.tasks"),
    ("a Databricks bundle", "bundle targets"),
    ("a configuration of Great Expectations", "datasources stores"),
    ("an Azure pipeline", "pool steps"),
    ("an Azure pipeline", "trigger steps"),
    ("an Azure pipeline", "trigger jobs"),
    ("an Azure pipeline", "trigger stages"),
    ("a CircleCI configuration", "jobs workflows"),
    ("a Bitbucket pipeline", "pipelines.default"),
    ("a Travis configuration", "language script"),
    ("a Cloud Build configuration", "steps images"),
    ("a GitLab pipeline", "*.script"),
    ("a CloudFormation template", "AWSTemplateFormatVersion"),
    ("a CloudFormation template", "Resources.*.Type"),
    ("a Serverless service", "service provider"),
    ("an OpenAPI description", "openapi info"),
    ("an OpenAPI description", "swagger info"),
    ("a Taskfile", "tasks.*.cmds"),
    ("rules of Prometheus", "groups.*.rules"),
    ("a Prometheus configuration", "scrape_configs"),
    ("an OpenTelemetry Collector's configuration", "receivers exporters"),
    ("a Conda environment", "channels dependencies"),
    ("an MkDocs configuration", "site_name"),
    ("a pre-commit configuration", "repos.*.repo"),
)
"""Other tools, the more telling first, each with the keys by which its files are known; `*` is any key or item."""


def no_flow(written: Mapping, meant: Mapping, broken: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return what to say of a file, as it is `written` and as it was `meant`, that is no flow; nothing where it is one.

    `broken` is what is not YAML in it, which is said of all but another tool's.
    """
    return _foreign(_FLOW, _PLATFORM, written, meant, broken)


def no_platform(written: Mapping, meant: Mapping, broken: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Return what to say of a file that is no platform; nothing where it may be one."""
    return _foreign(_PLATFORM, _FLOW, written, meant, broken)


class _Kind(NamedTuple):
    """A kind of file that is Firn's own."""

    noun: str
    record: type
    needs: frozenset[str]
    """Keys that each has."""
    parts: frozenset[str]
    """Keys of which each has one, and none of the other kind has."""
    typed: Callable[[Mapping], bool]
    """Whether something in it is of a type that Firn knows."""
    use: str
    """What to do with one that stands where the other kind is wanted."""
    help: str


def _foreign(
    wanted: _Kind, other: _Kind, written: Mapping, meant: Mapping, broken: Iterable[Diagnostic]
) -> list[Diagnostic]:
    if _is(wanted, written) or wanted.typed(meant):
        return []
    if _is(other, written) or other.typed(written):
        first = next(iter(written.entries))
        key = next((one for one in written.entries if one not in words(wanted.record)), first)
        message = f"this is a {other.noun}, not a {wanted.noun}"
        return [*broken, finding("E201", message, written.keys[key], other.use, (key,))]
    for tool, keys in TOOLS:
        if path := _path(written, keys):
            message = f"this is no {wanted.noun}: it looks like {tool}"
            return [finding("E201", message, key_span(written, path), wanted.help, path)]
    unknown = [key for key in meant.entries if key not in words(wanted.record)]
    if len(unknown) * 2 < max(len(meant.entries), 1):
        return []
    message = f"this is no {wanted.noun}: it has no part of one, and its keys are unknown"
    return [*broken, finding("E201", message, meant.keys[unknown[0]], wanted.help, (unknown[0],))]


def _is(kind: _Kind, root: Mapping) -> bool:
    return kind.needs <= root.entries.keys() and not kind.parts.isdisjoint(root.entries)


def _has_steps(root: Mapping) -> bool:
    """Whether a step has a type that is known."""
    jobs = [root, *items_at(root, "jobs")]
    steps = (step for job in jobs for key in ("steps", "transforms") for step in items_at(job, key))
    return any(isinstance(step, Mapping) and word_meant(step, "type", STEPS) in STEPS for step in steps)


def _has_systems(root: Mapping) -> bool:
    """Whether a connector, storage, catalog or compute has a type that is known."""
    return (
        any(family(one) is not None for one in mappings_at(root, "connectors").values())
        or any(served_by(section, one) is not None for section in TYPES for one in mappings_at(root, section).values())
        or any(word_meant(one, "type", COMPUTE) in COMPUTE for one in mappings_at(root, "compute").values())
    )


def _path(root: Mapping, keys: str) -> Path:
    """Return the path to the first of the keys, if all of them are there; else an empty one."""
    found = [next(_matches(root, key.split(".")), ()) for key in keys.split()]
    return found[0] if all(found) else ()


def _matches(node: Node, parts: list[str], path: Path = ()) -> Iterator[Path]:
    """Yield the path of every key that a pattern's parts lead to."""
    if not parts:
        yield path
    elif isinstance(node, Mapping):
        for key, item in node.entries.items():
            if parts[0] in ("*", key):
                yield from _matches(item, parts[1:], (*path, key))
    elif isinstance(node, Sequence) and parts[0] == "*":
        for index, item in enumerate(node.items):
            yield from _matches(item, parts[1:], (*path, index))


_FLOW = _Kind(
    noun="flow",
    record=FlowShape,
    needs=frozenset(["name", "version"]),
    parts=frozenset(["jobs", "resources", "steps", "transforms"]),
    typed=_has_steps,
    use="give a platform with `-p FILE`",
    help="a flow has `name`, `version`, and `steps` or `jobs`",
)
_PLATFORM = _Kind(
    noun="platform",
    record=PlatformShape,
    needs=frozenset(["version"]),
    parts=frozenset(["catalogs", "connectors", "extends", "layers", "security", "state", "workspace"]),
    typed=_has_systems,
    use="give it as the platform: `-p FILE`",
    help="a platform has `version`, and such as `connectors`",
)
