"""One project on several platforms: the same flows in every environment, or platforms alone."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, TypeAlias

import click

from firn_compiler.assembly import Request
from firn_compiler.diagnostics import Diagnostic, in_order
from firn_compiler.pipeline import validate_project
from firn_compiler.sources import environments, project_request
from firn_schemas.base import Json

Read: TypeAlias = tuple[str, tuple[Request, list[Diagnostic]]]
"""The name of a platform, what was read for it, and what could not be."""


class Matrix(NamedTuple):
    """What was found, by flow and environment; and all of it once, each finding saying where it holds."""

    flows: tuple[str, ...]
    environments: tuple[str, ...]
    cells: Mapping[tuple[str, str], tuple[Diagnostic, ...]]
    found: tuple[Diagnostic, ...]
    texts: Mapping[str, str]


def in_every_environment(paths: list[str], variables: dict[str, Json]) -> Matrix:
    """Validate the flows against every environment of the first one's folder, or of the nearest above it."""
    names = environments(paths)
    if not names:
        raise click.UsageError("there is no platform/NAME/platform.yaml beside the flow, or above it")
    return _on_each([(name, project_request(paths, None, name, variables)) for name in names])


def alone(platforms: Iterable[str], variables: dict[str, Json]) -> Matrix:
    """Validate each of the platforms, without flows."""
    return _on_each([(name, project_request((), name, None, variables)) for name in platforms])


def _on_each(requests: list[Read]) -> Matrix:
    flows: dict[str, None] = {}
    cells: dict[tuple[str, str], tuple[Diagnostic, ...]] = {}
    where: dict[Diagnostic, list[str]] = {}
    texts: dict[str, str] = {}
    for name, (request, unread) in requests:
        answer = validate_project(request)
        texts |= answer.texts
        found = (*unread, *answer.diagnostics)
        for one in found:
            where.setdefault(one, []).append(name)
        owned = {one for own in answer.found_in for one in own}
        files = {source.file for source in request.flows}
        for source, flow, own in zip(request.flows, answer.flows, answer.found_in, strict=True):
            shown, others = flow or source.file, files - {source.file}
            flows[shown] = None
            cells[shown, name] = tuple(
                one for one in found if (one in own if one in owned else one.span.file not in others)
            )
    names = tuple(name for name, _ in requests)
    all_found = [
        _only(one, at) if len(at) < len(names) and one.span.file not in at else one for one, at in where.items()
    ]
    return Matrix(tuple(flows), names, cells, in_order(all_found, texts), texts)


def _only(one: Diagnostic, names: list[str]) -> Diagnostic:
    return one._replace(message=f"{one.message} ({', '.join(names)})")
