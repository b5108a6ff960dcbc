"""`firn validate --all-envs`: the same flows on every platform beside them."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import click

from firn_compiler.diagnostics import Diagnostic, in_order
from firn_compiler.pipeline import validate_project
from firn_compiler.sources import environments, project_request
from firn_schemas.base import Json


class Matrix(NamedTuple):
    """What was found, by flow and environment; and all of it once, each finding saying where it holds."""

    flows: tuple[str, ...]
    environments: tuple[str, ...]
    cells: Mapping[tuple[str, str], tuple[Diagnostic, ...]]
    found: tuple[Diagnostic, ...]
    texts: Mapping[str, str]


def in_every_environment(paths: list[str], variables: dict[str, Json]) -> Matrix:
    """Validate the flows against every environment of the first one's folder, or of the nearest above it."""
    names = environments(Path(paths[0]))
    if not names:
        raise click.UsageError("there is no platform/NAME/platform.yaml beside the flow, or above it")
    flows: dict[str, None] = {}
    cells: dict[tuple[str, str], tuple[Diagnostic, ...]] = {}
    where: dict[Diagnostic, list[str]] = {}
    texts: dict[str, str] = {}
    for name in names:
        request, unread = project_request(paths, None, name, variables)
        answer = validate_project(request)
        texts |= answer.texts
        files = {source.file: flow for source, flow in zip(request.flows, answer.flows, strict=False)}
        for one in (*unread, *answer.diagnostics):
            where.setdefault(one, []).append(name)
        for file, flow in files.items():
            shown = flow or file
            flows[shown] = None
            cells[shown, name] = tuple(
                one for one in (*unread, *answer.diagnostics) if files.get(one.span.file, flow) == flow
            )
    found = [one if len(at) == len(names) else _only(one, at) for one, at in where.items()]
    return Matrix(tuple(flows), tuple(names), cells, in_order(found, texts), texts)


def _only(one: Diagnostic, names: list[str]) -> Diagnostic:
    return one._replace(message=f"{one.message} ({', '.join(names)})")
