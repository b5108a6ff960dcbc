"""Conditions: operations over paths and literals, what one always is, and whether its operands are of the right types.

Lowered to literals, typed nodes and `$op` nodes.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from firn_compiler.diagnostics import TYPES, type_of
from firn_compiler.template import TemplateError, literal
from firn_schemas.base import Json

CONNECTIVES = frozenset(["and", "or", "not"])
Types = Callable[[str], str]
"""From a path to the type of its value, in the words of JSON Schema; `any` where it is not known."""


class Term(NamedTuple):
    """A part of a condition: an operation over others, a path, or a literal; and where it stands."""

    start: int
    end: int
    operator: str = ""
    arguments: "tuple[Term, ...]" = ()
    path: str = ""
    value: Json = None
    wrong: bool = False
    """Whether it could not be read: it may be anything."""

    def lowered(self) -> Json:
        """Return the artifact's form."""
        if self.operator:
            return {"$op": {"name": self.operator, "args": [one.lowered() for one in self.arguments]}}
        return self.value if self.path else literal(self.value)

    @property
    def height(self) -> int:
        """How many operations stand inside each other."""
        return max((one.height for one in self.arguments), default=0) + bool(self.operator)

    @property
    def paths(self) -> "Iterator[Term]":
        """Every path in it that is known only at run time."""
        if self.path:
            yield self
        for one in self.arguments:
            yield from one.paths


def constant(tree: Term) -> bool | None:
    """Return what the condition always is; None where it depends on the run."""
    if tree.operator == "not":
        inner = constant(tree.arguments[0])
        return None if inner is None else not inner
    if tree.operator in ("and", "or"):
        values = [constant(one) for one in tree.arguments]
        decisive = tree.operator == "or"
        if decisive in values:
            return decisive
        return None if None in values else not decisive
    if tree.operator and not any(one.path or one.operator for one in tree.arguments):
        return _compared(tree.operator, tree.arguments[0].value, tree.arguments[1].value)
    return tree.value if isinstance(tree.value, bool) and not tree.path and not tree.operator else None


def _compared(operator: str, left: Json, right: Json) -> bool | None:
    if operator in ("==", "!="):
        return (left == right) is (operator == "==")
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[operator]
    return None


def type_errors(tree: Term, types: Types) -> Iterator[TemplateError]:
    """Yield where an operator is given what it cannot take, and a condition that is neither true nor false."""
    yield from _errors_within(tree, types)
    found = _type_of(tree, types)
    if found not in ("boolean", "any") and not tree.operator:
        help = "compare it: `… > 0`, `… == 'done'`"
        raise_at = (tree.start, tree.end)
        yield TemplateError("E406", f"the condition is {_A[found]}, neither true nor false", help, *raise_at)


def _errors_within(tree: Term, types: Types) -> Iterator[TemplateError]:
    for one in tree.arguments:
        yield from _errors_within(one, types)
    kinds = [_type_of(one, types) for one in tree.arguments]
    if tree.operator in CONNECTIVES:
        for one, kind in zip(tree.arguments, kinds, strict=True):
            if kind not in ("boolean", "any"):
                message = f"`{tree.operator}` takes conditions, not {_A[kind]}"
                yield TemplateError("E406", message, "compare it with something", one.start, one.end)
    elif tree.operator and not _comparable(tree.operator, *kinds):
        message = f"`{tree.operator}` cannot compare {_A[kinds[0]]} with {_A[kinds[1]]}"
        help = "numbers compare with numbers, text with text" + (
            "; remove the quotes" if set(kinds) == {"number", "string"} else ""
        )
        yield TemplateError("E406", message, help, tree.start, tree.end)


def _comparable(operator: str, left: str, right: str) -> bool:
    if "any" in (left, right):
        return {left, right} & {"array", "object"} == set()
    if operator in ("==", "!="):
        return left == right not in ("array", "object") or "null" in (left, right)
    return left == right and left in ("number", "string")


_A = TYPES | {"any": "a value"}


def _type_of(tree: Term, types: Types) -> str:
    """Return the type of a term's value; one number is as good as another."""
    if tree.operator:
        return "boolean"
    if tree.wrong:
        return "any"
    found = types(tree.path) if tree.path else type_of(tree.value)
    return "number" if found == "integer" else found
