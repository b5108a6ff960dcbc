"""`firn explain`: where a value comes from, read from what was compiled or from the sources themselves."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from firn_compiler.diagnostics import Diagnostic, suggestion
from firn_compiler.document import Span
from firn_compiler.model.project import Project
from firn_compiler.stages.places import Layer, Place, flow_places, leaves, platform_places
from firn_schemas.base import Json

RULE = (
    "connector defaults, then the `extends` chain from base to leaf, then the flow's own; "
    "mappings merge key by key, lists and scalars replace, null removes"
)
MAP_FORMAT = "firn.map/1"


class NotExplained(Exception):
    """There is no such value; `help` names those that are near."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


def explain(known: Iterable[Place], path: str) -> list[Place]:
    """Return the history of every leaf at or below `path`; raises NotExplained."""
    rows = {place.name: place for place in known}
    wanted = _normal(path)
    found = [place for name, place in rows.items() if _fits(_normal(name), wanted)]
    if found:
        return found
    names = {short for name in rows for short in _ways(_normal(name))}
    parents = sorted({name.rpartition(".")[0] for name in names} | names)
    raise NotExplained(f"there is no value `{path}`", suggestion(path, _near(parents, wanted), "near it:"))


def _near(names: list[str], wanted: str) -> list[str]:
    """Return the names that share the longest beginning with what was asked for."""
    parts = wanted.split(".")
    for length in range(len(parts) - 1, 0, -1):
        beginning = ".".join(parts[:length]) + "."
        near = sorted(
            {beginning + name.removeprefix(beginning).partition(".")[0] for name in names if name.startswith(beginning)}
        )
        if near:
            return near
    return sorted({name.partition(".")[0] for name in names})


def _normal(path: str) -> str:
    return re.sub(r"\[(\d+)\]", r".\1", path).replace("/", ".").strip(".").removeprefix("payload.")


def _ways(name: str) -> Iterator[str]:
    """Yield how a value may be asked for: in full, or without the flow's name."""
    yield name
    if name.startswith("flows."):
        yield name.split(".", 2)[2]


def _fits(name: str, wanted: str) -> bool:
    return any(way == wanted or way.startswith(f"{wanted}.") for way in _ways(name))


def of_project(project: Project, refused: Collection[Diagnostic] = ()) -> Iterator[Place]:
    """Yield the history of everything that the sources say: what would be frozen, the platform, the variables.

    Of what a finding refused no value is told: it may be a secret in the wrong place.
    """
    paths = {f"{one.path}." for one in refused if one.path}
    spans = {one.span for one in refused}
    for place in _places(project):
        spelled = [f"{way}." for way in _ways(_normal(place.name))]
        hidden = any(way.startswith(path) for way in spelled for path in paths)
        yield (
            place
            if not hidden and spans.isdisjoint({place.span, *(layer.span for layer in place.replaced)})
            else (
                place._replace(
                    value=HIDDEN, written="", replaced=tuple(one._replace(value=HIDDEN) for one in place.replaced)
                )
            )
        )


HIDDEN = "…"


def _places(project: Project) -> Iterator[Place]:
    for flow in project.flows:
        yield from flow_places(flow, project.platform)
    if project.platform is not None:
        yield from platform_places(project.platform)
    for flow in project.flows:
        variables = flow.root.entries.get("variables")
        if variables is not None:
            yield from leaves("/variables", f"flows.{flow.name}.variables", variables)


def of_artifact(payload: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Place]:
    """Yield the history that the map beside an artifact tells; values come from the artifact itself."""
    files = known["files"]

    def span(at: list[int]) -> Span:
        file = files[at[0]]
        return Span(file, at[1], at[2], at[1], at[2] + 1)

    for part in ("values", "removed"):
        for pointer, at in known.get(part, {}).items():
            layers = tuple(Layer(span(one["at"]), one["value"]) for one in known["replaced"].get(pointer, ()))
            name, value = _lookup(payload, pointer)
            written = known.get("written", {}).get(pointer, "")
            yield Place(pointer, name, span(at), value, layers, written, removed=part == "removed")


def _lookup(payload: Mapping[str, Any], pointer: str) -> tuple[str, Json]:
    """Return a value of the payload and its name, with jobs and steps by their ids."""
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    flow = payload["flows"].get(parts[1], {})
    value: Any = flow
    if parts[2:3] == ["resources"]:
        value = payload["resources"].get(flow["resources"].get(parts[3]), {})
        rest, names = parts[4:], parts[:4]
    else:
        job = flow["jobs"][int(parts[3])]
        value = job["steps"][int(parts[5])]
        rest, names = parts[6:], ["flows", parts[1], "jobs", job["id"], "steps", value["id"]]
    for part in rest:
        if isinstance(value, dict) and "$literal" in value:
            value = value["$literal"]
        value = value[int(part)] if isinstance(value, list) else value.get(part) if isinstance(value, dict) else None
        names.append(part)
    return ".".join(names), value


def as_text(found: Iterable[Place]) -> str:
    """Return explanations for people, one block each."""
    return "\n".join(_block(place) for place in found) + f"\nrule: {RULE}\n"


def _block(place: Place) -> str:
    gone = place.removed and place.value is None
    again = ", the default again" if place.removed else ""
    lines = [f"{place.name} " + ("is removed" if gone else f"= {_shown(place.value)}{again}")]
    rows = [("removed by" if place.removed else "set by", place.span, place.written or None)]
    rows += [("replaces", layer.span, _shown(layer.value)) for layer in reversed(place.replaced)]
    width = max(len(_at(span)) for _, span, _ in rows)
    for word, span, value in rows:
        lines.append(f"  {word:<10}  {_at(span):<{width}}  {value or ''}".rstrip())
    return "\n".join(lines) + "\n"


def _at(span: Span) -> str:
    return f"{span.file}:{span.line}:{span.column}" if span.file else "(default)"


def _shown(value: Json) -> str:
    if isinstance(value, dict) and isinstance(value.get("$secret"), dict):
        secret: Any = value["$secret"]
        key = f", key: {secret['key']}" if "key" in secret else ""
        return f"{{secret_ref: {secret['ref']}{key}}}"
    text: str = json.dumps(value, ensure_ascii=False)
    return text


def as_rows(found: Iterable[Place]) -> list[dict[str, Any]]:
    """Return explanations for machines; the winner's layers first, the lowest last."""
    return [
        {
            "path": place.name,
            "value": place.value,
            "removed": place.removed,
            "written": place.written,
            "set_by": _row(place.span),
            "replaces": [_row(layer.span) | {"value": layer.value} for layer in reversed(place.replaced)],
        }
        for place in found
    ]


def _row(span: Span) -> dict[str, Any]:
    return {"file": span.file, "line": span.line, "column": span.column}
