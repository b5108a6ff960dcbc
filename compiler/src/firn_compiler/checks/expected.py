"""What a check expects of a column, and from where an incremental read begins: by the kind of the column's values."""

from collections.abc import Callable, Iterator, Mapping

from firn_compiler.diagnostics import Diagnostic, finding
from firn_compiler.document import Mapping as MappingNode
from firn_compiler.document import Node, Path, Scalar, items_at, mapping_at, text_at
from firn_compiler.kinds import MOMENTS, NUMBERS, article, common, equal, readable, written
from firn_compiler.model.project import Step

CURSORS = NUMBERS - {"double"} | MOMENTS | {"text"}
"""Kinds of values that have an order in which no row can be missed."""


def expected(step: Step, kinds: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Report expectations of values that a column cannot hold, or not be compared with.

    `kinds` are those of the dataset's columns, by their names in lower case, as far as they are known.
    """
    for index, item in enumerate(items_at(step.inputs, "expectations")):
        for rule in ("accepted_values", "between", "freshness"):
            node = mapping_at(item, rule) if isinstance(item, MappingNode) else None
            kind = kinds.get((text_at(node, "column") or "").lower())
            if node is not None and kind:
                yield from _expected(rule, node, kind, (*step.inputs_path, "expectations", index, rule))


def _expected(rule: str, node: MappingNode, kind: str, path: Path) -> Iterator[Diagnostic]:
    name = text_at(node, "column") or ""
    if rule == "freshness" and kind not in MOMENTS:
        message = f"`{name}` is {article(kind)}, and says not how fresh a row is"
        help = "give it the type of a timestamp or date, in the `schema` of its `read` or in a `sql` step"
        yield finding("E509", message, node.entries["column"].span, help, (*path, "column"))
    for at, value in enumerate(items_at(node, "values")):
        yield from _compared(value, name, kind, equal, (*path, "values", at))
    for key in ("min", "max") if rule == "between" else ():
        yield from _compared(node.entries.get(key), name, kind, common, (*path, key))


def begun(step: Step, kinds: Mapping[str, str]) -> Iterator[Diagnostic]:
    """Report a cursor by which rows could be missed, and an `initial` that is no value of it."""
    node, path = mapping_at(step.inputs, "incremental"), (*step.inputs_path, "incremental")
    cursor = text_at(node, "cursor") or ""
    kind = kinds.get(cursor.lower())
    if node is None or not kind:
        return
    if kind in CURSORS:
        yield from _compared(node.entries.get("initial"), cursor, kind, equal, (*path, "initial"))
    else:
        help = "a cursor is a whole or decimal number, a date, a timestamp or a text"
        message = f"`{cursor}` is {article(kind)}, and no cursor"
        yield finding("E509", message, node.entries["cursor"].span, help, (*path, "cursor"))


def _compared(
    node: Node | None, name: str, kind: str, together: Callable[[str, str], object], path: Path
) -> Iterator[Diagnostic]:
    """Report a value that a column of this kind is not compared with."""
    value = node.value if isinstance(node, Scalar) and node.source is None else None
    if node is None or value is None:
        return
    if not (readable(value, kind) if isinstance(value, str) else together(kind, _KINDS.get(type(value), ""))):
        message = f"`{name}` is {article(kind)}, and this is none"
        yield finding("E509", message, node.span, f"write {written(kind)}", path)


_KINDS = {bool: "boolean", int: "whole number", float: "decimal"}
