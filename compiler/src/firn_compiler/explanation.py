"""`firn explain`: where a value comes from, read from what was compiled or from the sources themselves."""

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any

from firn_compiler.diagnostics import Diagnostic, suggestion
from firn_compiler.document import BUILT_IN, COMMAND_LINE, Span, printable
from firn_compiler.model.project import Project
from firn_compiler.stages.lower import INHERITED
from firn_compiler.stages.places import (
    Layer,
    Place,
    below,
    flow_places,
    platform_places,
    variable_of,
    variable_places,
    variables_in,
)
from firn_schemas.base import Json

RULE = (
    "connector defaults, then the `extends` chain from base to leaf, then the flow's own; "
    "mappings merge key by key, lists and scalars replace, null removes; of variables the flow's, the chain's, `--var`"
)


class NotExplained(Exception):
    """There is no such value; `help` names those that are near."""

    def __init__(self, message: str, help: str = "") -> None:
        super().__init__(message)
        self.help = help


def explain(known: Iterable[Place], path: str) -> list[Place]:
    """Return the history of every leaf at or below `path`, and of the variables in it; raises NotExplained."""
    rows = list({place.pointer: place for place in known}.values())
    wanted = _normal(path)
    found = [place for place in rows if _fits(place, wanted)]
    if found:
        used = {(_flow_of(place), name) for place in found for name in variables_in(place.written)}
        more = sorted((one for one in rows if one not in found and _is_used(one, used)), key=_by_pointer)
        return [*found, *more]
    names = {short for place in rows for short in (_normal(place.name), _in_flow(place)) if short}
    parents = sorted(names | {name.rpartition(".")[0] for name in names} - {""})
    raise NotExplained(f"there is no value `{path}`", suggestion(path, _near(parents, wanted), "near it:"))


def _by_pointer(place: Place) -> str:
    return place.pointer


def _is_used(place: Place, used: Collection[tuple[str, str]]) -> bool:
    """Whether a place is the history of a variable that a flow uses: its own, or one of the platform's."""
    name, flow = variable_of(place), _flow_of(place)
    return any(name == one and flow in ("", its) for its, one in used)


def _flow_of(place: Place) -> str:
    """Return the flow that a value belongs to; empty where it is no flow's."""
    parts = place.pointer.split("/")
    return parts[2] if parts[1] == "flows" else ""


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
    """Return a path in one spelling: names and indexes joined by dots, `config` for `params`."""
    path = _BRACKETS.sub(lambda match: f".{match[2] or match[3]}", path)
    path = re.sub(r"(^|[./])(['\"])(.*?)\2(?=[./]|$)", r"\1\3", path).replace("/", ".").strip(".")
    path = re.sub(r"^var(?=\.)", "variables", path.removeprefix("payload."))
    return re.sub(r"(^|\.)(resources|connectors)\.([^.]+)\.params(?=\.|$)", r"\1\2.\3.config", path)


_BRACKETS = re.compile(r"\[(?:(['\"])(.*?)\1|(\d+))\]")


def _ways(place: Place) -> Iterator[str]:
    """Yield how a value may be asked for: in full or without its flow's name, jobs and steps by id or by position."""
    name = _normal(place.name)
    yield name
    if not name.startswith("flows."):
        return
    _, flow, *rest = name.split(".")
    for way in _by_position(rest, list(_parts(place.pointer))[2:]):
        yield from (way, f"flows.{flow}.{way}")


def _in_flow(place: Place) -> str:
    """Return a value's name without that of its flow; empty for what is no flow's."""
    return _normal(place.name).split(".", 2)[2] if place.name.startswith("flows.") else ""


def _by_position(names: list[str], positions: list[str]) -> Iterator[str]:
    """Yield a path inside a flow; the steps of its only job `main` stand at the top too, where `steps:` writes them."""
    jobs = dict.fromkeys([names[1], positions[1]]) if names[0] == "jobs" and len(names) > 1 < len(positions) else ()
    if not jobs:
        yield ".".join(names)
    for job in jobs:
        for step in dict.fromkeys([names[3], positions[3]]) if names[2:3] == ["steps"] and len(names) > 3 else ("",):
            inner = ["steps", step, *names[4:]] if step else names[2:]
            yield ".".join(["jobs", job, *inner])
            if step and names[1] == "main":
                yield ".".join(inner)


