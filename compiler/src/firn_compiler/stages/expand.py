"""Templates: what is known at compile time is replaced, the rest becomes typed nodes, every mistake is reported."""

from collections.abc import Mapping as Map

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Document, Mapping, Node, Path, Scalar, Span, rebuild, value_of
from firn_compiler.stages.defaults import as_node
from firn_compiler.template import Constants, TemplateError, expand, might_be_template
from firn_schemas.base import Json


def variables_of(root: Node) -> dict[str, Json]:
    """Return the `variables` of a flow or platform, as far as they are a mapping."""
    found = root.entries.get("variables") if isinstance(root, Mapping) else None
    return dict(value_of(found)) if isinstance(found, Mapping) else {}


def expanded(
    root: Mapping, constants: Constants, documents: Map[str, Document]
) -> tuple[Mapping, tuple[Diagnostic, ...]]:
    """Return the tree without compile-time templates, and what is wrong with the templates in it."""
    found: list[Diagnostic] = []

    def change(scalar: Scalar, path: Path) -> Node:
        text = scalar.value
        if not isinstance(text, str) or not might_be_template(text):
            return scalar
        if path[:1] == ("variables",):
            found.append(finding("E402", "a variable's value cannot hold a template", scalar.span, path=path))
            return scalar
        try:
            value = expand(text, constants)
        except TemplateError as error:
            place = template_span(documents.get(scalar.span.file), scalar.span, error.ordinal)
            found.append(finding(error.code, error.message, place, error.help, path))
            return Scalar(None, scalar.span, scalar.prior)
        if isinstance(value, (dict, list)):
            inner = as_node(value)
            inner.span, inner.prior = scalar.span, scalar.prior
            return inner
        return Scalar(value, scalar.span, scalar.prior)

    tree = rebuild(root, change)
    assert isinstance(tree, Mapping)
    return tree, tuple(found)


def template_span(document: Document | None, span: Span, ordinal: int) -> Span:
    """Return where the template with this ordinal stands: the same braces are in the file, in the same order."""
    if document is None:
        return span
    lines = document.text.splitlines()[span.line - 1 : span.end_line]
    seen = -1
    for offset, line in enumerate(lines):
        column = span.column - 1 if offset == 0 else 0
        while (column := line.find("{{", column)) >= 0:
            seen += 1
            if seen == ordinal:
                end = line.find("}}", column)
                stop = end + 2 if end >= 0 else len(line)
                return Span(span.file, span.line + offset, column + 1, span.line + offset, stop + 1)
            column += 2
    return span
