"""From lowered flows to the payload: fingerprints, requirements, features, sources."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from firn_compiler.plugins import Plugin
from firn_compiler.stages.features import features
from firn_compiler.stages.lower import OF_A_FLOW, Lowered
from firn_schemas.canonical import digest
from firn_schemas.connectors import CONNECTORS
from firn_schemas.secret_ref import variable_name
from firn_schemas.steps import STEPS

Record: TypeAlias = dict[str, Any]
"""A JSON object under construction."""

WORDS = ("description", "owner")
OPERATION = ("max_rows", "parallelism", "sample", "severity")
WHERE = (
    *("host", "port", "database", "schema", "path", "root", "bucket", "prefix", "endpoint", "base_url"),
    *("server", "share", "uri", "warehouse", "namespace"),
)
"""Settings that say which system a resource is; the others say as whom and how."""


def fingerprint(data: Any, operation: Any, words: Any) -> Record:
    """Return a fingerprint of three parts."""
    return {"data": digest(data), "operation": digest(operation), "words": digest(words)}


def payload(policy: Record, flows: list[Lowered], sources: list[Record]) -> Record:
    """Return the whole payload; every list in it has a stated order. `policy` is what holds for all flows."""
    keys, resources = _resources(flows)
    frozen = {flow.name: _flow(flow, keys[flow.name], resources) for flow in flows}
    body: Record = policy | {
        "flows": frozen,
        "resources": resources,
        "sources": sorted(sources, key=lambda one: (one["kind"], one["name"], one["digest"])),
    }
    body["features"] = sorted(features(body))
    body["requires"] = _requires(body)
    return body


def with_plugins(body: Record, plugins: Sequence[Plugin]) -> Record:
    """Return the payload with the plug-ins that it needs, and what each of them said of itself."""
    used: dict[str, list[str]] = {}
    for key, one in sorted(body["resources"].items()):
        row = CONNECTORS.get((one["kind"], one["driver"]))
        if row is not None and row.plugin:
            used.setdefault(row.plugin.name, []).append(f"resources.{key}")
    for name, flow in sorted(body["flows"].items()):
        for job in flow["jobs"]:
            for step in job["steps"]:
                origin = STEPS[_innermost(step)["type"]].plugin
                if origin:
                    used.setdefault(origin.name, []).append(f"flows.{name}.{job['id']}.{step['id']}")
    if not used:
        return body
    known = {plugin.name: plugin for plugin in plugins}
    needed = [
        {"name": name, "version": known[name].version, "used_by": places} for name, places in sorted(used.items())
    ]
    sources = [{"kind": "plugin", "name": name, "digest": known[name].digest} for name in sorted(used)]
    return body | {"requires": body["requires"] | {"plugins": needed}, "sources": [*body["sources"], *sources]}


def _resources(flows: list[Lowered]) -> tuple[dict[str, dict[str, str]], Record]:
    """Name every resource: by its own name where all flows agree about it, else by `flow.name`."""
    lowered = {flow.name: dict(flow.resources) for flow in flows}
    keys: dict[str, dict[str, str]] = {}
    resources: Record = {}
    for flow, own in lowered.items():
        keys[flow] = {}
        for name, value in sorted(own.items()):
            agreed = all(other.get(name, value) == value for other in lowered.values())
            key = name if agreed else f"{flow}.{name}"
            keys[flow][name] = key
            data = {part: value[part] for part in ("kind", "driver", "config", "decode") if part in value}
            resources[key] = value | {"fingerprint": fingerprint(data, value["options"], {})}
    return keys, resources


def _flow(flow: Lowered, keys: dict[str, str], resources: Any) -> Record:
    prints: dict[str, Record] = {}
    jobs: list[Any] = []
    engine = resources[keys["compute"]]["fingerprint"]["operation"] if "compute" in keys else ""
    for job in flow.jobs:
        jobs.append(_job(job, prints, keys, resources))
        prints[str(job["id"])] = jobs[-1]["fingerprint"]
    words = {key: flow.head[key] for key in WORDS if key in flow.head}
    parts = {part: [one["fingerprint"][part] for one in jobs] for part in ("data", "operation", "words")}
    own = {"name": flow.name, "version": flow.head["version"]}
    limits = {key: flow.head[key] for key in OF_A_FLOW}
    return flow.head | {
        "jobs": jobs,
        "resources": keys,
        "fingerprint": fingerprint([own, parts["data"]], [engine, limits, parts["operation"]], [words, parts["words"]]),
    }


def _job(job: Record, done: dict[str, Record], keys: dict[str, str], resources: Any) -> Record:
    upstream = [done[name] for name in job["depends_on"]]
    before = [one["data"] for one in upstream]
    steps: list[Any] = []
    for step in job["steps"]:
        frozen = _step(step, before, keys, resources)
        before = [frozen["fingerprint"]["data"]]
        steps.append(frozen)
    parts = {part: [one["fingerprint"][part] for one in steps] for part in ("data", "operation", "words")}
    own = {"id": job["id"], "when": job.get("when"), "depends_on": job["depends_on"]}
    data = [own, [one["data"] for one in upstream], parts["data"]]
    limits = {key: job[key] for key in ("timeout", "lock") if key in job}
    operation = [limits, [one["operation"] for one in upstream], parts["operation"]]
    words = [job.get("description"), parts["words"]]
    return job | {"steps": steps, "fingerprint": fingerprint(data, operation, words)}


def _step(step: Any, before: list[Any], keys: dict[str, str], resources: Any) -> Record:
    """Fingerprint a step over itself, its resource, and all that ran before it in its job and upstream."""
    inputs = step["inputs"]
    name = _innermost(step)["inputs"].get("resource")
    resource = resources[keys[name]]["fingerprint"] if name in keys else {"data": "", "operation": ""}
    decisive = {key: value for key, value in inputs.items() if key not in OPERATION}
    operation = {key: value for key, value in inputs.items() if key in OPERATION}
    operation |= {key: step[key] for key in ("retry", "timeout", "lock", "streamed_into") if key in step}
    own = {key: step[key] for key in ("id", "type", "outputs", "on_no_data", "tree") if key in step}
    own |= {"inputs": decisive}
    if "watermark" in step:
        step = step | {"watermark": _watermark(step, keys, resources)}
    frozen: Record = step | {
        "fingerprint": fingerprint(
            [own, resource["data"], before], [operation, resource["operation"]], step.get("description")
        )
    }
    return frozen


def _innermost(step: Any) -> Any:
    """Return the step that does the work: under a lock it is the one that is run."""
    while step["type"] == "with_lock":
        step = step["inputs"]["step"]
    return step


def _watermark(step: Any, keys: dict[str, str], resources: Any) -> Record:
    """Return how an incremental read keeps its place: what is read decides what a kept value means, not how."""
    inputs, rule = _innermost(step)["inputs"], step["watermark"]
    one = resources[keys[inputs["resource"]]]
    source = [one["kind"], one["driver"], {key: one["config"][key] for key in WHERE if key in one["config"]}]
    request = inputs.get("request")
    place = request.get("path") if isinstance(request, dict) else inputs.get("table") or inputs.get("path")
    read = place or rule["tables"] or inputs.get("sql")
    meaning = digest([source, read, inputs["incremental"]["cursor"]])
    return {"meaning": meaning, "moves_after": rule["moves_after"]}


def _requires(body: Any) -> Record:
    secrets: dict[tuple[str, str], list[str]] = {}
    variables: dict[str, list[tuple[str, bool]]] = {}
    for path, node in _typed([(part, body[part]) for part in ("flows", "resources", "state") if part in body]):
        if "$secret" in node:
            secret = node["$secret"]
            secrets.setdefault((secret["ref"], secret.get("key", "")), []).append(path)
        elif "$env" in node:
            variables.setdefault(node["$env"]["name"], []).append((path, "default" in node["$env"]))
    connectors: dict[tuple[str, str], list[str]] = {}
    for key, one in sorted(body["resources"].items()):
        if one["kind"] != "compute":
            connectors.setdefault((one["kind"], one["driver"]), []).append(f"resources.{key}")
    return {
        "connectors": [{"kind": k, "driver": d, "used_by": used} for (k, d), used in sorted(connectors.items())],
        "environment": [
            {
                "name": name,
                "optional": all(optional for _, optional in used),
                "used_by": sorted(path for path, _ in used),
            }
            for name, used in sorted(variables.items())
        ],
        "secrets": [
            {"ref": ref, "variable": variable_name(ref, key or None), "used_by": sorted(used)}
            | ({"key": key} if key else {})
            for (ref, key), used in sorted(secrets.items())
        ],
    }


def _typed(parts: Iterable[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    """Yield every typed node with its path, those below the keys of a `$literal` too."""
    waiting = [*parts]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, list):
            waiting += [(f"{path}[{at}]", item) for at, item in enumerate(value) if isinstance(item, (dict, list))]
        elif "$secret" in value or "$env" in value:
            yield path, value
        else:
            held = value.get("$literal", value)  # its keys are data; what stands under them is not
            waiting += [(f"{path}.{key}", item) for key, item in held.items() if isinstance(item, (dict, list))]