def _fits(place: Place, wanted: str) -> bool:
    return any(way == wanted or way.startswith(f"{wanted}.") for way in _ways(place))


def of_project(
    project: Project, variables: Mapping[str, Json], refused: Collection[Diagnostic] = ()
) -> Iterator[Place]:
    """Yield the history of everything that the sources say: what would be frozen, the platform, the variables.

    `variables` are those of the command line. Of what a finding refused no value is told, nor of a variable that stands
    there: it may be a secret in the wrong place.
    """
    wrong = [one for one in refused if one.severity == "error" and not one.code.startswith("E7")]
    paths = {f"{_normal(_entry(one))}." for one in wrong if one.path}
    spans = {one.span for one in wrong}
    secrets = [one.span for one in wrong if one.code == "E604"]
    for place in _places(project, variables):  # variables come last
        spelled = [f"{way}." for way in _ways(place)]
        named = any(way.startswith(path) for way in spelled for path in paths)
        own = {place.span, *(layer.span for layer in place.replaced)}
        if named or not spans.isdisjoint(own) or any(_within(one, span) for one in secrets for span in own):
            layers = tuple(one._replace(value=HIDDEN) for one in place.replaced)
            texts = [place.written, *(str(one.value) for one in place.replaced)]
            paths |= {f"variables.{name}." for text in texts for name in variables_in(text)}
            place = place._replace(value=HIDDEN, written="", replaced=layers)
        yield place


def _within(inner: Span, outer: Span) -> bool:
    """Whether a stretch of a file begins in another."""
    start = (inner.line, inner.column)
    first, last = (outer.line, outer.column), (outer.end_line, outer.end_column)
    return inner.file == outer.file and first <= start < last


def _entry(one: Diagnostic) -> str:
    """Return what a finding is about: of a connector whose type is not known, all of it."""
    owner, _, key = one.path.rpartition(".")
    return owner if key in ("type", "kind", "driver") else one.path


HIDDEN = "…"


def _places(project: Project, variables: Mapping[str, Json]) -> Iterator[Place]:
    for flow in project.flows:
        yield from flow_places(flow, project.platform)
    if project.platform is not None:  # what every flow says over it is told as the flow's
        yield from platform_places(project.platform, INHERITED if project.flows else ())
    yield from variable_places(project.flows, project.platform, variables)


class DamagedMap(Exception):
    """The map beside an artifact does not fit it."""


def of_artifact(payload: Mapping[str, Any], known: Mapping[str, Any]) -> list[Place]:
    """Return the history that the map beside an artifact tells; values come from the artifact itself.

    What the map does not name, no file says. Raises DamagedMap.
    """
    try:
        rows = {pointer: (name, value) for pointer, name, value in _frozen(payload)}
        rows |= {pointer: (name, value) for pointer, (name, value) in known["variables"].items()}
        return list(_mapped(rows, known))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        raise DamagedMap from None


def _mapped(rows: Mapping[str, tuple[str, Json]], known: Mapping[str, Any]) -> Iterator[Place]:
    files, said, removed = known["files"], known["values"], known["removed"]

    def span(at: tuple[int, int, int]) -> Span:
        number, line, column = at
        return Span(files[number], line, column, line, column + 1)

    def place(pointer: str, name: str, value: Json) -> Place:
        at = said.get(pointer) or removed.get(pointer)
        layers = tuple(Layer(span(one["at"]), one["value"]) for one in known["replaced"].get(pointer, ()))
        written = known["written"].get(pointer, "")
        return Place(pointer, name, span(at) if at else BUILT_IN, value, layers, written, pointer in removed)

    for pointer, (name, value) in rows.items():
        yield place(pointer, name, value)
    for pointer in sorted(removed.keys() - rows.keys()):
        yield place(pointer, ".".join(_parts(pointer)), None)
    if not said.keys() <= rows.keys():
        raise KeyError


