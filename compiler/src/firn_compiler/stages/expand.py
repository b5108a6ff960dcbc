"""Templates: what is known at compile time is replaced, the rest becomes typed nodes, every mistake is reported."""

from collections.abc import Iterator
from collections.abc import Mapping as Map

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Document, Mapping, Node, Path, Scalar, Span, entries_at, rebuild, value_of, walk
from firn_compiler.scalar_text import place_in
from firn_compiler.stages.defaults import as_node
from firn_compiler.stages.keys_meant import key_meant
from firn_compiler.template import (
    Constants,
    Placeholder,
    TemplateError,
    expanded,
    help_in_sql,
    might_be_template,
    parse,
    well_formed,
)
from firn_schemas.base import Json

CONDITION = "when"
"""The key whose text is an expression of its own, not a template."""


def variables_of(record: type, root: Mapping) -> dict[str, Json]:
    """Return the `variables` of a flow or platform, as far as they are a mapping."""
    return {name: value_of(item) for name, item in entries_at(root, key_meant(record, root, "variables")).items()}


def without_templates(
    root: Mapping, constants: Constants, documents: Map[str, Document]
) -> tuple[Mapping, tuple[Diagnostic, ...]]:
    """Return the tree without compile-time templates, and what is wrong with the templates in it."""
    found: list[Diagnostic] = []

    def change(scalar: Scalar, path: Path) -> Node:
        text = scalar.value
        if not isinstance(text, str) or not might_be_template(text) or _is_condition(path):
            return scalar
        if path[:1] == ("variables",):
            help = "write the value, and `{{ env.NAME }}` where it is used if it differs from run to run"
            found.append(finding("E402", "a variable's value cannot hold a template", scalar.span, help, path))
            return scalar
        value, errors = expanded(text, constants)
        if errors:
            found.extend(_finding(error, scalar, documents, path) for error in errors)
        if isinstance(value, (dict, list)):
            inner = rebuild(as_node(value), lambda one, _: Scalar(one.value, scalar.span, source=text))
            inner.span, inner.prior = scalar.span, scalar.prior
            return inner
        return Scalar(value, scalar.span, scalar.prior, source=text)

    tree = rebuild(root, change)
    assert isinstance(tree, Mapping)
    found += _keys(root)
    return tree, tuple(found)


def _is_condition(path: Path) -> bool:
    return len(path) == 3 and path[0] == "jobs" and path[2] == CONDITION


def _keys(root: Mapping) -> list[Diagnostic]:
    return [
        finding("E402", "a key cannot hold a template", node.keys[key], "templates stand in values", (*path, key))
        for path, node in walk(root)
        if isinstance(node, Mapping)
        for key in node.entries
        if "{{" in key
    ]


def _finding(error: TemplateError, scalar: Scalar, documents: Map[str, Document], path: Path) -> Diagnostic:
    place = within(scalar, documents.get(scalar.span.file), error.start, error.end)
    help = help_in_sql(error.help) if path[-2:] == ("inputs", "sql") else error.help
    return finding(error.code, error.message, place, help, path)


def templates_in(scalar: Scalar, documents: Map[str, Document]) -> Iterator[tuple[str, Span]]:
    """Yield the path and the place of every well-formed template that was written into a value."""
    for part in parse(scalar.source or ""):
        if isinstance(part, Placeholder) and well_formed(part.path):
            yield part.path, within(scalar, documents.get(scalar.span.file), part.start, part.end)


def within(scalar: Scalar, document: Document | None, start: int, end: int) -> Span:
    """Return where a stretch of a scalar's text stands in its file."""
    text = scalar.value if scalar.source is None else scalar.source
    if document is None or not isinstance(text, str):
        return scalar.span
    return place_in(document.lines, scalar.span, text, start, end)
