"""What an artifact holds and requires, for people and for machines. It shows references, never a secret."""

from firn_runtime.artifact_file import Artifact
from firn_schemas.artifact import Flow, Requires
from firn_schemas.base import Json
from firn_schemas.visible import visible


def as_text(artifact: Artifact) -> str:
    """Return the artifact as a page of text."""
    payload = artifact.payload
    lines = [f"digest       {artifact.digest}", f"environment  {payload.environment}"]
    for name, flow in payload.flows.items():
        lines += ["", *_flow(name, flow)]
    if payload.resources:
        lines += ["", "resources"]
        lines += [f"  {key}  {one.kind}/{one.driver}" for key, one in payload.resources.items()]
    lines += ["", *_requires(payload.requires)]
    lines += ["", "compiled from"]
    lines += [f"  {source.kind}  {source.name}  {source.digest}" for source in payload.sources]
    return "\n".join(map(visible, lines)) + "\n"


def _flow(name: str, flow: Flow) -> list[str]:
    lines = [f"flow {name} {flow.version}" + (f"  {flow.description}" if flow.description else "")]
    for job in flow.jobs:
        after = f"  after {', '.join(job.depends_on)}" if job.depends_on else ""
        lines.append(f"  job {job.id}{after}" + ("  on a condition" if job.when is not None else ""))
        for step in job.steps:
            resource = step.inputs.get("resource")
            words = [step.id, step.type] + ([resource] if isinstance(resource, str) else [])
            words += [f"streamed into {step.streamed_into}"] if step.streamed_into is not None else []
            lines.append("    " + "  ".join(words))
    return lines


def _requires(requires: Requires) -> list[str]:
    lines = ["requires"]
    for secret in requires.secrets:
        lines.append(f"  secret {secret.name}  ${secret.variable}  for {', '.join(secret.used_by)}")
    for variable in requires.environment:
        lines.append(f"  variable ${variable.name}" + ("  (optional)" if variable.optional else ""))
    for connector in requires.connectors:
        lines.append(f"  connector {connector.kind}/{connector.driver}")
    return lines if len(lines) > 1 else ["requires nothing from outside"]


def as_json(artifact: Artifact, document: Json) -> Json:
    """Return digest and payload as they stand in the file."""
    assert isinstance(document, dict)
    return {"digest": artifact.digest, "payload": document["payload"]}