def _frozen(payload: Mapping[str, Any]) -> Iterator[tuple[str, str, Json]]:
    """Yield pointer, name and value of everything in the payload that does not only follow from the rest."""
    for key in sorted(payload.keys() - {"features", "flows", "requires", "resources", "sources"}):
        yield from _values(f"/{key}", key, payload[key])
    for name, flow in payload["flows"].items():
        at, called = f"/flows/{name}", f"flows.{name}"
        yield from _members(at, called, flow, "fingerprint", "jobs", "resources")
        for index, job in enumerate(flow["jobs"]):
            at_job, called_job = f"{at}/jobs/{index}", f"{called}.jobs.{job['id']}"
            yield from _members(at_job, called_job, job, "fingerprint", "steps")
            for number, step in enumerate(job["steps"]):
                yield from _step(f"{at_job}/steps/{number}", f"{called_job}.steps.{step['id']}", step)
        for key, one in flow["resources"].items():
            resource = payload["resources"][one]
            yield from _members(f"{at}/resources/{key}", f"{called}.resources.{key}", resource, "fingerprint", "decode")


def _step(pointer: str, name: str, step: Mapping[str, Any]) -> Iterator[tuple[str, str, Json]]:
    inputs, inner = step["inputs"], step["inputs"].get("step") if step["type"] == "with_lock" else None
    derived = ("columns", "lineage", "streamed_into", "tree", "watermark")
    yield from _members(pointer, name, step, "fingerprint", "inputs", *derived)
    if inner is None:
        yield from _values(f"{pointer}/inputs", f"{name}.inputs", inputs)
    else:
        yield from _members(f"{pointer}/inputs", f"{name}.inputs", inputs, "step")
        yield from _step(f"{pointer}/inputs/step", f"{name}.inputs.step", inner)


def _members(pointer: str, name: str, value: Mapping[str, Any], *but: str) -> Iterator[tuple[str, str, Json]]:
    for key, item in value.items():
        if key not in but:
            yield from _values(below(pointer, key), f"{name}.{key}", item)


def _values(pointer: str, name: str, value: Any) -> Iterator[tuple[str, str, Json]]:
    """Yield the leaves; a typed node is one."""
    if isinstance(value, dict) and "$literal" in value:
        value = value["$literal"]
    elif isinstance(value, dict) and any(key.startswith("$") for key in value):
        yield pointer, name, value
        return
    if isinstance(value, dict) and value:
        yield from _members(pointer, name, value)
    elif isinstance(value, list) and value:
        for index, item in enumerate(value):
            yield from _values(f"{pointer}/{index}", f"{name}[{index}]", item)
    else:
        yield pointer, name, value


def _parts(pointer: str) -> Iterator[str]:
    return (part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def as_text(found: Iterable[Place]) -> str:
    """Return explanations for people, one block each."""
    return "\n".join(_block(place) for place in found) + f"\nrule: {RULE}\n"


def _block(place: Place) -> str:
    again = ", the default again" if place.removed else ""
    gone = place.removed and place.value is None
    rows = [
        ("removed by" if place.removed else "set by", place.span, place.written if place.written != place.value else "")
    ]
    rows += [("replaces", layer.span, _shown(layer.value)) for layer in reversed(place.replaced)]
    width = max(len(_at(span)) for _, span, _ in rows)
    lines = [f"{place.name} is removed" if gone else _under(f"{place.name} =", f"{_shown(place.value)}{again}")]
    lines += [_under(f"  {word:<10}  {_at(span):<{width}} ", text) for word, span, text in rows]
    return "".join(f"{line}\n" for line in lines)


def _under(line: str, text: str) -> str:
    """Return the text beside the line; one of several lines stands below it."""
    below = "".join(f"\n      {one}".rstrip(" ") for one in text.splitlines())
    return line.rstrip() + below if "\n" in text else f"{line} {text}".rstrip()


def _at(span: Span) -> str:
    return NO_FILES.get(span.file) or f"{printable(span.file)}:{span.line}:{span.column}"


NO_FILES = {BUILT_IN.file: "(default)", COMMAND_LINE.file: "(command line)"}


def _shown(value: Json) -> str:
    if isinstance(value, dict) and isinstance(value.get("$secret"), dict):
        secret: Any = value["$secret"]
        key = f", key: {secret['key']}" if "key" in secret else ""
        return f"{{secret_ref: {secret['ref']}{key}}}"
    if isinstance(value, str) and "\n" in value:
        return value
    text: str = json.dumps(value, ensure_ascii=False, sort_keys=True)
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
    """Return a place; of what stands in no file, line and column are null, and the file too of a default."""
    return {"file": printable(span.file) or None, "line": span.line or None, "column": span.column or None}
