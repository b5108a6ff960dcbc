"""Records as validators: closed keys and exact types, checked by pydantic's core.

The core alone is used, on schemas that are built from the records here: pydantic's own model classes cost three times
as much at every cold start, and would load other packages' plug-ins.
"""

import typing
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union

from pydantic_core import SchemaValidator

from firn_compiler.document import Deferred
from firn_compiler.model.names import TEXTS
from firn_schemas.base import doc, record
from firn_schemas.decode import hints, spelling, tag
from firn_schemas.secret import Secret

Schema = dict[str, Any]
_PLAIN: dict[Any, str] = {str: "str", int: "int", float: "float", bool: "bool", NoneType: "none", Any: "any"}


@record
class SecretReference:
    """A reference to a secret; its value is fetched at run time."""

    secret_ref: str = doc("The secret's name.", examples=["shop-db"])
    key: str | None = doc("One key of a secret that has several.", default=None, examples=["password"])


@cache
def validator(of: type) -> SchemaValidator:
    """Return the validator of a record; aliases are not known to it, they are spelled out before the check."""
    schema: Any = _record(of)
    return SchemaValidator(schema, {"hide_input_in_errors": True})


def _record(of: Any) -> Schema:
    kinds = hints(of)
    members = {spelling(field): _field(field, kinds[field.name]) for field in fields(of)}
    return {"type": "typed-dict", "fields": members, "extra_behavior": "forbid", "total": True}


def _field(field: "Field[Any]", kind: Any) -> Schema:
    required = field.default is MISSING and field.default_factory is MISSING
    bounds = {theirs: field.metadata[ours] for ours, theirs in (("minimum", "ge"), ("maximum", "le"))}
    return {"type": "typed-dict-field", "required": required, "schema": _schema(kind, bounds)}


def _schema(kind: Any, bounds: Schema | None = None) -> Schema:
    """Return the core's schema of a type; a value that is known only at run time may stand where a plain one does.

    Each type is strict by its own word: that of the whole validator does not reach into a typed dict.
    """
    if kind is Secret:
        return _record(SecretReference)
    if is_dataclass(kind):
        return _record(kind)
    if kind in TEXTS:
        return _deferrable({"type": "function-after", "function": _plain(TEXTS[kind].check), "schema": {"type": "str"}})
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (UnionType, Union):
        return _union(arguments, bounds)
    if origin is Literal:
        literal = {"type": "literal", "expected": list(arguments)}
        return literal if len(arguments) == 1 else _deferrable(literal)  # the one word tells records apart
    if origin is list:
        return _deferrable({"type": "list", "items_schema": _schema(arguments[0])})
    if origin is dict:
        keys = _schema(arguments[0])
        return _deferrable({"type": "dict", "keys_schema": keys, "values_schema": _schema(arguments[1])})
    given = {key: bound for key, bound in (bounds or {}).items() if bound is not None and kind in (int, float)}
    return _deferrable({"type": _PLAIN[kind]} | given | ({} if kind in (Any, NoneType) else {"strict": True}))


def _union(kinds: tuple[Any, ...], bounds: Schema | None) -> Schema:
    if NoneType in kinds:
        rest = tuple(kind for kind in kinds if kind is not NoneType)
        return {"type": "nullable", "schema": _union(rest, bounds)}
    tagged = {found[1]: _record(kind) for kind in kinds if (found := tag(kind))}
    rest = tuple(kind for kind in kinds if not tag(kind))
    choices = [(_schema(kind, bounds), f"[{index}]") for index, kind in enumerate(rest)]
    if tagged:
        chosen_by = next(found[0] for kind in kinds if (found := tag(kind)))
        choices.insert(0, ({"type": "tagged-union", "choices": tagged, "discriminator": chosen_by}, "[tagged]"))
    return choices[0][0] if len(choices) == 1 else {"type": "union", "choices": choices}


def _deferrable(inner: Schema) -> Schema:
    return {"type": "function-wrap", "function": _plain(_let_pass), "schema": inner}


def _plain(function: Any) -> Schema:
    return {"type": "no-info", "function": function}


def _let_pass(value: Any, check: Any) -> Any:
    return value if type(value) is Deferred else check(value)
