"""Flows that were compiled before: a unit as bytes and back. What cannot be read back is compiled again."""

from collections.abc import Iterable
from collections.abc import Mapping as Map
from typing import Any

import orjson

from firn_compiler.assembly import Ground, Request, text_of
from firn_compiler.attachments import Read, read_again
from firn_compiler.diagnostics import Diagnostic, Related, has_errors
from firn_compiler.document import Span
from firn_compiler.model.project import Flow
from firn_compiler.stages.lower import Lowered
from firn_compiler.stages.places import Layer, Place
from firn_compiler.unit import Unit, flow_unit
from firn_compiler.yaml_source import Source
from firn_schemas.base import Json
from firn_schemas.canonical import bytes_digest, digest


def kept_unit(source: Source, on: Ground, request: Request, *, freeze: bool) -> tuple[Unit, Flow | None, Map[str, str]]:
    """Return `flow_unit`, or what it came to before where nothing that decides it has changed.

    On an `enterprise` platform nothing is kept: it lies where a repository can bring it along, past the checks.
    """
    strict = on.platform is None or on.platform.is_enterprise
    if request.kept is None or not freeze or has_errors(on.found) or strict:
        return flow_unit(source, on, request, freeze=freeze)
    key = _key(source, on, request)
    raw = request.kept.get(key)
    unit = unit_of(raw) if raw is not None else None
    if unit is not None and all(_as_it_was(source, one, request) for one in unit.read):
        files = [request.read(source.file, one.name) for one in unit.read if one.kind == "sql"]
        return unit, None, {one.file: text_of(one) for one in (source, *files) if one is not None}
    unit, flow, texts = flow_unit(source, on, request, freeze=freeze)
    if unit.lowered is not None and not unit.leaks.used:  # what an exception allows is never kept
        request.kept.put(key, unit_bytes(unit))
    return unit, flow, texts


def _as_it_was(source: Source, one: Read, request: Request) -> bool:
    return read_again(source.file, one.kind, one.name, request) == one.digest


def _key(source: Source, on: Ground, request: Request) -> str:
    """Return the digest of everything that decides a flow, apart from the files it names."""
    chain: list[Json] = [[_named(file), bytes_digest(text.encode())] for file, text in on.texts.items()]
    variables = orjson.dumps(dict(request.variables), option=orjson.OPT_SORT_KEYS).decode()  # 1.0 is not 1
    plugged: list[Json] = [*request.plugged]
    return digest([_named(source.file), bytes_digest(source.content), chain, request.environment, variables, plugged])


def _named(file: str) -> str:
    """Return a digest of a file's name, which may be no UTF-8."""
    return bytes_digest(file.encode(errors="surrogateescape"))


def unit_bytes(unit: Unit) -> bytes:
    """Return a unit that is not in the way of a run as JSON; files of its places are numbered."""
    assert unit.lowered is not None
    files: dict[str, int] = {}

    def at(span: Span) -> list[int]:
        return [files.setdefault(span.file, len(files)), *span[1:]]

    body = {
        "found": [
            [one.code, one.message, at(one.span), one.help, one.path, [[r.message, at(r.span)] for r in one.related]]
            for one in unit.found
        ],
        "head": [files.setdefault(unit.file, len(files)), unit.name, at(unit.name_span)],
        "lowered": [*unit.lowered],
        "places": [
            [
                place.pointer,
                place.name,
                at(place.span),
                place.value,
                [[at(layer.span), layer.value] for layer in place.replaced],
                place.written,
                place.removed,
            ]
            for place in unit.places
        ],
        "read": [[*one] for one in unit.read],
        "secrets": {variable: [full, at(span), path] for variable, (full, span, path) in unit.secrets.items()},
        "sources": unit.sources,
    }
    return orjson.dumps(body | {"files": [file.encode(errors="surrogateescape").decode("latin-1") for file in files]})


def unit_of(content: bytes) -> Unit | None:
    """Return the unit that `unit_bytes` wrote; None where it is something else."""
    try:
        return _unit(orjson.loads(content))
    except (KeyError, TypeError, ValueError, IndexError):
        return None


def _unit(body: Any) -> Unit:
    files = [file.encode("latin-1").decode(errors="surrogateescape") for file in body["files"]]  # may be no UTF-8

    def span(at: list[int]) -> Span:
        return Span(files[at[0]], at[1], at[2], at[3], at[4])

    def related(rows: Iterable[Any]) -> tuple[Related, ...]:
        return tuple(Related(message, span(at)) for message, at in rows)

    file, name, name_span = body["head"]
    return Unit(
        files[file],
        name,
        span(name_span),
        tuple(
            Diagnostic(code, message, span(at), help, path, related(rows))
            for code, message, at, help, path, rows in body["found"]
        ),
        {variable: (full, span(at), path) for variable, (full, at, path) in body["secrets"].items()},
        tuple(Read(*one) for one in body["read"]),
        Lowered(*body["lowered"]),
        tuple(body["sources"]),
        tuple(
            Place(pointer, name, span(at), value, tuple(Layer(span(a), v) for a, v in layers), written, removed)
            for pointer, name, at, value, layers, written, removed in body["places"]
        ),
    )
